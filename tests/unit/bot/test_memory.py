"""Examples are answers that people stand behind, and none that would teach again what was forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import lessons
from bot.memory import FRESH, Memories, examples_of
from learning.memory.choice import assess, choose
from learning.memory.phrases import judge
from storage.database import Database
from storage.records import Actor, Answer, Feedback, FeedbackKind, Learning, Permission, Reaction
from tests.unit.bot.taught import ACTS, READERS, answers, edit, observed, opened, story
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
    found, _ = judge(ANSWER, [corrected()])
    assert found
    for lesson in found:
        assert examples_of([ANSWER], [corrected()], {lesson.id: NOW}) == ()


def test_an_answer_corrected_after_the_forgetting_is_an_example() -> None:
    found, _ = judge(ANSWER, [corrected()])
    before = {lesson.id: NOW - timedelta(seconds=1) for lesson in found}
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


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS, cuts=st.lists(st.integers(0, 10), max_size=4), undone=st.booleans())
def test_a_memory_brought_up_to_date_is_the_one_loaded_anew(
    tmp_path_factory: pytest.TempPathFactory,
    acts: list[tuple[str, int, int, int]],
    cuts: list[int],
    undone: bool,
) -> None:
    database = opened(tmp_path_factory.mktemp("story") / "story.db")
    try:
        tell(database, story(acts), cuts, undone)
    finally:
        database.dispose()


def tell(database: Database, events: list[Feedback], cuts: list[int], undone: bool) -> None:
    """After each part of a story a memory that lives as long as it is one that is loaded anew."""
    now = [NOW]
    long_lived = Memories(database, lambda: now[0])
    long_lived.of(REPOSITORY.id)
    edges = sorted({0, len(events), *(cut for cut in cuts if cut < len(events))})
    for start, end in pairwise(edges):
        observed(database, events[start:end])
        now[0] += timedelta(days=20)
        held = long_lived.of(REPOSITORY.id)
        if undone and held.index.lessons:
            with database.unit() as unit:
                lessons.forget(unit, held.index.lessons[0].phrase.id, by=READERS[0], now=now[0])
                unit.commit()
            held = long_lived.of(REPOSITORY.id)
        fresh = Memories(database, lambda: now[0]).of(REPOSITORY.id)
        assert held.index.lessons == fresh.index.lessons
        assert held.examples == fresh.examples
        for text in (TEXT, CORRECTED, "How is `npm test` run?"):
            choices = [choose(one.index, text, 200, len) for one in (held, fresh)]
            assert choices[0] == choices[1]
            assert assess(held.index, text, choices[0]) == assess(fresh.index, text, choices[1])


def test_of_many_answers_only_what_changed_is_read_again(database: Database) -> None:
    memories = Memories(database, lambda: NOW)
    known = memories.of(REPOSITORY.id).index.lessons
    observed(database, [edit(7, answer=1, after=TEXT.replace("config/app.toml", "inkwell.toml"))])
    asked: list[str] = []

    def listen(*arguments: object) -> None:
        asked.append(str(arguments[2]))

    sa.event.listen(database.engine, "before_cursor_execute", listen)
    assert len(memories.of(REPOSITORY.id).index.lessons) > len(known)
    read = [statement for statement in asked if "FROM weights" in statement]
    assert read
    assert all("phrases.revision >" in statement for statement in read)


def test_examples_are_looked_for_among_the_newest_answers(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    observed(database, [edit(2, answer=1), edit(3, answer=2)])
    assert len(Memories(database, lambda: NOW).of(REPOSITORY.id).examples) == 3
    monkeypatch.setattr("bot.memory.EXAMPLES", 2)
    few = Memories(database, lambda: NOW).of(REPOSITORY.id).examples
    assert [example.answer_id for example in few] == [one.id for one in reversed(newest_two())]


def newest_two() -> list[Answer]:
    return sorted(answers(), key=lambda one: (one.created_at, one.id))[-2:]


def test_only_who_reacted_or_a_writer_takes_an_example_back() -> None:
    stranger = feedback(
        "e9", kind=FeedbackKind.RETRACTION, reaction=None, retracts="e1", permission=Permission.PUBLIC
    )
    stranger = replace(stranger, actor=READERS[3])
    assert len(examples_of([ANSWER], [corrected(), stranger])) == 1
    assert not examples_of([ANSWER], [corrected(), replace(stranger, permission=Permission.WRITE)])
