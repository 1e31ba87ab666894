"""The small head on the encoder's two vectors: which features there are, and how their parameters are fitted.

A pairwise logistic model (Bradley and Terry 1952): the odds that one answer beats another are the exponential
of the difference of their raw scores. It is convex, so that the same pairs give the same head, and it is
fitted towards an earlier head where there is one. Where longer answers often win, a head learns to count
words through whatever grows with them; a limit on its correlation with length is kept by a second penalty,
which leaves the fit convex. Arrays in, arrays out: numpy and scipy, no torch, no I/O. Left out: features of
tokens (late interaction).
Run: pytest tests/unit/learning/training/test_reward_head.py
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit

from storage.errors import DataError

Array = npt.NDArray[np.float64]
STRENGTHS = (-3.0, 3.0)
"""Powers of ten between which the penalty on going along with length is looked for."""
HALVINGS = 8
"""How often that span is halved: the strength is found to within a factor of 1.06."""


@dataclass(frozen=True, kw_only=True)
class Head:
    """raw = weight · (features - mean) / spread; all three have the shape (features,)."""

    mean: Array
    spread: Array
    weight: Array

    def raw(self, features: Array) -> Array:
        """(n, features) → (n,)."""
        found: Array = ((features - self.mean) / self.spread) @ self.weight
        return found


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """raw → the chance to beat the median answer: sigmoid(slope · (raw - centre))."""

    centre: float = 0.0
    slope: float = 1.0

    def score(self, raw: Array) -> Array:
        """Twice that chance less one, in [-1, 1]: 0 for a median answer."""
        found: Array = np.tanh(self.slope * (raw - self.centre) / 2)
        return found


def features(questions: Array, answers: Array, counted: Array | None) -> Array:
    """The answer's vector, its product with the question's, their cosine or dot, its square, what is counted.

    (n, d), (n, d), (n, k) or None → (n, 2d + 2) or (n, 2d + 2 + k). The square lets the head say that near
    is good and the same is not.
    """
    product = questions * answers
    near = product.sum(1, keepdims=True)
    parts = [answers, product, near, near**2]
    return np.concatenate(parts if counted is None else [*parts, counted], axis=1)


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """How much longer the better answer of each pair is, and the most that a head may go along with it.

    `gaps` has the shape (n,), in any unit; `weights` say how much each pair counts in the correlation.
    """

    gaps: Array
    weights: Array
    limit: float

    def pull(self, gaps: Array) -> Array:
        """(n, features) → (features,): the mean product of each feature's gap with the length's."""
        shares = self.weights / self.weights.sum()
        scaled = self.gaps / (np.sqrt(shares @ self.gaps**2) + 1e-12)
        found: Array = (shares * scaled) @ gaps
        return found

    def correlation(self, margin: Array) -> float:
        """Of a head's gaps with those of length, in [-1, 1]; 0 where one side is all nothing."""
        shares = self.weights / self.weights.sum()
        spread = np.sqrt((shares @ margin**2) * (shares @ self.gaps**2))
        return float(shares @ (margin * self.gaps) / spread) if spread else 0.0


def fit(
    better: Array,
    worse: Array,
    weights: Array,
    penalty: float,
    start: Head | None = None,
    lengths: Lengths | None = None,
) -> tuple[Head, float]:
    """A head for which `better` beats `worse`, row by row, each row counting by its weight; and its loss.

    `penalty` holds the parameters to those of `start`, or to zero; the more pairs, the less it holds.
    `lengths`: the least further penalty is found with which the head keeps to their limit. Raises DataError
    where there is no pair, or a number is not finite.
    """
    if not len(better):
        raise DataError("There is no pair to fit the reward's head on.")
    both = np.concatenate([better, worse])
    if not (np.isfinite(both).all() and np.isfinite(weights).all()):
        raise DataError(
            "The encoder gives vectors that are not finite: it is damaged, or its learning rate was too high."
        )
    mean = start.mean if start else both.mean(0)
    spread = start.spread if start else both.std(0) + 1e-6
    gaps = (better - worse) / spread
    origin = start.weight if start else np.zeros(gaps.shape[1])
    shares = weights / weights.sum()
    along = lengths.pull(gaps) if lengths else np.zeros(gaps.shape[1])

    def found(strength: float, begin: Array) -> tuple[Array, float]:
        def loss(weight: Array) -> tuple[float, Array]:
            margin = gaps @ weight
            off, by_length = weight - origin, float(weight @ along)
            value = float(shares @ np.logaddexp(0, -margin) + penalty / 2 * (off @ off))
            slope = -gaps.T @ (shares * expit(-margin)) + penalty * off
            return value + strength / 2 * by_length**2, slope + strength * by_length * along

        best = minimize(loss, begin, jac=True, method="L-BFGS-B", options={"maxiter": 500})
        return np.asarray(best.x), float(best.fun)

    weight, value = found(0.0, origin)
    if lengths and lengths.correlation(gaps @ weight) > lengths.limit:
        low, high = STRENGTHS
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            weight, value = found(10**middle, weight)
            low, high = (
                (middle, high) if lengths.correlation(gaps @ weight) > lengths.limit else (low, middle)
            )
        weight, value = found(10**high, weight)
    return Head(mean=mean, spread=spread, weight=weight), value


def calibrate(gaps: Array, raw: Array) -> Calibration:
    """The slope by which `gaps` (raw of better less raw of worse, held out) become odds; the centre of `raw`.

    A slope below zero would turn the order around: then the model is no better than chance, and the slope is
    nearly nothing, so that its rewards are, too.
    """
    scale = float(np.abs(gaps).mean()) or 1.0

    def loss(slope: Array) -> tuple[float, Array]:
        margin = gaps / scale * slope[0]
        return float(np.logaddexp(0, -margin).mean()) + 1e-4 * float(slope[0] ** 2), np.array(
            [float(-(gaps / scale * expit(-margin)).mean()) + 2e-4 * float(slope[0])]
        )

    found = minimize(loss, np.ones(1), jac=True, method="L-BFGS-B", bounds=[(1e-3, 50.0)])
    return Calibration(centre=float(np.median(raw)), slope=float(found.x[0]) / scale)
