"""Intervals of what was measured, for training and for the benches: Wilson's, and bootstraps. Pure.

All are 95 %, two-sided, unless `z` says otherwise. A bootstrap resamples whole groups, a question with all
its answers say, for answers of one group are no independent evidence; its draws are seeded, so that a report
can be made again. Left out: cells of repository and seed (`bot/bench/intervals.py`); tests of significance.
Run: `pytest tests/unit/learning/test_intervals.py`.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A mean, its 95 % interval, and over how many groups; all three are NaN over none."""

    value: float
    low: float
    high: float
    groups: int


def wilson(value: float, n: float, *, z: float = 1.96) -> tuple[float, float]:
    """Wilson's interval of a rate of `n` independent trials, n > 0 (Wilson, JASA 1927); `z` 1.96 is 95 %."""
    middle = (value + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(value * (1 - value) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def bootstrap(
    values: Sequence[float], groups: Sequence[Hashable] | None = None, *, seed: int = 0
) -> Interval:
    """The mean of values by resampling groups (each value its own without `groups`), percentile interval.

    Source: Efron, Annals of Statistics 1979. Raises ValueError where a value has no group.
    """
    sums = _summed(values, groups)
    if not len(sums):
        return Interval(value=math.nan, low=math.nan, high=math.nan, groups=0)
    draws = np.random.default_rng(seed).integers(len(sums), size=(RESAMPLES, len(sums)))
    drawn = sums[draws].sum(axis=1)
    low, high = np.percentile(drawn[:, 0] / drawn[:, 1], [2.5, 97.5])
    total = sums.sum(axis=0)
    return Interval(value=float(total[0] / total[1]), low=float(low), high=float(high), groups=len(sums))


def paired(
    ours: Sequence[float],
    theirs: Sequence[float],
    groups: Sequence[Hashable] | None = None,
    *,
    seed: int = 0,
) -> Interval:
    """How much more one system has than another on the same inputs: the mean difference, pairs kept together.

    Source: Koehn, EMNLP 2004. Raises ValueError for sides of unequal length.
    """
    return bootstrap([a - b for a, b in zip(ours, theirs, strict=True)], groups, seed=seed)


def ratio(
    ours: Sequence[float], theirs: Sequence[float], groups: Sequence[Hashable], *, seed: int = 0
) -> Interval:
    """The mean of one system's values over the mean of another's, groups resampled together.

    NaN over none, and where theirs are all 0. Raises ValueError for sides of unequal length.
    """
    one, other = _summed(ours, groups)[:, 0], _summed(theirs, groups)[:, 0]
    if not len(one) or not other.all():
        return Interval(value=math.nan, low=math.nan, high=math.nan, groups=len(one))
    draws = np.random.default_rng(seed).integers(len(one), size=(RESAMPLES, len(one)))
    low, high = np.percentile(one[draws].sum(axis=1) / other[draws].sum(axis=1), [2.5, 97.5])
    return Interval(value=float(one.sum() / other.sum()), low=float(low), high=float(high), groups=len(one))


def spearman(
    ones: Sequence[float],
    others: Sequence[float],
    groups: Sequence[Hashable],
    *,
    resamples: int = 500,
    seed: int = 0,
) -> Interval:
    """Rank correlation over all values, mean ranks for ties, its interval by resampling groups.

    NaN where one side is all the same; a draw in which it is, is left out. Raises ValueError for sides of
    unequal length.
    """
    from scipy.stats import rankdata

    table = np.array(list(zip(ones, others, strict=True)), dtype=np.float64).reshape(-1, 2)
    members: dict[Hashable, list[int]] = {}
    for place, group in enumerate(groups):
        members.setdefault(group, []).append(place)
    places = [np.array(one) for one in members.values()]

    def rho(chosen: NDArray[np.int64]) -> float:
        ranks = rankdata(table[chosen], axis=0) - (len(chosen) + 1) / 2
        spread = math.sqrt(float((ranks[:, 0] ** 2).sum() * (ranks[:, 1] ** 2).sum()))
        return float((ranks[:, 0] * ranks[:, 1]).sum()) / spread if spread else math.nan

    if len(table) < 2:
        return Interval(value=math.nan, low=math.nan, high=math.nan, groups=len(places))
    random = np.random.default_rng(seed)
    draws = [random.integers(len(places), size=len(places)) for _ in range(resamples)]
    found = [rho(np.concatenate([places[n] for n in drawn])) for drawn in draws]
    kept = [value for value in found if not math.isnan(value)] or [math.nan]
    low, high = np.percentile(kept, [2.5, 97.5])
    return Interval(value=rho(np.arange(len(table))), low=float(low), high=float(high), groups=len(places))


def _summed(values: Sequence[float], groups: Sequence[Hashable] | None) -> NDArray[np.float64]:
    """Each group's sum and count, in the order in which the groups come."""
    if groups is None:
        return np.array([(value, 1.0) for value in values], dtype=np.float64).reshape(-1, 2)
    found: dict[Hashable, list[float]] = {}
    for value, group in zip(values, groups, strict=True):
        pair = found.setdefault(group, [0.0, 0.0])
        pair[0] += value
        pair[1] += 1
    return np.array(list(found.values()), dtype=np.float64).reshape(-1, 2)
