"""When an answer is looked at again, in which order, and how much looking may cost. Pure.

GitHub has no webhook for reactions, so each answer is looked at: often while it is young, rarely later. The
answers of one repository fall due together, for one call reads fifty and costs what one would. Where the
share of the rate limit does not reach, all wait by the same factor of their own interval, the youngest
least. Left out: looking (`bot/poll.py`), counting (`bot/spending.py`).
Run: `pytest tests/unit/bot/test_polling.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from storage.records import Turn

INTERVALS = ((timedelta(hours=1), 1), (timedelta(days=1), 5), (timedelta(days=7), 15))
"""Up to which age an answer is looked at every so many polls."""

OLD = 60
"""Polls between two looks at an answer that is older."""

BATCH = 50
"""Comments a call: it costs one point. GitHub takes 100 ids, and may answer wide queries in part."""

SHARE = 0.05
"""Of the points that GitHub grants an installation in an hour, for looking."""

HOUR = timedelta(hours=1)
WINDOWS = {"graphql": timedelta(minutes=6), "core": HOUR}
"""The share is kept within any so long a time, so it is within any hour. Looking is spread over the hour, so
that no burst uses it up; what people may do is asked for when they come, and they come together."""

LIMIT = 5000
"""Points an hour, until GitHub said how many there are: the least that it grants."""

SPARED = 0.2
"""Looking stops while less than so much of the hour's points is left: answering needs them more."""


def interval(age: timedelta, poll_s: float) -> timedelta:
    """The time between two looks at an answer of this age."""
    polls = next((polls for up_to, polls in INTERVALS if age < up_to), OLD)
    return timedelta(seconds=poll_s * polls)


def next_look(turn: Turn, now: datetime, poll_s: float) -> datetime:
    """When an answer that is looked at now is due again.

    Intervals begin at the same moments for a whole repository, and at other ones for each repository.
    """
    every_s = interval(now - turn.posted_at, poll_s).total_seconds()
    shift_s = turn.repository_id * 2_654_435_761 % OLD * poll_s
    passed = (now.timestamp() + shift_s) // every_s
    return datetime.fromtimestamp((passed + 1) * every_s - shift_s, UTC)


def lateness(turn: Turn, now: datetime, poll_s: float) -> float:
    """How long an answer has been due, in its own intervals."""
    every = interval(now - turn.posted_at, poll_s)
    due_at = turn.next_at or turn.posted_at + every
    return (now - due_at) / every


def batches(turns: Iterable[Turn], now: datetime, poll_s: float) -> list[tuple[Turn, ...]]:
    """Answers that are due, in calls of one repository each: what is latest first, of equals the youngest."""
    places: dict[tuple[int, int], list[Turn]] = {}
    order = sorted(turns, key=lambda one: (-lateness(one, now, poll_s), now - one.posted_at, one.answer_id))
    for turn in order:
        places.setdefault((turn.installation_id, turn.repository_id), []).append(turn)
    calls = [
        tuple(place[start : start + BATCH])
        for place in places.values()
        for start in range(0, len(place), BATCH)
    ]
    at = {turn.answer_id: number for number, turn in enumerate(order)}
    return sorted(calls, key=lambda call: at[call[0].answer_id])


def allowance(resource: str, limit: int) -> int:
    """Points of a resource that looking may cost within its window, of so many an hour."""
    return int((limit or LIMIT) * SHARE * (WINDOWS[resource] / HOUR))
