from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from learning.training.negatives import Negative
from learning.training.reward_data import Ranked
from learning.training.reward_pairs import COSTLY, FREE, hard, paired, triplets, weighted

QUESTIONS = [
    Ranked(
        group=f"g{n}",
        question=f"How do I sort list {n}? It has {n} items. I am new to this.",
        answers=(
            f"Use sorted on list {n}: "
            + "it makes a new list in order, and leaves the old one as it was. " * 2,
            f"Call its sort method {n}.",
            f"No idea {n}.",
        ),
        pairs=((0, 2), (0, 1), (1, 2)),
    )
    for n in range(9)
]


def test_no_question_gives_more_pairs_than_it_may() -> None:
    assert len(triplets(QUESTIONS, most_pairs=2, adversarial=0.0, echo=True)) == 18


@pytest.mark.parametrize(("share", "count"), [(0.5, 4), (1.0, 9), (2.0, 18)])
def test_negatives_come_round_at_the_share_that_is_asked_for(share: float, count: int) -> None:
    made = triplets(QUESTIONS, most_pairs=1, adversarial=share, echo=True)
    assert len(made) == 9 + count


def test_the_question_itself_is_no_triplet_where_the_encoder_cannot_tell_it_from_the_question() -> None:
    with_it = triplets(QUESTIONS, most_pairs=1, adversarial=2.0, echo=True)
    without = triplets(QUESTIONS, most_pairs=1, adversarial=2.0, echo=False)
    assert any(worse == question for question, _, worse in with_it)
    assert not any(worse == question for question, _, worse in without)


def test_a_question_s_pairs_weigh_one_together_and_its_negatives_what_is_asked_for() -> None:
    rows = [row for row in weighted(QUESTIONS, most_pairs=2, adversarial=0.5) if "list 4?" in row.question]
    assert sum(row.weight for row in rows if row.kind is None) == pytest.approx(1)
    assert sum(row.weight for row in rows if row.kind) == pytest.approx(0.5)
    kinds = [row.kind for row in rows if row.kind]
    assert set(FREE) < set(kinds) and len([kind for kind in kinds if kind in COSTLY]) == 1


def test_another_question_s_answer_is_really_another_s() -> None:
    rows = [row for row in weighted(QUESTIONS, most_pairs=1, adversarial=1) if row.kind is Negative.OTHER]
    assert len(rows) == 9
    assert all(row.worse not in one.answers for row, one in zip(rows, QUESTIONS, strict=True))


def test_one_question_alone_has_no_stranger_s_answer() -> None:
    rows = weighted(QUESTIONS[:1], most_pairs=1, adversarial=1)
    assert Negative.OTHER not in {row.kind for row in rows}


def alike(questions: list[Ranked]) -> dict[str, str]:
    """Hard negatives by vectors in which the questions on list 1 and 6 are alike, 2 and 7, and so on."""
    found = paired(questions)
    numbers = [int(one.group[1:]) for one in found]
    rows = np.array([np.eye(5)[n % 5] + 0.01 * n * np.eye(5)[4 - n % 5] for n in numbers])
    return hard(found, rows / np.linalg.norm(rows, axis=1, keepdims=True))


def test_a_hard_negative_is_the_good_answer_of_the_question_most_like_it() -> None:
    others = alike(QUESTIONS)
    assert others[QUESTIONS[1].key] == QUESTIONS[6].answers[0]
    assert others[QUESTIONS[6].key] == QUESTIONS[1].answers[0]
    for made in (
        [
            (row.question, row.worse)
            for row in weighted(QUESTIONS, most_pairs=1, adversarial=1, others=others)
        ],
        [row[::2] for row in triplets(QUESTIONS, most_pairs=1, adversarial=8, echo=True, others=others)],
    ):
        assert (QUESTIONS[1].question, QUESTIONS[6].answers[0].strip()) in made
        assert (QUESTIONS[1].question, QUESTIONS[2].answers[0].strip()) not in made


def test_hard_negatives_are_the_same_in_whatever_order_and_need_no_text_that_is_not_there() -> None:
    twice = [*QUESTIONS, dataclasses.replace(QUESTIONS[1], group="g11")]
    assert alike(twice[::-1]) == alike(twice)
    assert set(alike(twice).values()) <= {one.answers[one.pairs[0][0]] for one in QUESTIONS}


def test_the_same_question_under_another_id_and_one_without_a_pair_give_no_hard_negative() -> None:
    same = dataclasses.replace(QUESTIONS[1], group="g6", answers=("Read this.", "No."), pairs=((0, 1),))
    bare = dataclasses.replace(QUESTIONS[3], group="g11", pairs=())
    others = alike([QUESTIONS[1], same, bare])
    assert others == {}
    rows = weighted([QUESTIONS[1], same], most_pairs=1, adversarial=1, others=others)
    assert Negative.OTHER not in {row.kind for row in rows}


def test_a_question_has_the_same_costly_negative_whatever_stands_beside_it() -> None:
    def costly(questions: list[Ranked]) -> dict[str, tuple[Negative, str]]:
        rows = weighted(questions, most_pairs=1, adversarial=1)
        return {row.question: (row.kind, row.worse) for row in rows if row.kind in COSTLY}

    whole, part = costly(QUESTIONS), costly(QUESTIONS[::-2])
    assert part == {question: whole[question] for question in part} and len(part) == 5
    assert {kind for kind, _ in whole.values()} == set(COSTLY)
