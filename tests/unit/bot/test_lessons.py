"""Events become weights in one transaction, and a replay of the events gives the same bits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import lessons
from bot.memory import Memories
from storage.database import Database
from storage.errors import Gone
from storage.records import Actor, Feedback, FeedbackKind, Learning, Permission, PhraseKind, Reaction
from tests.unit.bot.taught import (
    ACTS,
    CORRECTED,
    READERS,
    TEXT,
    answers,
    edit,
    event,
    everything,
    observed,
    opened,
    story,
    weights,
)
from tests.unit.storage.things import NOW, REPOSITORY, WRITER, posted, question


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = opened(tmp_path / "thumbprint.db")
    yield made
    made.dispose()


def revision(database: Database) -> int:
    with database.unit(read_only=True) as unit:
        found = unit.repositories.get(REPOSITORY.id)
    assert found is not None
    return found.revision


def test_a_writers_edit_acts_at_once_and_is_news(database: Database) -> None:
    assert observed(database, [edit()])
    (correction,) = [w for w in weights(database) if w.phrase.kind is PhraseKind.CORRECTION]
    assert correction.active and correction.weight > 0.5
    assert "make check" in correction.phrase.right and correction.event_ids == ("e1",)
    with database.unit(read_only=True) as unit:
        news = unit.phrases.changes(REPOSITORY.id, 10)
    assert [c.event_ids for c in news if c.phrase == correction.phrase] == [("e1",)]


def test_the_same_event_twice_is_one_event(database: Database) -> None:
    observed(database, [edit()])
    before, revision_before = weights(database), revision(database)
    assert observed(database, [edit()]) == 0
    assert weights(database) == before and revision(database) == revision_before


def test_an_index_built_before_an_event_is_known_to_be_stale(database: Database) -> None:
    before = revision(database)
    observed(database, [edit()])
    assert revision(database) > before


def test_a_revert_takes_back_exactly_what_was_learned(database: Database) -> None:
    observed(database, [edit()])
    observed(database, [edit(2, before=CORRECTED, after=TEXT)])
    assert weights(database) == []


def test_nothing_is_written_when_the_transaction_fails(database: Database) -> None:
    with pytest.raises(RuntimeError), database.unit() as unit:
        lessons.observe(unit, [edit()], NOW)
        raise RuntimeError
    assert weights(database) == []
    with database.unit(read_only=True) as unit:
        assert unit.feedback.of_answer(answers()[0].id) == []


def test_frozen_learning_records_and_leaves_weights_until_it_is_on_again(database: Database) -> None:
    with database.unit() as unit:
        lessons.set_learning(unit, REPOSITORY.id, Learning.FROZEN, NOW)
        unit.commit()
    assert observed(database, [edit()]) == 0
    assert weights(database) == []
    with database.unit() as unit:
        assert lessons.recheck(unit, REPOSITORY.id, WRITER.id, Permission.WRITE, NOW) == []
        assert lessons.set_learning(unit, REPOSITORY.id, Learning.ON, NOW) == [], "nobody was asked about yet"
        assert unit.feedback.to_ask_about() == {REPOSITORY.id: [WRITER]}
        assert lessons.recheck(unit, REPOSITORY.id, WRITER.id, Permission.WRITE, NOW)
        assert unit.feedback.to_ask_about() == {}
        unit.commit()
    assert any(w.active for w in weights(database))


@pytest.mark.parametrize("by_now", list(Permission))
def test_frozen_feedback_counts_by_the_less_of_then_and_now(database: Database, by_now: Permission) -> None:
    with database.unit() as unit:
        lessons.set_learning(unit, REPOSITORY.id, Learning.FROZEN, NOW)
        lessons.observe(unit, [edit()], NOW)
        lessons.set_learning(unit, REPOSITORY.id, Learning.ON, NOW)
        assert bool(lessons.recheck(unit, REPOSITORY.id, WRITER.id, by_now, NOW)) is by_now.writes
        (event,) = unit.feedback.of_repository(REPOSITORY.id)
        assert event.permission is min(by_now, Permission.WRITE) and not event.pending
        assert lessons.replay(unit, REPOSITORY.id, NOW) == []


def test_what_was_said_frozen_and_taken_back_frozen_teaches_nothing(database: Database) -> None:
    taken = event(FeedbackKind.RETRACTION, 2, retracts=edit().id, answer_id=edit().answer_id)
    with database.unit() as unit:
        lessons.set_learning(unit, REPOSITORY.id, Learning.FROZEN, NOW)
        lessons.observe(unit, [edit(), taken], NOW)
        lessons.set_learning(unit, REPOSITORY.id, Learning.ON, NOW)
        assert lessons.recheck(unit, REPOSITORY.id, WRITER.id, Permission.WRITE, NOW) == []


def test_what_others_took_back_while_frozen_counts_by_what_they_may_do_by_now(database: Database) -> None:
    taken = event(
        FeedbackKind.RETRACTION,
        2,
        retracts=edit().id,
        answer_id=edit().answer_id,
        actor=READERS[0],
        permission=Permission.ADMIN,
    )
    observed(database, [edit()])
    taught = weights(database)
    with database.unit() as unit:
        lessons.set_learning(unit, REPOSITORY.id, Learning.FROZEN, NOW)
        lessons.observe(unit, [taken], NOW)
        assert lessons.set_learning(unit, REPOSITORY.id, Learning.ON, NOW) == []
        unit.commit()
    for by_now, holds in ((Permission.READ, True), (Permission.ADMIN, False)):
        with database.unit() as unit:
            lessons.recheck(unit, REPOSITORY.id, READERS[0].id, by_now, NOW)
            assert (unit.phrases.weights(REPOSITORY.id) == taught) is holds  # not committed: asked once more


def test_learning_off_records_nothing(database: Database) -> None:
    with database.unit() as unit:
        lessons.set_learning(unit, REPOSITORY.id, Learning.OFF, NOW)
        unit.commit()
    observed(database, [edit()])
    with database.unit(read_only=True) as unit:
        assert unit.feedback.of_repository(REPOSITORY.id) == []


def test_forgetting_what_is_not_there_says_so(database: Database) -> None:
    with database.unit() as unit, pytest.raises(Gone, match="p_none"):
        lessons.forget(unit, "p_none", WRITER, NOW)


def test_export_names_every_weight_with_its_events(database: Database) -> None:
    observed(database, [edit()])
    with database.unit(read_only=True) as unit:
        lines = list(lessons.export(unit, REPOSITORY, NOW))
    rows = [line.rstrip("\n").split("\t") for line in lines if not line.startswith("#")]
    assert {row[7] for row in rows} == {w.phrase.id for w in weights(database)}
    assert all(len(row) == 9 and row[8] == "e1" for row in rows)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS, order=st.randoms(use_true_random=False), days=st.integers(0, 400))
def test_a_replay_gives_the_incremental_weights_to_the_last_bit(
    tmp_path_factory: pytest.TempPathFactory,
    acts: Sequence[tuple[str, int, int, int]],
    order: object,
    days: int,
) -> None:
    """Whatever the order in which the events came, and whenever they are replayed."""
    database = opened(tmp_path_factory.mktemp("replay") / "thumbprint.db")
    events = story(acts)
    order.shuffle(events)  # type: ignore[attr-defined]
    try:
        for one in events:
            observed(database, [one])
        with database.unit() as unit:
            before = everything(unit)
            differences = lessons.replay(unit, REPOSITORY.id, NOW + timedelta(days=days))
            assert everything(unit) == before
            assert differences == []
    finally:
        database.dispose()


def test_frozen_learning_freezes_the_examples_too(database: Database) -> None:
    observed(database, [edit()])
    with database.unit() as unit:
        lessons.set_learning(unit, REPOSITORY.id, Learning.FROZEN, NOW)
        unit.commit()
    observed(database, [edit(2, answer=1, after=TEXT.replace("config/app.toml", "app.ini"))])
    assert [example.text for example in Memories(database).of(REPOSITORY.id).examples] == [CORRECTED]
    with database.unit() as unit:
        lessons.set_learning(unit, REPOSITORY.id, Learning.ON, NOW)
        unit.commit()
    assert [example.text for example in Memories(database).of(REPOSITORY.id).examples] == [CORRECTED]
    with database.unit() as unit:
        lessons.recheck(unit, REPOSITORY.id, WRITER.id, Permission.WRITE, NOW)
        unit.commit()
    assert len(Memories(database).of(REPOSITORY.id).examples) == 2


MANY = [
    posted(question(post_id=500 + n), comment_id=500 + n, text=TEXT, candidate_id=None, repairs=())
    for n in range(25)
]


def known(path: Path) -> Database:
    """A database with twenty-five answers of one text."""
    made = opened(path)
    with made.unit() as unit:
        for one in MANY:
            unit.answers.save(one)
        unit.commit()
    return made


def a_day(permission: Permission = Permission.WRITE) -> list[Feedback]:
    """A thumb or an edit by one person on each answer, within one day."""
    begins = NOW.replace(hour=1)
    made = []
    for n, one in enumerate(MANY):
        kind = FeedbackKind.EDIT if n % 2 else FeedbackKind.REACTION
        given = edit(n, after=CORRECTED) if n % 2 else event(kind, n, reaction=Reaction.MINUS_ONE)
        at = begins + timedelta(minutes=n)
        made.append(replace(given, id=f"d{n}", answer_id=one.id, at=at, permission=permission))
    return made


@settings(max_examples=3)
@given(data=st.data())
def test_the_cap_of_a_day_gives_the_same_weights_in_any_order(tmp_path_factory, data) -> None:
    """One by one, in whatever order: the bits of a replay, and of the first twenty alone."""
    folder = tmp_path_factory.mktemp("order")
    shuffled = data.draw(st.permutations(a_day()))
    found = []
    for name, batches in {
        "first": [a_day()[:20]],
        "at once": [a_day()],
        "one by one": [[one] for one in shuffled],
    }.items():
        made = known(folder / f"{name}.db")
        for batch in batches:
            observed(made, batch)
        with made.unit() as unit:
            found.append(repr(everything(unit)))
            assert lessons.replay(unit, REPOSITORY.id, NOW) == []
            found.append(repr(everything(unit)))
        made.dispose()
    assert len(set(found)) == 1


def test_a_maintainer_is_heard_more_than_twenty_times_a_day(tmp_path: Path) -> None:
    made = known(tmp_path / "many.db")
    observed(made, a_day(Permission.MAINTAIN))
    assert {name for w in weights(made) for name in w.event_ids} == {one.id for one in a_day()}
    made.dispose()


def test_fifty_strangers_with_a_hundred_thumbs_each_leave_all_weights_byte_identical(tmp_path: Path) -> None:
    made = known(tmp_path / "strangers.db")
    observed(made, [edit(), *a_day()])
    with made.unit(read_only=True) as unit:
        before, held = repr(everything(unit)), unit.repositories.get(REPOSITORY.id)
    thumbs = [
        event(
            FeedbackKind.REACTION,
            1000 + 100 * person + n,
            actor=Actor(id=9000 + person, login=f"stranger-{person}"),
            permission=(Permission.PUBLIC, Permission.NONE)[person % 2],
            reaction=(Reaction.PLUS_ONE, Reaction.MINUS_ONE, Reaction.HEART, Reaction.CONFUSED)[n // 25],
            answer_id=MANY[n % 25].id,
        )
        for person in range(50)
        for n in range(100)
    ]
    assert observed(made, thumbs) == 0
    with made.unit() as unit:
        assert len(unit.feedback.of_repository(REPOSITORY.id)) == 1 + 25 + 5000
        assert repr(everything(unit)) == before and unit.repositories.get(REPOSITORY.id) == held
        assert lessons.replay(unit, REPOSITORY.id, NOW) == [] and repr(everything(unit)) == before
    made.dispose()


def test_an_edit_that_teaches_nothing_is_still_the_text_that_a_thumb_judges(database: Database) -> None:
    """An edit by somebody who has lost the right to teach, heard of after a thumb that came after it."""
    rewritten = "Ask somebody who knows the page size of the app."
    observed(database, [event(FeedbackKind.REACTION, 2, reaction=Reaction.MINUS_ONE)])
    before = {weight.phrase.text for weight in weights(database)}
    observed(database, [edit(1, after=rewritten, actor=READERS[0], permission=Permission.READ)])
    after = {weight.phrase.text for weight in weights(database)}
    assert "npm" in before and "npm" not in after and "ask somebody" in after
    with database.unit() as unit:
        assert lessons.replay(unit, REPOSITORY.id, NOW + timedelta(days=1)) == []
