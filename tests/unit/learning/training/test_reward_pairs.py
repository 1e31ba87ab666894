from __future__ import annotations

import pytest

from learning.training.negatives import Negative
from learning.training.reward_data import Ranked
from learning.training.reward_pairs import COSTLY, FREE, triplets, weighted

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


def test_a_question_has_the_same_costly_negative_whatever_stands_beside_it() -> None:
    def costly(questions: list[Ranked]) -> dict[str, tuple[Negative, str]]:
        rows = weighted(questions, most_pairs=1, adversarial=1)
        return {row.question: (row.kind, row.worse) for row in rows if row.kind in COSTLY}

    whole, part = costly(QUESTIONS), costly(QUESTIONS[::-2])
    assert part == {question: whole[question] for question in part} and len(part) == 5
    assert {kind for kind, _ in whole.values()} == set(COSTLY)
