"""How much is enough, and what is learned along."""

from __future__ import annotations

from dataclasses import replace

from learning.training.night_data import every, groups, joined, lacking
from learning.training.rows import Rows, Source, Split
from tests.unit.learning.training.made import demonstration, origin, rows


def corpus(questions: int) -> Rows:
    made = [
        replace(
            demonstration(n),
            origin=replace(origin(n), source=Source.CORPUS, group=f"so:{n}", repository_id=0, people=()),
        )
        for n in range(questions)
    ]
    return Rows(demonstrations=tuple(made))


def test_threads_count_and_not_rows() -> None:
    made = rows(40)
    train = groups(made, Split.TRAIN)
    assert 20 < len(train) < 40
    assert sum(row.origin.split is Split.TRAIN for row in every(made)) == 4 * len(train)
    assert lacking(made, len(train)) == ""
    assert f"{len(train)} threads" in lacking(made, len(train) + 1)


def test_too_little_says_how_much_is_there_and_how_much_is_needed() -> None:
    assert lacking(Rows(), 50) == (
        "There are no threads with a correction or a judgement to learn from, and 50 are needed: "
        "the night waits for more feedback."
    )


def test_a_question_of_the_corpus_is_learned_along_whole_or_not_at_all() -> None:
    own, public = rows(5), corpus(30)
    both = joined(own, public, 10, seed=0)
    drawn = {row.origin.group for row in both.demonstrations} - {
        row.origin.group for row in own.demonstrations
    }
    assert len(drawn) == 10
    assert both.pairs == own.pairs
    assert joined(own, public, 10, seed=0) == both
    assert joined(own, public, 10, seed=1) != both
    assert len(joined(own, public, 0, seed=0).demonstrations) == 5 + 30
