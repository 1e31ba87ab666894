"""Whatever people do and in whatever order it is heard of: the weights are what a replay makes of the events.

Edits, thumbs, deletions and retractions by people whose rights change, lessons forgotten by a maintainer or
taken back by who taught them, learning frozen, switched off and on again, and replays in between at any time.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import lessons
from learning.memory.hearing import over
from learning.memory.phrases import judge
from learning.memory.weights import weigh
from storage.database import Database, UnitOfWork
from storage.phrases import taken_back
from storage.records import (
    Evidence,
    Feedback,
    FeedbackKind,
    Learning,
    Permission,
    Phrase,
    PhraseWeight,
    Reaction,
)
from tests.unit.bot.taught import READERS, TEXTS, answers, event, opened
from tests.unit.storage.things import NOW, REPOSITORY, WRITER

PEOPLE = (WRITER, *READERS[:2])
RIGHTS = (Permission.MAINTAIN, Permission.WRITE, Permission.WRITE, Permission.READ, Permission.PUBLIC)


@dataclass(frozen=True)
class Act:
    """Something done `number` hours after NOW; `event` is None where it is done to the memory itself."""

    number: int
    verb: str
    event: Feedback | None = None
    which: int = 0


@st.composite
def stories(draw: st.DrawFn, verbs: Sequence[str]) -> list[Act]:
    """Acts in the order in which they happened."""
    made: list[Act] = []
    events: list[Feedback] = []
    for number in range(draw(st.integers(2, 14))):
        verb = draw(st.sampled_from(verbs))
        to, who = draw(st.integers(0, 2)), draw(st.sampled_from(PEOPLE))
        more: dict[str, Any] = {"permission": draw(st.sampled_from(RIGHTS)), "actor": who}
        one = None
        if verb == "edit":
            before, after = draw(st.permutations(TEXTS))[:2]
            one = event(FeedbackKind.EDIT, number, to, before=before, after=after, **more)
        elif verb == "react":
            reaction = draw(st.sampled_from(list(Reaction)))
            one = event(FeedbackKind.REACTION, number, to, reaction=reaction, **more)
        elif verb == "delete":
            one = event(FeedbackKind.DELETION, number, to, **more)
        elif verb == "retract" and events:
            gone = draw(st.sampled_from(events))
            one = event(FeedbackKind.RETRACTION, number, retracts=gone.id, answer_id=gone.answer_id, **more)
        events += [one] if one else []
        if one or verb not in ("edit", "react", "delete", "retract"):
            made.append(Act(number, verb, one, draw(st.integers(0, 99))))
    return made


EVENTS = ("edit", "edit", "react", "react", "delete", "retract", "retract")
UNDOING = ("forget", "withdraw")
SWITCHES = ("freeze", "on", "on", "replay")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("replay") / "empty.db"
    opened(file).dispose()
    return file


def anew(template: Path, folder: Path, name: str) -> Database:
    file = folder / f"{name}.db"
    for old in folder.glob(f"{name}.db*"):
        old.unlink()
    shutil.copy(template, file)
    return Database(f"sqlite:///{file}")


def all_phrases(acts: Sequence[Act]) -> list[Phrase]:
    """Whatever these events may teach, so that it can be forgotten before it is heard of."""
    events = [act.event for act in acts if act.event]
    found = {phrase.id: phrase for answer in answers() for phrase in judge(answer, events)[0]}
    return [found[name] for name in sorted(found)]


def carry_out(database: Database, act: Act, phrases: Sequence[Phrase]) -> None:
    at = NOW + timedelta(
        hours=act.number, minutes=30
    )  # what was done to the memory came after its hour's event
    with database.unit() as unit:
        if act.event:
            lessons.observe(unit, [act.event, act.event], at)
        elif act.verb in UNDOING and phrases:
            phrase = phrases[act.which % len(phrases)]
            unit.phrases.add_phrases([phrase])
            if act.verb == "forget":
                lessons.forget(unit, phrase.id, WRITER, at)
            else:
                lessons.withdraw(unit, phrase.id, PEOPLE[act.which % len(PEOPLE)], at)
        elif act.verb == "replay":
            assert lessons.replay(unit, REPOSITORY.id, at + timedelta(days=act.which)) == []
        elif act.verb in ("freeze", "on", "off"):
            learning = {"freeze": Learning.FROZEN, "on": Learning.ON, "off": Learning.OFF}[act.verb]
            lessons.set_learning(unit, REPOSITORY.id, learning, at)
            if learning is Learning.ON and act.which % 2:
                recheck(unit, at)
        unit.commit()


def recheck(unit: UnitOfWork, at: datetime) -> None:
    """As the worker does, where nobody may more or less by now."""
    for person in unit.feedback.to_ask_about().get(REPOSITORY.id, []):
        lessons.recheck(unit, REPOSITORY.id, person.id, Permission.ADMIN, at)


def expected(unit: UnitOfWork) -> dict[str, PhraseWeight]:
    """All weights from the events and from what was taken back, by the pure functions alone."""
    events = unit.feedback.of_repository(REPOSITORY.id)
    gone = unit.phrases.forgotten(REPOSITORY.id)
    phrases: dict[str, Phrase] = {}
    rows: dict[str, list[Evidence]] = defaultdict(list)
    for answer in answers():
        found, evidence = judge(answer, events, unheard=over(events))
        phrases.update((phrase.id, phrase) for phrase in found)
        for row in evidence:
            if not taken_back(row, gone):
                rows[row.phrase_id].append(row)
    return {name: weigh(phrases[name], rows[name], max(r.at for r in rows[name])) for name in sorted(rows)}


def held(unit: UnitOfWork) -> dict[str, PhraseWeight]:
    found = {weight.phrase.id: weight for weight in unit.phrases.weights(REPOSITORY.id)}
    return {name: found[name] for name in sorted(found)}


def ended(database: Database) -> str:
    """What is held once learning is on: checked against the events, and against one more replay."""
    later = NOW + timedelta(days=90)
    with database.unit() as unit:
        lessons.set_learning(unit, REPOSITORY.id, Learning.ON, later)
        recheck(unit, later)
        assert repr(held(unit)) == repr(expected(unit))
        assert lessons.replay(unit, REPOSITORY.id, later + timedelta(days=900)) == []
        unit.commit()
        return repr((held(unit), unit.phrases.forgotten(REPOSITORY.id)))


MANY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@MANY
@given(acts=stories((*EVENTS, *UNDOING, *SWITCHES, "off")))
def test_the_weights_are_what_the_events_say_after_whatever_was_done(
    template: Path, tmp_path: Path, acts: list[Act]
) -> None:
    database = anew(template, tmp_path, "story")
    try:
        phrases = all_phrases(acts)
        for act in acts:
            carry_out(database, act, phrases)
        ended(database)
    finally:
        database.dispose()


@MANY
@given(
    acts=stories((*EVENTS, *UNDOING, *SWITCHES)), late=st.lists(st.integers(0, 6), min_size=14, max_size=14)
)
def test_what_is_heard_of_late_ends_with_the_same_bits(
    template: Path, tmp_path: Path, acts: list[Act], late: list[int]
) -> None:
    """An event comes after later ones, after a forgetting, or when learning was frozen or on meanwhile."""
    ends = []
    delayed = sorted(acts, key=lambda act: act.number + (late[act.number] + 0.5 if act.event else 0.0))
    for order in (acts, delayed):
        database = anew(template, tmp_path, "order")
        try:
            phrases = all_phrases(acts)
            for act in order:
                carry_out(database, act, phrases)
            ends.append(ended(database))
        finally:
            database.dispose()
    assert ends[0] == ends[1]


def test_frozen_weights_stay_to_the_bit_but_for_what_is_forgotten(template: Path, tmp_path: Path) -> None:
    database = anew(template, tmp_path, "frozen")
    try:
        first = event(FeedbackKind.EDIT, 1, 0, before=TEXTS[0], after=TEXTS[1])
        other = event(FeedbackKind.EDIT, 2, 1, before=TEXTS[0], after=TEXTS[2])
        for act in (Act(1, "edit", first), Act(2, "edit", other), Act(3, "freeze")):
            carry_out(database, act, ())
        with database.unit(read_only=True) as unit:
            before = held(unit)
        more = replace(event(FeedbackKind.DELETION, 4, 2), actor=WRITER)
        phrases = [weight.phrase for weight in before.values()]
        for act in (Act(4, "delete", more), Act(5, "forget"), Act(6, "replay", which=9)):
            carry_out(database, act, phrases)
        with database.unit(read_only=True) as unit:
            assert len(before) > 1
            assert held(unit) == {name: one for name, one in before.items() if name != phrases[0].id}
    finally:
        database.dispose()
