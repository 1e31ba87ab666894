"""The arithmetic of phrase weights: evidence in, one number out, exactly the same in any order. Pure.

`weigh` sorts its rows and sums them with `math.fsum`, so that a replay gives the same bits as the events one
by one. Why these numbers: ADR 0003. Left out: learning the constants from data.
Run: `pytest tests/unit/learning/memory/test_weights.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from learning.memory.forms import CODE
from storage.records import Evidence, Permission, Phrase, PhraseKind, PhraseWeight

HALF_LIFE_DAYS = {
    PhraseKind.WORDING: 90.0,
    PhraseKind.CORRECTION: 365.0,
    PhraseKind.MENTION: 365.0,
    PhraseKind.LENGTH: 180.0,
    PhraseKind.SILENCE: 365.0,
}
"""Taste fades in months; what a writer spelt out holds for longer."""

LIVES = 4.0
"""Half-lives after which what was not taught again no longer acts."""

_ACTS = {kind: timedelta(days=LIVES * days) for kind, days in HALF_LIFE_DAYS.items()}

SHRINK = 0.5
"""Mass of doubt that every weight starts with: one whole edit gives 1 / 1.5 = 0.67."""

PERSON_CAP = 1.0
"""Most mass, for and against each, that one person gives one phrase over all answers."""

VOTERS = 3
"""People below write access who must agree before a thumb acts."""

MARGIN = 1.5
"""How many times the mass against it the mass for a side must be, without a writer."""

TERM = 0.35
"""Weight from which a correction of prose acts: one of at most three that an edit made, or a repeated one.

