"""Quiet hours: windows of the week in a time zone, and when the one that holds a moment ends. Pure.

A window is of wall-clock time, so it follows summer time; what follows another without a gap is one with it.
Left out: holding a question back, and saying so.
Run: `pytest tests/unit/bot/test_quiet.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES_A_DAY = 24 * 60
MINUTES_A_WEEK = 7 * MINUTES_A_DAY


def minutes_of(clock: str) -> int:
    """Minutes since midnight of `HH:MM`; 1440 for "24:00"."""
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)


@dataclass(frozen=True)
class Window:
    """From `begin` to `end`, minutes of a day, on the days (0 is Monday) on which it begins.

    An end that is not later than the beginning is the next day's.
    """

    begin: int
    end: int
    days: frozenset[int]

    @property
    def length(self) -> int:
        """Minutes that it takes by the clock, at most a day."""
        return self.end - self.begin if self.end > self.begin else self.end + MINUTES_A_DAY - self.begin

    def minutes(self) -> Iterator[int]:
        """The minutes of the week in it."""
        for day in self.days:
            start = day * MINUTES_A_DAY + self.begin
            yield from (minute % MINUTES_A_WEEK for minute in range(start, start + self.length))


def quiet_until(moment: datetime, windows: Iterable[Window], zone: str) -> datetime | None:
    """When the quiet time ends that `moment` falls into, in UTC; None when it falls into none."""
    times = sorted(_around(moment, list(windows), ZoneInfo(zone)))
    until = None
    for begin, end in times:
        if begin <= (until or moment) < end:
            until = end
    return until


def _around(moment: datetime, windows: list[Window], zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    """The windows as they come from two days before a moment to ten days after it, in UTC."""
    first = moment.astimezone(zone).date() - timedelta(days=2)
    for date in (first + timedelta(days=n) for n in range(13)):
        for window in windows:
            if date.weekday() in window.days:
                midnight = datetime.combine(date, time(), tzinfo=zone)
                begin, end = (
                    (midnight + timedelta(minutes=m)).astimezone(UTC)
                    for m in (window.begin, window.begin + window.length)
                )
                yield begin, end
