"""Which events are heard at all: the table of rights, and so many of one person a day. Pure.

A function of all events of a repository and of nothing else, so that any order of arrival ends with the same.
Left out: three readers for a thumb to act, which takes a phrase to count them (`learning/memory/weights.py`).
Run: `pytest tests/unit/learning/memory/test_hearing.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date

from storage.records import Feedback, FeedbackKind, Reaction
from storage.rights import said_by

REACTIONS = {
    Reaction.PLUS_ONE: 1.0,
    Reaction.HEART: 1.0,
    Reaction.HOORAY: 0.75,
    Reaction.ROCKET: 0.75,
    Reaction.LAUGH: 0.0,
    Reaction.EYES: 0.0,
    Reaction.CONFUSED: -0.5,
    Reaction.MINUS_ONE: -1.0,
}
"""What each reaction is worth. Eyes only say "seen"; people laugh with an answer and at it."""

HIDDEN = {"abuse", "low-quality", "off-topic", "spam"}
"""Reasons of a minimised comment that judge it. Outdated, resolved and duplicate ones were tidied up."""

READERS = 3
"""People without write access who must say one thing of an answer before it is believed of the answer."""

VOTES = (FeedbackKind.REACTION, FeedbackKind.REASON, FeedbackKind.HIDDEN)
"""Kinds of events that are one voice a person and answer."""

SIGNALS = 20
"""Edits, deletions and answers voted on by one person that are heard a day (UTC), the first ones, where the
table says that the person counts within a limit. What was taken back is still one of them, so that nobody
teaches on by taking back; who changes their mind about an answer is heard, for a vote is one an answer."""


def heard(event: Feedback) -> bool:
    """Whether an event teaches by the table of rights. A retraction teaches nothing: it only takes back.

    What was recorded while learning was frozen is not heard before its actor was asked about anew.
    """
    return not event.pending and counts(event)


def counts(event: Feedback) -> bool:
    """Whether an event says something that the table of rights allows its actor to say, heard yet or not."""
    if event.kind is FeedbackKind.RETRACTION:
        return False
    if event.kind is FeedbackKind.REACTION and (event.reaction is None or not REACTIONS[event.reaction]):
        return False
    if event.kind is FeedbackKind.HIDDEN and event.reason not in HIDDEN:
        return False
    return said_by(event).allowed


def disliked(events: Iterable[Feedback]) -> bool:
    """Whether among events that stand there is a reaction against the answer that counts."""
    return any(one.reaction is not None and REACTIONS[one.reaction] < 0 and counts(one) for one in events)


def enough(people: Mapping[int, bool]) -> bool:
    """Whether these people (each with whether they may write) count: a writer, or `READERS` of them."""
    return any(people.values()) or len(people) >= READERS


def day(event: Feedback) -> tuple[int, date] | None:
    """The person and the day (UTC) within whose cap an event falls; None for one that is not capped."""
    if not heard(event) or not said_by(event).limited:
        return None
    return (event.actor.id, event.at.astimezone(UTC).date())


def over(events: Iterable[Feedback]) -> frozenset[str]:
    """The ids of those among a repository's events that come after their person's `SIGNALS` of the day."""
    days: dict[tuple[int, date], list[Feedback]] = {}
    for event in {event.id: event for event in events}.values():
        if (key := day(event)) is not None:
            days.setdefault(key, []).append(event)
    late: set[str] = set()
    for of_the_day in days.values():
        signals: set[str] = set()
        for event in sorted(of_the_day, key=lambda event: (event.at, event.id)):
            signal = event.answer_id if event.kind in VOTES else event.id
            if len(signals) < SIGNALS:
                signals.add(signal)
            elif signal not in signals:
                late.add(event.id)
    return frozenset(late)
