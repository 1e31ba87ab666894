"""The reward's head and calibration, fitted on what a model reads: two convex fits.

Left out: the arithmetic (`learning/training/reward_head.py`), training the encoder.
Run: thumbprint train reward --data FOLDER --out DIR
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from rich.console import Console
from rich.progress import Progress

from learning.training.reward_data import Ranked
from learning.training.reward_head import Array, Calibration, Head, Lengths, calibrate, features, fit
from learning.training.reward_model import RewardModel
from learning.training.reward_pairs import Weighted, hard, paired, weighted
from learning.training.reward_surface import surface

PENALTIES = (1e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0)
"""What a head's parameters may be held by: the less data, the more; the second where nobody can choose."""
LEARNING_ON = (*PENALTIES, 3.0, 10.0)
"""The same of a head that goes on from another one; the last where nobody can choose, for what it was is then
more than what few pairs can say."""


def fitted(
    model: RewardModel,
    questions: Sequence[Ranked],
    *,
    most_pairs: int,
    adversarial: float,
    penalty: float,
    length_limit: float,
    held: Sequence[Ranked],
    console: Console,
    others: Mapping[str, str] | None = None,
) -> tuple[Head, float, float]:
    """A head on the vectors of all pairs, its loss and penalty; held to the head that there is.

    A `penalty` of 0 is chosen: that of `PENALTIES`, or of `LEARNING_ON` where there is a head, with which the
    held-out pairs have the best odds. Then the head is held to `length_limit`, the most that its gaps
    correlate with those of length. `others`: another question's answer for each key, as `hardest` gives them.
    """
    pairs = list(weighted(questions, most_pairs=most_pairs, adversarial=adversarial, others=others))
    weights = np.array([one.weight for one in pairs])
    judges = list(weighted(held, most_pairs=most_pairs, adversarial=0)) if penalty <= 0 else []
    with Progress(console=console) as progress:
        sides = _sides(model, pairs, progress)
        unseen = _sides(model, judges, progress) if judges else None
    known, unchosen = (PENALTIES, PENALTIES[1]) if model.head is None else (LEARNING_ON, LEARNING_ON[-1])
    chosen = penalty if penalty > 0 else unchosen
    if unseen:
        tried = {each: fit(*sides, weights, each, model.head)[0] for each in known}
        chosen = min(tried, key=lambda each: _surprise(tried[each], *unseen))
    lengths = _lengths(pairs, length_limit) if length_limit < 1 else None
    return *fit(*sides, weights, chosen, model.head, lengths), chosen


def hardest(model: RewardModel, questions: Sequence[Ranked], console: Console) -> dict[str, str]:
    """By question's key the good answer of the other question most like it, as `model` reads questions."""
    found = paired(questions)
    if not found:
        return {}
    with Progress(console=console) as progress:
        vectors = model.embed([one.question for one in found], progress=progress)  # (n, d)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return hard(found, vectors / np.maximum(lengths, 1e-12))


def _lengths(pairs: Sequence[Weighted], limit: float) -> Lengths:
    """By how many times the better answer is longer, as a logarithm, of the pairs that people judged."""
    words = [(len(one.better.split()), len(one.worse.split())) for one in pairs]
    return Lengths(
        gaps=np.array([np.log(max(1, better) / max(1, worse)) for better, worse in words]),
        weights=np.array([one.weight if one.kind is None else 0.0 for one in pairs]),
        limit=limit,
    )


def _surprise(head: Head, better: Array, worse: Array) -> float:
    """Mean negative log odds that a head, once calibrated, gives to what people preferred."""
    gaps = head.raw(better) - head.raw(worse)
    return float(np.logaddexp(0, -calibrate(gaps, gaps).slope * gaps).mean())


def _sides(model: RewardModel, pairs: Sequence[Weighted], progress: Progress) -> tuple[Array, Array]:
    """The features of the better answers and of the worse ones."""
    questions = [one.question for one in pairs]
    asked = model.embed(questions, progress=progress)
    better, worse = (
        features(
            asked,
            model.embed(side, answer=True, progress=progress),
            surface(questions, side) if model.reading.surface else None,
        )
        for side in ([one.better for one in pairs], [one.worse for one in pairs])
    )
    return better, worse


def calibrated(model: RewardModel, questions: Sequence[Ranked], most_pairs: int) -> Calibration:
    """Odds of these questions' pairs; the median of their answers is the middle."""
    pairs = [(one, better, worse) for one in questions for better, worse in one.pairs[:most_pairs]]
    asked = [one.question for one, _, _ in pairs]
    better = model.raw(asked, [one.answers[place] for one, place, _ in pairs])
    worse = model.raw(asked, [one.answers[place] for one, _, place in pairs])
    return calibrate(better - worse, np.concatenate([better, worse]))
