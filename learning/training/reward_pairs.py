"""What the reward model is trained on, of questions with answers: real pairs, and adversarial ones. Pure.

A question's own hash picks which adversarial answers the head sees, so that but for another question's answer
it has the same ones in every fold and under every seed, and vectors are read once. Left out: how pairs of one
question are chosen (`learning/training/reward_data.py`).
Run: pytest tests/unit/learning/training/test_reward_pairs.py
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from learning.training.negatives import Negative, negatives
from learning.training.reward_data import Ranked

FREE = (Negative.ECHO, Negative.SHORT, Negative.OTHER, Negative.TEMPLATE, Negative.THANKS)
"""Kinds whose texts the encoder reads anyway, or once for all questions."""
COSTLY = (Negative.PARAPHRASE, Negative.TRUNCATED, Negative.PADDED)


@dataclass(frozen=True, kw_only=True)
class Weighted:
    """One answer over another, and how much that counts."""

    question: str
    better: str
    worse: str
    weight: float
    kind: Negative | None = None
    """None for a pair that people judged."""


def triplets(
    questions: Sequence[Ranked], *, most_pairs: int, adversarial: float, echo: bool
) -> list[tuple[str, str, str]]:
    """(question, better, worse) for the encoder: each question's first pairs, and negatives of some.

    `adversarial`: how many negatives for each question, on average. `echo`: whether the question itself may
    be one: to an encoder that reads answers as it reads questions, nothing is nearer than that.
    """
    made, owed = [], 0.0
    kinds = [kind for kind in Negative if echo or kind is not Negative.ECHO]
    turn = 0
    for _, one, against in _with_negatives(questions):
        made += [
            (one.question, one.answers[better], one.answers[worse])
            for better, worse in one.pairs[:most_pairs]
        ]
        owed += adversarial
        while owed >= 1:
            owed -= 1
            kind = kinds[turn % len(kinds)]
            turn += 1
            if kind in against:
                made.append((one.question, _best(one), against[kind]))
    return made


def weighted(questions: Sequence[Ranked], *, most_pairs: int, adversarial: float) -> Iterator[Weighted]:
    """Pairs for the head. A question's real pairs weigh 1 together, its adversarial ones `adversarial`.

    Of the kinds whose texts cost reading, each question has one.
    """
    for turn, one, against in _with_negatives(questions):
        pairs = one.pairs[:most_pairs]
        for better, worse in pairs:
            yield Weighted(
                question=one.question,
                better=one.answers[better],
                worse=one.answers[worse],
                weight=1 / len(pairs),
            )
        kinds = [kind for kind in (*FREE, COSTLY[turn % len(COSTLY)]) if kind in against]
        for kind in kinds if adversarial > 0 else ():
            yield Weighted(
                question=one.question,
                better=_best(one),
                worse=against[kind],
                weight=adversarial / len(kinds),
                kind=kind,
            )


def _best(one: Ranked) -> str:
    return one.answers[one.pairs[0][0]]


def _with_negatives(questions: Sequence[Ranked]) -> Iterator[tuple[int, Ranked, dict[Negative, str]]]:
    """Each question that has a pair, with its turn and all negatives of its best answer."""
    having = [one for one in questions if one.pairs]
    for place, one in enumerate(having):
        other = having[(place + 1) % len(having)]
        stranger = _best(other) if other.question != one.question else ""
        turn = int(one.key, 16)
        yield turn, one, negatives(one.question, _best(one), stranger, turn)
