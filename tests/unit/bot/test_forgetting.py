"""Forgetting takes back all that came before it, for ever; what comes after it teaches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import lessons
from bot.memory import Memories
from learning.memory.phrases import judge
from storage.database import Database
from storage.records import FeedbackKind, Learning, Permission, PhraseKind, PhraseWeight, Reaction
from tests.unit.bot.taught import (
    ACTS,
    CORRECTED,
    TEXT,
    answers,
    edit,
    event,
    everything,
    observed,
    opened,
    reaction,
    story,
    weights,
)
from tests.unit.storage.things import NOW, REPOSITORY, WRITER


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = opened(tmp_path / "thumbprint.db")
    yield made
    made.dispose()


def forgotten(database: Database, at: datetime) -> PhraseWeight:
    """Forget the one correction; returns the weight that it had."""
    (correction,) = [w for w in weights(database) if w.phrase.kind is PhraseKind.CORRECTION]
    with database.unit() as unit:
        lessons.forget(unit, correction.phrase.id, WRITER, at)
        unit.commit()
    return correction


def test_what_taught_a_forgotten_phrase_never_teaches_it_again(database: Database) -> None:
    """Neither through a replay, nor by events that make an old answer be judged again, nor by late ones."""
    observed(database, [edit()])
    correction = forgotten(database, NOW + timedelta(hours=5))
    with database.unit() as unit:
        lessons.observe(unit, [edit(2, answer=1)], NOW)  # happened before, heard of after
        longer = edit(6, before=CORRECTED, after=CORRECTED + "\n\nSee `docs/`.")
        lessons.observe(unit, [longer, reaction(7, 0, 0, Reaction.PLUS_ONE)], NOW)
        away = event(FeedbackKind.RETRACTION, 8, retracts="e1")
        back = event(FeedbackKind.RETRACTION, 9, retracts="e8")
        lessons.observe(unit, [away, back], NOW)
        lessons.replay(unit, REPOSITORY.id, NOW)
        unit.commit()
    assert correction.phrase.id not in {w.phrase.id for w in weights(database)}


def test_a_forgotten_phrase_is_taught_again_by_a_new_edit(database: Database) -> None:
    observed(database, [edit()])
    correction = forgotten(database, NOW + timedelta(hours=2))
    observed(database, [edit(3, answer=1)])
    (again,) = [w for w in weights(database) if w.phrase == correction.phrase]
    assert again.active and again.event_ids == ("e3",)
    with database.unit(read_only=True) as unit:
        changes = unit.phrases.changes(REPOSITORY.id, 50)
    assert [bool(c.after) for c in changes if c.phrase == correction.phrase] == [True, False, True]


def test_the_very_answer_that_was_undone_may_be_corrected_again(database: Database) -> None:
    observed(database, [edit()])
    correction = forgotten(database, NOW + timedelta(hours=2))
    observed(database, [edit(3, before=CORRECTED, after=TEXT)])
    observed(database, [edit(4, before=TEXT, after=CORRECTED)])
    assert correction.phrase.id in {w.phrase.id for w in weights(database)}
    assert [example.text for example in Memories(database).of(REPOSITORY.id).examples] == [CORRECTED]


def test_an_edit_in_the_second_of_the_forgetting_teaches_unless_it_was_folded(database: Database) -> None:
    """GitHub's times have whole seconds, so that an edit just after seems to be just before."""
    second = (NOW + timedelta(hours=1)).replace(microsecond=0)
    observed(database, [edit(at=second)])
    correction = forgotten(database, second + timedelta(microseconds=700_000))
    assert correction.phrase.id not in {w.phrase.id for w in weights(database)}
    observed(database, [edit(2, answer=1, at=second + timedelta(seconds=1))])
    forgotten(database, second + timedelta(seconds=2, microseconds=300_000))
    observed(database, [edit(3, answer=2, at=second + timedelta(seconds=2))])
    assert [w.event_ids for w in weights(database) if w.phrase == correction.phrase] == [("e3",)]


def test_forgetting_while_learning_is_frozen_holds_when_it_is_on_again(database: Database) -> None:
    observed(database, [edit()])
    with database.unit() as unit:
        lessons.set_learning(unit, REPOSITORY.id, Learning.FROZEN, NOW)
        unit.commit()
    observed(database, [edit(2, answer=1)])
    correction = forgotten(database, NOW + timedelta(hours=3))
    with database.unit() as unit:
        lessons.set_learning(unit, REPOSITORY.id, Learning.ON, NOW)
        lessons.recheck(unit, REPOSITORY.id, WRITER.id, Permission.WRITE, NOW)
        unit.commit()
    assert correction.phrase.id not in {w.phrase.id for w in weights(database)}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    acts=ACTS,
    order=st.randoms(use_true_random=False),
    hour=st.integers(0, 9),
    heard=st.integers(0, 10),
    which=st.integers(0, 99),
)
def test_forgetting_takes_back_what_came_before_it_in_any_order_of_arrival(
    tmp_path_factory: pytest.TempPathFactory,
    acts: Sequence[tuple[str, int, int, int]],
    order: object,
    hour: int,
    heard: int,
    which: int,
) -> None:
    """`heard` of the events before it have arrived when a phrase is forgotten at `hour`; the others later."""
    until = NOW + timedelta(hours=hour, seconds=1)
    events = story(acts)
    lessons_in_it = {p.id: p for answer in answers() for p in judge(answer, events)[0]}
    if not lessons_in_it:
        return
    phrase = sorted(lessons_in_it.values(), key=lambda one: one.id)[which % len(lessons_in_it)]
    early, late = [e for e in events if e.at <= until], [e for e in events if e.at > until]
    held = []
    for shuffled in (False, True):
        database = opened(tmp_path_factory.mktemp("forget") / "thumbprint.db")
        arrived = len(early)
        if shuffled:
            order.shuffle(early)  # type: ignore[attr-defined]
            arrived = min(heard, arrived)
        rest = [*early[arrived:], *late]
        if shuffled:
            order.shuffle(rest)  # type: ignore[attr-defined]
        try:
            for one in early[:arrived]:
                observed(database, [one])
            with database.unit() as unit:
                unit.phrases.add_phrases([phrase])
                lessons.forget(unit, phrase.id, WRITER, until)
                unit.commit()
            for one in rest:
                observed(database, [one])
            with database.unit() as unit:
                held.append(everything(unit))
                assert lessons.replay(unit, REPOSITORY.id, until + timedelta(days=9)) == []
                assert everything(unit) == held[-1]
                assert all(one.at > until for one in unit.phrases.evidence_of([phrase.id])[phrase.id])
        finally:
            database.dispose()
    assert held[0] == held[1]
