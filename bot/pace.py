"""When an installation may write next: GitHub's advice on creating content, as a decision on times. Pure.

At least a second between two writes, 60 a minute, 400 an hour: below GitHub's own limits of 80 and 500, which
count what else is written with the same App. Whoever has to wait long books a turn and comes back for it, so
that many who wait come one by one and not all at once. Left out: keeping the turns (`bot/pacing.py`).
Source: https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api
Run: `pytest tests/unit/bot/test_pace.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from bot.settings import Settings
from storage.paces import Turns

MINUTE_S, HOUR_S = 60.0, 3600.0

IN_PLACE_S = 10.0
"""Whose turn comes this soon waits for it; others come back."""

SLACK_S = 0.5
"""Between a turn and its request lie a commit, a token or what is read first: turns are so much further apart
than requests have to be."""

FORGOTTEN_S = 1200.0
"""A booked turn that nobody came for is given up after this: whoever waits for an hour comes back up to a
quarter of one later (`bot/retry.py`)."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Seconds between two writes, and writes a minute and an hour."""

    apart_s: float = 1.0
    a_minute: int = 60
    an_hour: int = 400

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The operator's."""
        return cls(
            apart_s=settings.writes_apart_s and settings.writes_apart_s + SLACK_S,
            a_minute=settings.writes_per_minute,
            an_hour=settings.writes_per_hour,
        )

    @property
    def halved(self) -> Limits:
        """What a write that could as well be left out may take: answers have the rest to themselves."""
        return Limits(
            apart_s=self.apart_s, a_minute=max(1, self.a_minute // 2), an_hour=max(1, self.an_hour // 2)
        )


def next_turn(turns: Sequence[float], now: float, limits: Limits) -> float:
    """The earliest moment from `now` on that keeps the limits after these turns, oldest first."""
    at = now
    if turns:
        at = max(at, turns[-1] + limits.apart_s)
    for most, window_s in ((limits.a_minute, MINUTE_S), (limits.an_hour, HOUR_S)):
        if len(turns) >= most:
            at = max(at, turns[-most] + window_s)
    return at


def current(turns: Turns, now: float, limits: Limits) -> Turns:
    """What counts of these turns from now on: neither what is over nor what only a wrong clock can have kept.

    A write cannot have been later than a turn that is waited for: it counts as one of now. A booked turn that
    is later than all turns in a row could take is given up.
    """
    taken = [at if at <= now + IN_PLACE_S else now for at in turns.taken if at > now - HOUR_S]
    slowest_s = max(limits.apart_s, MINUTE_S / limits.a_minute, HOUR_S / limits.an_hour)
    last = now + HOUR_S + slowest_s * (len(taken) + len(turns.booked))
    booked = {who: at for who, at in turns.booked.items() if now - FORGOTTEN_S < at <= last}
    return Turns(tuple(sorted(taken)), booked)


def take_turn(
    turns: Turns, now: float, limits: Limits, *, key: str = "", optional: bool = False, more: bool = False
) -> tuple[Turns, float, bool]:
    """The turns from now on, when this write's turn is, and whether it is soon enough to wait for it.

    With a `key` a turn that is far is booked; whoever comes back for it goes before those who booked later,
    and so does the write that is to follow this one where there is `more` to do in that turn.
    """
    kept = current(turns, now, limits)
    taken, booked = kept.taken, dict(kept.booked)
    mine = booked.pop(key, None) if key else None
    if mine is not None and mine > now + IN_PLACE_S:
        return Turns(taken, booked | {key: mine}), mine, False
    before = [at for at in booked.values() if mine is None or at < mine]
    at = next_turn(sorted([*taken, *before]), now, limits.halved if optional else limits)
    if at <= now + IN_PLACE_S:
        left = booked | {key: mine} if more and mine is not None else booked
        return Turns(tuple(sorted([*taken, at])), left), at, True
    if not key:
        return Turns(taken, booked), at, False
    last = next_turn(sorted([*taken, *booked.values()]), now, limits)
    return Turns(taken, booked | {key: last}), last, False
