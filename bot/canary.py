"""A canary: some threads get the new adapter, the others the former, and people's thumbs and edits decide.

A thread is on one side for as long as the canary stands, by its hash; raising the share moves threads only
towards the new adapter. A thread has *trouble* where an answer of that side was edited, corrected, deleted,
or disliked by enough people, all as the table of rights hears them. The rates of trouble among the threads of
both sides are compared by Newcombe's interval of a difference (Statistics in Medicine 1998, method 10) at
99 %: a canary is looked at after each poll, and 95 % would roll back too many good ones. Where the whole
interval is above zero, the former comes back by itself. Left out: going over to the new adapter by itself,
which is another promotion.

    pytest tests/unit/bot/test_canary.py
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from learning.intervals import wilson
from learning.memory.edits import diff
from learning.memory.hearing import REACTIONS, VOTES, enough, heard, over
from storage.adapters import LET_GO, Written
from storage.database import Database, UnitOfWork
from storage.records import Feedback, FeedbackKind, Promotion

log = structlog.get_logger()

Z = 2.576
LEAST = 8
"""Threads of the new side below which nothing is decided."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """Threads that one adapter answered, and in how many of them there was trouble."""

    threads: int
    trouble: int

    @property
    def rate(self) -> float:
        """The share of threads with trouble, 0.0 of none."""
        return self.trouble / self.threads if self.threads else 0.0

    def __str__(self) -> str:
        return f"{self.trouble} of {self.threads} threads"


def takes(adapter_id: str, thread_key: str, share: int) -> bool:
    """Whether a thread gets a canary of `share` per cent: by a hash, so always the same. Pure."""
    digest = hashlib.sha256(f"{adapter_id}/{thread_key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") * 100 < share << 64


def worse(new: Side, former: Side) -> str:
    """Why the new side is to be rolled back, with its figures, or "" where nothing is proven. Pure."""
    if new.threads < LEAST or not former.threads:
        return ""
    low, high = difference(new, former)
    if low <= 0:
        return ""
    more = f"{100 * (new.rate - former.rate):.0f} points more (99 %: {100 * low:.0f} to {100 * high:.0f})"
    return f"Edits and thumbs: trouble in {new} of the new adapter, in {former} of the former, {more}."


def difference(new: Side, former: Side) -> tuple[float, float]:
    """Newcombe's interval of the difference of two rates, each over at least one thread. Pure."""
    low, high = wilson(new.rate, new.threads, z=Z)
    other_low, other_high = wilson(former.rate, former.threads, z=Z)
    middle = new.rate - former.rate
    down = math.hypot(new.rate - low, other_high - former.rate)
    up = math.hypot(high - new.rate, former.rate - other_low)
    return middle - down, middle + up


def against(events: Iterable[Feedback], late: frozenset[str] = frozenset()) -> bool:
    """Whether what stands of an answer's feedback, as far as it is heard, speaks against it. Pure.

    `late` are events beyond their person's cap of the day.
    """
    every = list(events)
    gone = {event.retracts for event in every} | late
    standing = [event for event in every if event.id not in gone and heard(event)]
    people = {one.actor.id: one.permission.writes for one in standing if one.kind in VOTES and _dislikes(one)}
    return enough(people) or any(_changes(event) for event in standing)


def _dislikes(event: Feedback) -> bool:
    return event.reaction is None or REACTIONS[event.reaction] < 0


def _changes(event: Feedback) -> bool:
    if event.kind is FeedbackKind.DELETION:
        return True
    return event.kind in (FeedbackKind.EDIT, FeedbackKind.REPLY) and diff(event.before, event.after).teaches


def sides(
    written: Sequence[Written], troubled: Mapping[str, bool], canary: Promotion, other: str
) -> tuple[Side, Side]:
    """The new and the former side of a canary, from what was written since. Pure.

    `troubled` says it of each answer by id; `other` is the adapter that threads of the former side get.
    """
    threads: dict[bool, dict[str, bool]] = {True: {}, False: {}}
    for one in written:
        new = takes(canary.adapter, one.thread_key, canary.share)
        if one.adapter == (canary.adapter if new else other):
            of_side = threads[new]
            of_side[one.thread_key] = of_side.get(one.thread_key, False) or troubled[one.answer_id]
    new_side, former = (
        Side(threads=len(of_side), trouble=sum(of_side.values()))
        for of_side in (threads[True], threads[False])
    )
    return new_side, former


def settle_due(database: Database, chosen: Collection[str], now: datetime) -> int:
    """Roll back each canary whose threads have more trouble, in one transaction each; how many there were.

    `chosen` are the models that a repository may choose in its file: what they wrote is on no side.
    """
    with database.unit(read_only=True) as unit:
        found = [
            (row, why)
            for row in unit.adapters.current()
            if row.is_canary and (why := _found(unit, row, chosen))
        ]
    done = 0
    for row, why in found:
        with database.unit() as unit:
            if unit.adapters.promote(rolled_back(unit, row, now, by="canary", reason=why)):
                unit.commit()
                done += 1
                log.warning("canary_rolled_back", adapter=row.adapter, scope=row.scope, reason=why)
    return done


def rolled_back(unit: UnitOfWork, row: Promotion, now: datetime, *, by: str, reason: str) -> Promotion:
    """The promotion that brings back what was in force before `row`; its former is what was before that.

    What has no weights any more is passed over.
    """
    history = unit.adapters.history(row.scope, row.repository_id)
    gone = {one.id for one in unit.adapters.all() if one.fault == LET_GO}
    back = (one for one in _formers(history, row) if one not in gone)
    return Promotion(
        scope=row.scope,
        repository_id=row.repository_id,
        place=row.place + 1,
        adapter=next(back, ""),
        former=next(back, ""),
        at=now,
        by=by,
        reason=reason,
    )


def _formers(history: Sequence[Promotion], row: Promotion) -> Iterator[str]:
    """What was in force before a promotion, what before that, and so on. Pure."""
    name, place = row.former, row.place
    while name:
        yield name
        before = [one for one in history if one.place < place and one.adapter == name and not one.is_canary]
        name, place = (before[0].former, before[0].place) if before else ("", 0)


def figures(unit: UnitOfWork, canary: Promotion, chosen: Collection[str]) -> tuple[Side, Side]:
    """The two sides of a canary as they stand now."""
    written = unit.adapters.written(canary.scope, canary.repository_id, canary.at, chosen)
    events = unit.feedback.of_answers([one.answer_id for one in written])
    late: frozenset[str] = frozenset()
    for repository_id in {one.repository_id for one in written if events.get(one.answer_id)}:
        late |= over(unit.feedback.of_repository(repository_id))
    troubled = {one.answer_id: against(events.get(one.answer_id, []), late) for one in written}
    return sides(written, troubled, canary, canary.former or _above(unit, canary))


def _found(unit: UnitOfWork, canary: Promotion, chosen: Collection[str]) -> str:
    return worse(*figures(unit, canary, chosen))


def _above(unit: UnitOfWork, canary: Promotion) -> str:
    """The adapter that is in force where this scope has none."""
    above = [unit.adapters.in_force(canary.scope)] if canary.repository_id else []
    above += [unit.adapters.in_force(0)] if canary.scope else []
    return next((one.adapter for one in above if one and one.adapter), "")
