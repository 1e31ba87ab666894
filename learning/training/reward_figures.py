"""How good a reward is: each figure a mean over questions, its interval by resampling questions. Pure.

Answers of one question are not independent, so that a question is what is drawn, never a pair. The seed of
the resampling is a parameter. Left out: where the rewards come from (`learning/training/reward_report.py`).
Run: pytest tests/unit/learning/training/test_reward_figures.py
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

Array = npt.NDArray[np.float64]
DRAWS = 2000
LIKE = 0.1
"""Two answers are of like length when the shorter lacks no more than this share of the longer's words."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A mean over `questions`, with its 95 % interval; all NaN over none."""

    mean: float
    low: float
    high: float
    questions: int


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """One question as a reward sees it: by answer the reward, the words, and the value that people gave.

    `pairs` are (better, worse) places; the first is the one furthest apart where values are known.
    """

    rewards: tuple[float, ...]
    words: tuple[int, ...]
    pairs: tuple[tuple[int, int], ...]
    values: tuple[float, ...] = ()
    source: str = ""
    key: str = ""
    """By which a question is known again under another model; "" where there is one model."""
    model: str = ""
    """Which of several models judged; "" where there is one."""


def over_questions(judged: Sequence[Judgement], values: Sequence[float | None], seed: int = 0) -> Figure:
    """`figure` of a value each: of a question that several models judged the mean; None is left out."""
    found: dict[str | int, list[float]] = {}
    for place, (one, value) in enumerate(zip(judged, values, strict=True)):
        if value is not None:
            found.setdefault(one.key or place, []).append(value)
    return figure([sum(each) / len(each) for each in found.values()], seed)


def figure(values: Sequence[float], seed: int = 0) -> Figure:
    """The mean of one value a question; bootstrap percentile interval (Efron 1979)."""
    found: Array = np.asarray(values, dtype=np.float64)
    if not len(found):
        return Figure(mean=float("nan"), low=float("nan"), high=float("nan"), questions=0)
    rng = np.random.default_rng(seed)
    means = [found[rng.integers(0, len(found), len(found))].mean() for _ in range(DRAWS)]
    low, high = np.percentile(means, [2.5, 97.5])
    return Figure(mean=float(found.mean()), low=float(low), high=float(high), questions=len(found))


def wins(one: Judgement, *, by_words: bool = False) -> float:
    """The share of a question's contests that the better answer wins; a tie is half a win.

    With values, the contest is the best against the worst; without, every pair that people judged.
    """
    scores: Sequence[float] = one.words if by_words else one.rewards
    pairs = contests(one)
    return sum(_won(scores[better], scores[worse]) for better, worse in pairs) / len(pairs)


def contests(one: Judgement) -> tuple[tuple[int, int], ...]:
    """The pairs by which a question is judged."""
    return one.pairs[:1] if one.values else one.pairs


def wins_alike(one: Judgement) -> float | None:
    """`wins` of the contests whose two answers are of like length; None where there is none."""
    like = [
        _won(one.rewards[better], one.rewards[worse])
        for better, worse in contests(one)
        if alike(one.words[better], one.words[worse])
    ]
    return sum(like) / len(like) if like else None


def alike(words: int, others: int) -> bool:
    """Whether answers of so many words are of like length."""
    shorter, longer = sorted((words, others))
    return shorter >= (1 - LIKE) * longer


def rank_correlation(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Spearman's, with mean ranks for ties; None where one side is all the same."""
    first, second = rankdata(one), rankdata(other)
    spread = float(first.std() * second.std())
    if len(first) < 2 or spread == 0:
        return None
    return float(((first - first.mean()) * (second - second.mean())).mean()) / spread


def within(judged: Sequence[Judgement], by: str, seed: int = 0) -> Figure:
    """The mean rank correlation of reward with `by`, "values" or "words", in questions of ≥ 3 answers."""
    found = [
        rank_correlation(one.rewards, getattr(one, by))
        if len(one.rewards) >= 3 and len(getattr(one, by)) == len(one.rewards)
        else None
        for one in judged
    ]
    return over_questions(judged, found, seed)


def _won(better: float, worse: float) -> float:
    return 1.0 if better > worse else 0.5 if better == worse else 0.0
