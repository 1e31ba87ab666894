"""Votes → scores that can be compared, by the published recipe's two transforms. Pure.

Log: round(log2(votes + 1)), -1 for fewer than none, one more for the accepted answer (Askell et al., arXiv
2112.00861, as the published Stack Overflow recipes use it). Tanh: votes a question's answer, scaled by the
largest magnitude of the corpus, through tanh; outliers are ±1, the accepted answer 1.2 whatever its votes.
Left out: which answers make a pair.
Run: `pytest tests/unit/learning/training/test_votes.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

LEAST, MOST = -3, 5
"""Votes within which the tanh score grows; the recipe's bounds for outliers (1.5 of its quantile ranges)."""

ACCEPTED = 1.2
"""The tanh score of every accepted answer: more than any number of votes gives."""


def log_score(votes: int, *, accepted: bool = False) -> int:
    """Whole steps: -1 below zero votes, 0 for none, then one more whenever the votes about double."""
    step = -1 if votes < 0 else round(math.log2(votes + 1))
    return step + accepted


def tanh_scale(found: Iterable[tuple[int, int]]) -> float:
    """The largest |votes / answers| of (votes, answers of that question) within the bounds; 1 if all are 0.

    Of a corpus's training part only: a scale that has seen the test part knows something of it.
    """
    shares = (abs(votes / answers) for votes, answers in found if LEAST <= votes <= MOST)
    return max(shares, default=0.0) or 1.0


def tanh_score(votes: int, answers: int, scale: float, *, accepted: bool = False) -> float:
    """Between -1 and 1, or `ACCEPTED`. `answers` (≥ 1) is how many the question has; `scale` > 0.

    Raises ValueError for a question without answers or a scale of nothing.
    """
    if answers < 1 or scale <= 0:
        raise ValueError("a tanh score needs a question with answers, and a scale above zero")
    if accepted:
        return ACCEPTED
    if not LEAST <= votes <= MOST:
        return math.copysign(1.0, votes)
    return math.tanh(votes / answers / scale)