An edit that changes many words is one person's style; a name or a command is right or wrong by itself.
"""

CONTEXTS = 8
"""Questions kept with a weight, newest first."""

EVENTS = 50
"""Events kept with a weight for tracing, newest first; the evidence rows hold all of them."""


_READ = Permission.READ.rank


def weigh(phrase: Phrase, evidence: Sequence[Evidence], now: datetime) -> PhraseWeight:
    """What all evidence about one phrase amounts to at `now`. The order and repetition of rows do not matter.

    Rows of strangers (PUBLIC and below) are listed in `event_ids` and count for nothing.
    """
    unique = {(row.at, row.event_id, row.answer_id, row.mass): row for row in evidence}
    rows = [unique[key] for key in sorted(unique, reverse=True)]
    trusted = [row for row in rows if row.permission.rank >= _READ and row.mass]
    counted = _superseded(phrase.kind, _together(trusted))
    masses = _by_person(phrase.kind, counted, now)
    ups = math.fsum(up for up, _ in masses.values())
    downs = math.fsum(down for _, down in masses.values())
    weight = (ups - downs) / (ups + downs + SHRINK)
    winning = [row for row in counted if (row.mass > 0) == (weight > 0)]
    return PhraseWeight(
        phrase=phrase,
        ups=ups,
        downs=downs,
        weight=weight,
        active=_acts(phrase, winning, weight, ups, downs),
        people=len({row.actor_id for row in counted}),
        as_of=now,
        contexts=tuple(dict.fromkeys(row.question for row in winning if row.question))[:CONTEXTS],
        event_ids=tuple(dict.fromkeys(row.event_id for row in rows))[:EVENTS],
        taught_at=winning[0].at if winning else None,
    )


def decayed(weight: PhraseWeight, now: datetime) -> PhraseWeight:
    """The same weight at a later time, without its evidence: all of it fades by one factor.

    Inactive once what taught it is LIVES half-lives old. An earlier `now` changes nothing.
    """
    days = (now - weight.as_of).total_seconds() / 86400.0
    if days <= 0.0:
        return weight
    factor = 0.5 ** (days / HALF_LIFE_DAYS[weight.phrase.kind])
    ups, downs = weight.ups * factor, weight.downs * factor
    value = (ups - downs) / (ups + downs + SHRINK)
    active = weight.active and not lapsed(weight, now)
    return replace(weight, ups=ups, downs=downs, weight=value, active=active, as_of=now)


def lapsed(weight: PhraseWeight, now: datetime) -> bool:
    """Whether what taught a phrase is LIVES half-lives old, so that it no longer acts."""
    return weight.as_of < now and lapses_at(weight) < now


def lapses_at(weight: PhraseWeight) -> datetime:
    """Until when a phrase acts that is not taught again."""
    return (weight.taught_at or weight.as_of) + _ACTS[weight.phrase.kind]


def current(weights: Iterable[PhraseWeight]) -> list[PhraseWeight]:
    """The lessons that hold: active ones, and of corrections that contradict each other the newest."""
    held = [w for w in weights if w.active]
    corrections = [w for w in held if w.phrase.kind is PhraseKind.CORRECTION]
    newest = {w.phrase.text: w for w in sorted(corrections, key=taught)}
    return [w for w in held if w.phrase.kind is not PhraseKind.CORRECTION or holds(w, newest.get)]


def holds(lesson: PhraseWeight, newest: Callable[[str], PhraseWeight | None]) -> bool:
    """Whether no newer correction contradicts this one; `newest` gives the newest one of a wrong form.

    Two contradict each other when they correct one form into different ones, or when each undoes the other.
    """
    last = newest(lesson.phrase.text)
    if last is None or last.phrase.right != lesson.phrase.right:
        return False
    back = newest(last.phrase.right)
    return back is None or back.phrase.right != lesson.phrase.text or taught(back) < taught(last)


def taught(weight: PhraseWeight) -> tuple[datetime, float, str]:
    """What the newest of several lessons is known by; of equal times, the weightier."""
    return (weight.taught_at or weight.as_of, weight.weight, weight.phrase.id)


def _age(at: datetime, now: datetime) -> float:
    return max(0.0, (now - at).total_seconds() / 86400.0)


def _together(rows: list[Evidence]) -> list[Evidence]:
    """Without those below write access where they are fewer than `VOTERS` beside a writer.

    Where no writer speaks they stay, to be seen: they do not act yet.
    """
    readers = {row.actor_id for row in rows if not row.permission.writes}
    if len(readers) >= VOTERS or not any(row.permission.writes for row in rows):
        return rows
    return [row for row in rows if row.permission.writes]


def _superseded(kind: PhraseKind, rows: list[Evidence]) -> list[Evidence]:
    """A writer who changes their mind is believed: what writers said before, the other way, is dropped.

    Not for WORDING, where many small opinions are added up. `rows` are newest first.
    """
    if kind is PhraseKind.WORDING:
        return rows
    last = next((row for row in rows if row.permission.writes), None)
    if last is None:
        return rows
    return [row for row in rows if (row.mass > 0) == (last.mass > 0) or row.at > last.at]


def _by_person(kind: PhraseKind, rows: Sequence[Evidence], now: datetime) -> dict[int, tuple[float, float]]:
    """Decayed mass for and against of each person, capped; people who judge one answer share its one text.

    Several thumbs on one answer say more surely that it is bad, but no more surely which phrase is to blame.
    """
    life = HALF_LIFE_DAYS[kind]
    judged: dict[tuple[str, bool], list[tuple[int, float]]] = {}
    for row in rows:
        mass = abs(row.mass) * 0.5 ** (_age(row.at, now) / life)
        judged.setdefault((row.answer_id, row.mass < 0), []).append((row.actor_id, mass))
    given: dict[int, tuple[list[float], list[float]]] = {}
    for (_, against), masses in judged.items():
        share = max(mass for _, mass in masses) / len(masses)
        for actor, _ in masses:
            given.setdefault(actor, ([], []))[against].append(share)
    return {
        actor: (min(PERSON_CAP, math.fsum(ups)), min(PERSON_CAP, math.fsum(downs)))
        for actor, (ups, downs) in sorted(given.items())
    }


def _acts(phrase: Phrase, winning: Sequence[Evidence], weight: float, ups: float, downs: float) -> bool:
    if not weight or (phrase.kind is not PhraseKind.WORDING and weight < 0):
        return False
    if phrase.kind is PhraseKind.CORRECTION and phrase.context != CODE and weight < TERM:
        return False
    if any(row.permission.writes for row in winning):
        return True
    if len({row.actor_id for row in winning}) < VOTERS:
        return False
    return max(ups, downs) >= MARGIN * min(ups, downs)
