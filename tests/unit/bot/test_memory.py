"""Examples are answers that people stand behind, and none that would teach again what was forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.memory import FRESH, Memories, examples_of
from learning.memory.phrases import judge
from storage.database import Database
from storage.records import Actor, Feedback, FeedbackKind, Learning, Permission, Reaction
from tests.unit.bot.taught import edit, observed, opened
from tests.unit.storage.things import NOW, REPOSITORY, feedback, posted

TEXT = "Run `npm test` in the root folder."
CORRECTED = TEXT.replace("npm test", "make check")
ANSWER = posted(text=TEXT, candidate_id=None, repairs=())


def corrected() -> Feedback:
    return feedback("e1", kind=FeedbackKind.EDIT, reaction=None, before=TEXT, after=CORRECTED)


def test_a_corrected_answer_is_an_example() -> None:
    [example] = examples_of([ANSWER], [corrected()])
    assert example.text == CORRECTED


def test_an_answer_whose_lesson_was_forgotten_since_is_no_example() -> None:
    lessons, _ = judge(ANSWER, [corrected()])
    assert lessons
    for lesson in lessons:
        assert examples_of([ANSWER], [corrected()], {lesson.id: NOW}) == ()


def test_an_answer_corrected_after_the_forgetting_is_an_example() -> None:
    lessons, _ = judge(ANSWER, [corrected()])
    before = {lesson.id: NOW - timedelta(seconds=1) for lesson in lessons}
    assert len(examples_of([ANSWER], [corrected()], before)) == 1


def test_what_another_answer_taught_may_be_forgotten_without_harm() -> None:
    assert len(examples_of([ANSWER], [corrected()], {"p_of_another": NOW})) == 1


def test_a_disliked_answer_is_an_example_only_once_corrected() -> None:
    disliked = feedback("e2", reaction=Reaction.MINUS_ONE)
    assert examples_of([ANSWER], [disliked]) == ()
    assert len(examples_of([ANSWER], [disliked, corrected()])) == 1


@pytest.mark.parametrize("reaction", [Reaction.PLUS_ONE, Reaction.MINUS_ONE])
@pytest.mark.parametrize(
    ("permission", "people", "counts"),
    [
        (Permission.PUBLIC, 50, False),
        (Permission.NONE, 50, False),
        (Permission.READ, 2, False),
        (Permission.READ, 3, True),
        (Permission.WRITE, 1, True),
    ],
)
def test_examples_hear_whom_the_memory_hears(
    reaction: Reaction, permission: Permission, people: int, counts: bool
) -> None:
    thumbs = [
        feedback(f"t{n}", actor=Actor(id=n + 1, login=f"u{n}"), permission=permission, reaction=reaction)
        for n in range(people)
    ]
    liked = feedback("l", actor=Actor(id=99, login="noor"), reaction=Reaction.HEART)
    if reaction is Reaction.PLUS_ONE:
        assert bool(examples_of([ANSWER], thumbs)) is counts
    else:
        assert bool(examples_of([ANSWER], [liked, *thumbs])) is not counts


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = opened(tmp_path / "thumbprint.db")
    observed(made, [edit()])
    yield made
    made.dispose()


def test_a_memory_is_loaded_while_another_process_writes_and_keeps_no_writer_waiting(
    database: Database,
) -> None:
    with database.unit():  # a write transaction, under which a second one would wait for ten seconds
        assert Memories(database, lambda: NOW).of(REPOSITORY.id).index.lessons


def test_a_memory_decays_in_a_worker_that_lives_for_years(database: Database) -> None:
    now = [NOW]
    long_lived = Memories(database, lambda: now[0])
    first = long_lived.of(REPOSITORY.id)
    assert first.index.lessons
    now[0] = NOW + FRESH - timedelta(seconds=1)
    assert long_lived.of(REPOSITORY.id) is first
    now[0] = NOW + FRESH
    assert long_lived.of(REPOSITORY.id) is not first
    now[0] = NOW + timedelta(days=5 * 365)
    fresh = Memories(database, lambda: now[0]).of(REPOSITORY.id)
    assert long_lived.of(REPOSITORY.id).index.lessons == fresh.index.lessons == ()
    assert timedelta(days=1) >= FRESH


def test_where_learning_is_off_nothing_is_remembered(database: Database) -> None:
    memories = Memories(database, lambda: NOW)
    with database.unit() as unit:
        unit.repositories.set_learning(REPOSITORY.id, Learning.OFF)
        unit.commit()
    assert memories.of(REPOSITORY.id).index.lessons == ()
    with database.unit() as unit:
        unit.repositories.set_learning(REPOSITORY.id, Learning.ON)
        unit.commit()
    assert memories.of(REPOSITORY.id).index.lessons
