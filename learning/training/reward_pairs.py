"""What the reward model is trained on, of questions with answers: real pairs, and adversarial ones. Pure.

A question's own hash picks which adversarial answers the head sees, so that but for another question's answer
it has the same ones in every fold and under every seed, and vectors are read once. Another question's answer
is the next one's good answer, or that of the question most like it: a hard negative. Left out: how pairs of
one question are chosen (`learning/training/reward_data.py`); who is like whom (`neighbours.py`).
Run: pytest tests/unit/learning/training/test_reward_pairs.py
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from learning.training.negatives import Negative, negatives
from learning.training.neighbours import nearest
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
    questions: Sequence[Ranked],
    *,
    most_pairs: int,
    adversarial: float,
    echo: bool,
    others: Mapping[str, str] | None = None,
) -> list[tuple[str, str, str]]:
    """(question, better, worse) for the encoder: each question's first pairs, and negatives of some.

    `adversarial`: how many negatives for each question, on average. `echo`: whether the question itself may
    be one: to an encoder that reads answers as it reads questions, nothing is nearer than that. `others`:
    another question's answer for each key, as `hard` gives them; the next question's without.
    """
    made, owed = [], 0.0
    kinds = [kind for kind in Negative if echo or kind is not Negative.ECHO]
    turn = 0
    for _, one, against in _with_negatives(questions, others):
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


def weighted(
    questions: Sequence[Ranked],
    *,
    most_pairs: int,
    adversarial: float,
    others: Mapping[str, str] | None = None,
) -> Iterator[Weighted]:
    """Pairs for the head. A question's real pairs weigh 1 together, its adversarial ones `adversarial`.

    Of the kinds whose texts cost reading, each question has one. `others` as for `triplets`.
    """
    for turn, one, against in _with_negatives(questions, others):
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


def paired(questions: Sequence[Ranked]) -> list[Ranked]:
    """Those that have a pair, in an order that is theirs and not the caller's."""
    return sorted((one for one in questions if one.pairs), key=lambda one: (one.key, one.group, one.question))


def hard(questions: Sequence[Ranked], vectors: npt.NDArray[np.float64]) -> dict[str, str]:
    """By each question's key the good answer of the other question most like it, a text that is there anyway.

    `vectors` (n, d): of the questions' texts, of unit length, in the order of `paired`, which `questions` are
    in. A key is missing where there is no other question.
    """
    near = nearest(vectors, [one.key for one in questions])
    return {
        one.key: _best(questions[place])
        for one, place in zip(questions, near, strict=True)
        if place is not None
    }


def _best(one: Ranked) -> str:
    return one.answers[one.pairs[0][0]]


def _with_negatives(
    questions: Sequence[Ranked], others: Mapping[str, str] | None
) -> Iterator[tuple[int, Ranked, dict[Negative, str]]]:
    """Each question that has a pair, with its turn and all negatives of its best answer."""
    having = [one for one in questions if one.pairs]
    for place, one in enumerate(having):
        other = having[(place + 1) % len(having)]
        stranger = _best(other) if other.question != one.question else ""
        if others is not None:
            stranger = others.get(one.key, "")
        turn = int(one.key, 16)
        yield turn, one, negatives(one.question, _best(one), stranger, turn)
