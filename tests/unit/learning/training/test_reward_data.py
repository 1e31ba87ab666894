from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from learning.training import reward_data, snapshot
from learning.training.rows import Origin, Rows, Source, Split, Triplet
from learning.training.splitting import split_of
from storage.errors import ConfigurationError, DataError
from tests.unit.learning.training.conftest import made_up

Folder = Callable[..., Path]


def voted(*scores: int) -> dict[str, Any]:
    answers = [{"score": score, "text": f"answer number {n}"} for n, score in enumerate(scores)]
    return {"id": "v1", "title": "Sorting", "question": "How?", "answers": answers}


def triplet(better: str, worse: str, group: str = "github/1/2", question: str = "How?") -> Triplet:
    origin = Origin(source=Source.EDIT, group=group, split=split_of(group), template="t4")
    return Triplet(question=question, better=better, worse=worse, margin=1.0, origin=origin)


def test_extremes_pairs_the_best_with_the_worst_and_all_pairs_every_two(folder_of: Folder) -> None:
    folder = folder_of(made_up(4))
    few, every = reward_data.read(folder, "extremes"), reward_data.read(folder, "all")
    assert [one.pairs for one in few.questions] == [((0, 2),)] * 4
    assert {one.pairs for one in every.questions} == {((0, 2), (0, 1), (1, 2))}
    assert few.id == every.id


def test_answers_with_as_many_votes_are_no_pair(folder_of: Folder) -> None:
    (one,) = reward_data.read(folder_of([voted(5, 2, 2)])).questions
    assert one.voted and one.values == (5.0, 2.0, 2.0)
    assert one.pairs == ((0, 1), (0, 2))


def test_an_answer_that_is_there_twice_is_one_answer_and_a_question_of_one_answer_none(
    folder_of: Folder,
) -> None:
    rows = made_up(2)
    rows[0]["answers"][2]["text"] = rows[0]["answers"][0]["text"]
    rows[1]["answers"] = rows[1]["answers"][:1]
    (one,) = reward_data.read(folder_of(rows)).questions
    assert len(one.answers) == 2 and one.pairs == ((0, 1),)


def test_a_question_s_part_follows_from_its_group_alone(folder_of: Folder) -> None:
    data = reward_data.read(folder_of(made_up(40)))
    assert all(one.split is split_of(one.group) for one in data.questions)
    assert {one.split for one in data.questions} == set(Split)


def test_a_question_is_known_again_by_its_text_whatever_its_spaces_and_case(folder_of: Folder) -> None:
    first = made_up(1)
    second = made_up(1)
    second[0]["id"] = "other"
    second[0]["question"] = "  " + second[0]["question"].upper().replace(" ", "\n ")
    one = reward_data.read(folder_of(first, "one")).questions[0]
    two = reward_data.read(folder_of(second, "two")).questions[0]
    assert one.key == two.key and one.group != two.group


def test_a_snapshot_s_triplets_become_questions_with_their_source(tmp_path: Path) -> None:
    rows = Rows(triplets=(triplet("good", "bad"), triplet("good", "worse"), triplet("x", "y", "github/1/3")))
    kept = snapshot.write(rows, tmp_path, about={})
    with pytest.raises(ConfigurationError, match="is a snapshot: its rows say which part"):
        reward_data.read(kept.folder, fold=1)
    data = reward_data.read(kept.folder)
    assert data.id == kept.id
    assert [(one.source, len(one.answers), len(one.pairs)) for one in data.questions] == [
        (Source.EDIT, 3, 2),
        (Source.EDIT, 2, 1),
    ]


def test_a_pair_that_was_judged_both_ways_is_left_out_and_counted() -> None:
    questions, against = reward_data.of_triplets([triplet("a", "b"), triplet("b", "a"), triplet("a", "c")])
    assert against == 2
    assert [
        (one.answers[better], one.answers[worse]) for one in questions for better, worse in one.pairs
    ] == [("a", "c")]


def test_of_a_snapshot_s_question_the_pair_furthest_apart_comes_first() -> None:
    rows = [replace(triplet("a", "b"), margin=0.1), replace(triplet("a", "c"), margin=0.9)]
    for given in (rows, rows[::-1]):
        [one], _ = reward_data.of_triplets(given)
        assert [one.answers[worse] for _, worse in one.pairs] == ["c", "b"]


def test_data_that_mostly_contradicts_itself_is_refused_with_both_numbers(tmp_path: Path) -> None:
    rows = Rows(triplets=(triplet("a", "b"), triplet("b", "a"), triplet("a", "c")))
    with pytest.raises(DataError, match="2 pairs are there both ways and 1 are not"):
        reward_data.read(snapshot.write(rows, tmp_path, about={}).folder)


def test_data_without_pairs_is_refused(folder_of: Folder) -> None:
    with pytest.raises(DataError, match="all are judged alike"):
        reward_data.read(folder_of([voted(3, 3, 3)]))


def test_data_with_one_answer_each_is_refused(folder_of: Folder) -> None:
    with pytest.raises(DataError, match="no question with two different answers"):
        reward_data.read(folder_of([voted(3)]))


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        reward_data.read(tmp_path)
