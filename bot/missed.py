"""Which deliveries GitHub is asked to send again: those that failed, and those that never reached us. Pure.

GitHub never repeats a delivery by itself. What is asked for is decided from its own list of attempts, without
a payload, and from the GUIDs that reached us; nothing else is remembered, so that a restart asks for nothing
twice. While nothing gets through, one delivery is tried every five minutes, and that counts for nothing: once
something does, all that failed is asked for, however long it took. What fails beside others that get through
is asked for a few times at once and then at pauses that double, nine times in all. Oldest first: they are the
first that GitHub forgets. One whose first attempt is listed no more was given up, or is too old and is read
(`bot/sweeping.py`): it is left alone.
A push is not sent again: all that it would say is that files are to be read anew, and the list says whose.
Left out: asking (`bot/sweeping.py`). Run: `pytest tests/unit/bot/test_missed.py`.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from bot.github_app import DeliveryAttempt

HEARD = frozenset(
    {
        *("issue_comment", "issues", "pull_request", "pull_request_review_comment"),
        *("installation", "installation_repositories", "repository"),
    }
)
"""Events that something is done about here; a test compares with what the receiver routes."""

PUSH = "push"

FOR_GOOD = frozenset({400, 413, 422})
"""Refused whenever it is sent: malformed, or too large. A wrong signature is not: secrets are mended."""

SETTLED = timedelta(minutes=2)
"""A delivery that was acknowledged so long ago and did not reach us was lost."""

FIRST = timedelta(minutes=5)
MOST_TRIES = 9
"""Of one delivery, while others got through: it is this one that fails."""

AT_ONCE_TRIES = 3
"""Those of them that are made in the next sweep."""

MOST_AT_ONCE = 300
"""Deliveries asked for in one sweep: with one every five minutes 3,600 of GitHub's 5,000 calls an hour."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """`again` are the attempts to repeat. `open_since`: the oldest delivery that is still missing, if any.

    `pushed`: repositories with pushes that failed, each with when the newest was tried first.
    """

    again: tuple[DeliveryAttempt, ...]
    open_since: datetime | None
    given_up: tuple[str, ...] = ()
    pushed: Mapping[int, datetime] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class _Missing:
    """`asked`: how often it was asked for; `tries`: how often of that after others had got through again."""

    first: datetime
    last: DeliveryAttempt
    asked: int
    tries: int


def plan(
    listed: Iterable[DeliveryAttempt],
    reached: Collection[str],
    now: datetime,
    refused: Collection[int] = (),
) -> Plan:
    """What to ask for, from what GitHub lists and the GUIDs that reached us.

    `refused` are attempts that GitHub would not repeat a while ago: they wait, and hold up no others.
    """
    by_guid: dict[str, list[DeliveryAttempt]] = {}
    pushes: dict[str, list[DeliveryAttempt]] = {}
    ordered = sorted({each.id: each for each in listed}.values(), key=lambda one: (one.at, one.id))
    for one in ordered:
        if one.event in HEARD and one.guid not in reached:
            by_guid.setdefault(one.guid, []).append(one)
        if one.event == PUSH and one.repository_id:
            pushes.setdefault(one.guid, []).append(one)
    gets_through, passed = _through(ordered, reached, now)
    missing = [found for each in by_guid.values() if (found := _missing(each, passed, now)) is not None]
    lost = sorted(one.last.guid for one in missing if one.tries >= MOST_TRIES)
    waiting = sorted((one for one in missing if one.tries < MOST_TRIES), key=lambda one: one.first)
    due = [one for one in waiting if one.last.id not in refused and _is_due(one, now, gets_through)]
    if not gets_through:
        due = sorted(due, key=lambda one: (one.asked, one.first))[:1]
    return Plan(
        again=tuple(one.last for one in due[:MOST_AT_ONCE]),
        open_since=waiting[0].first if waiting else None,
        given_up=tuple(lost),
        pushed=_pushed(pushes.values()),
    )


def _pushed(deliveries: Iterable[list[DeliveryAttempt]]) -> dict[int, datetime]:
    """Whose files may have changed by pushes of which no attempt was acknowledged, and when the last did."""
    found: dict[int, datetime] = {}
    for attempts in deliveries:
        first = min(attempts, key=lambda one: (one.at, one.id))
        if not any(one.ok for one in attempts):
            found[first.repository_id] = max(first.at, found.get(first.repository_id, first.at))
    return found


def _through(
    ordered: Iterable[DeliveryAttempt], reached: Collection[str], now: datetime
) -> tuple[bool, list[tuple[datetime, int]]]:
    """Whether deliveries get through now, and which attempts did, oldest first.

    What was acknowledged and never reached us did not get through, whoever said 200.
    """
    through, passed = True, list[tuple[datetime, int]]()
    for one in ordered:
        if not one.ok:
            through = False
        elif one.guid in reached:
            through = True
            passed.append((one.at, one.id))
        elif one.event in HEARD and now - one.at >= SETTLED:
            through = False
    return through, passed


def _missing(
    attempts: Sequence[DeliveryAttempt], passed: Sequence[tuple[datetime, int]], now: datetime
) -> _Missing | None:
    """What is missing, from all attempts at one delivery, oldest first; `passed` are those that got through.

    None where nothing is, where it is too early, or where the first attempt is listed no more.
    """
    first, last = attempts[0], attempts[-1]
    if first.redelivery or last.status_code in FOR_GOOD or (last.ok and now - last.at < SETTLED):
        return None
    before = [bisect(passed, (one.at, one.id)) for one in attempts]
    tries = sum(after > earlier for earlier, after in pairwise(before))
    return _Missing(first=first.at, last=last, asked=len(attempts) - 1, tries=tries)


def _is_due(one: _Missing, now: datetime, gets_through: bool) -> bool:
    if gets_through and one.tries < AT_ONCE_TRIES:
        return True
    wait: timedelta = FIRST * 2**one.tries
    return now - one.last.at >= wait
