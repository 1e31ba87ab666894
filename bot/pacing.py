"""One pace for all that an installation writes, kept in the database: over workers, and over restarts.

What GitHub said of waiting (`Retry-After`, its secondary limits) holds for all workers too. Left out: the
arithmetic (`bot/pace.py`), and which calls write (`bot/github_calls.py`).
Run: `pytest tests/unit/bot/test_pacing.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from bot.pace import HOUR_S, IN_PLACE_S, Limits, current, next_turn, take_turn
from storage.database import Database, UnitOfWork
from storage.errors import RateLimited, TurnBooked
from storage.paces import Turns

log = structlog.get_logger()


def database_clock(unit: UnitOfWork) -> float:
    """Unix time in seconds, the same for all workers: one whose own clock is wrong stops no other."""
    return unit.executors.now().timestamp()


class Pace:
    """The turns of all installations in one database. Safe for threads."""

    def __init__(
        self,
        database: Database,
        limits: Limits,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[UnitOfWork], float] = database_clock,
    ) -> None:
        self._database, self._limits = database, limits
        self._sleep, self._clock = sleep, clock

    def turn(
        self, installation_id: int, *, key: str = "", optional: bool = False, more: bool = False
    ) -> None:
        """Wait for this write's turn where it is soon; else raise RateLimited, which says when to come back.

        A `key` books the turn, which stays booked while there is `more` to write in it, and where GitHub asks
        for a pause meanwhile; an `optional` write leaves half of the limits to the others.
        """
        with self._database.unit() as unit:
            turns, paused_until = unit.paces.of(installation_id)
            now = self._clock(unit)
            self._check(paused_until, now)
            since = turns.booked.get(key)
            turns, at, soon = take_turn(turns, now, self._limits, key=key, optional=optional, more=more)
            unit.paces.put(installation_id, turns)
            unit.commit()
        if not soon:
            raise _later(at - now, TurnBooked if key else RateLimited)
        if at > now:
            self._sleep(at - now)
            self._check_again(installation_id, key, at if since is None else since)

    def expect(self, installation_id: int, key: str) -> None:
        """Raise TurnBooked where a write's turn is far: what it would take to get there is spared."""
        with self._database.unit() as unit:
            turns, paused_until = unit.paces.of(installation_id)
            now = self._clock(unit)
            self._check(paused_until, now)
            kept = current(turns, now, self._limits)
            if next_turn(kept.taken, now, self._limits) <= now + IN_PLACE_S and not kept.booked:
                return
            turns, at, soon = take_turn(turns, now, self._limits, key=key)
            if soon:
                return  # and nothing is kept: the turn is taken when it is used
            unit.paces.put(installation_id, turns)
            unit.commit()
        raise _later(at - now, TurnBooked)

    def pause(self, installation_id: int, seconds: float) -> None:
        """GitHub asked us to wait: nobody writes there until then, or for an hour, and then asks again."""
        with self._database.unit() as unit:
            _, standing = unit.paces.of(installation_id)
            now = self._clock(unit)
            until = now + min(seconds, HOUR_S)
            if until - now > _left_s(standing, now):
                unit.paces.pause(installation_id, datetime.fromtimestamp(until, UTC))
            unit.commit()
        log.warning("writes_paused", installation=installation_id, seconds=seconds)

    def _check_again(self, installation_id: int, key: str, since: float) -> None:
        """After the wait for a turn: another worker may have been told of a pause. A key's turn is kept."""
        with self._database.unit() as unit:
            turns, paused_until = unit.paces.of(installation_id)
            try:
                self._check(paused_until, self._clock(unit))
            except RateLimited:
                if key:
                    unit.paces.put(installation_id, Turns(turns.taken, {key: since} | turns.booked))
                    unit.commit()
                raise

    def _check(self, paused_until: datetime | None, now: float) -> None:
        """Raise RateLimited while a pause lasts."""
        left_s = _left_s(paused_until, now)
        if left_s > 0:
            raise RateLimited(f"GitHub asked us to wait, {left_s:.0f} s more.", retry_after_s=left_s)


def _left_s(paused_until: datetime | None, now: float) -> float:
    """How much of a pause is left. One that is longer than any can be was kept by a wrong clock: nothing."""
    left_s = 0.0 if paused_until is None else paused_until.timestamp() - now
    return left_s if left_s <= HOUR_S + IN_PLACE_S else 0.0


def _later(wait_s: float, kind: type[RateLimited]) -> RateLimited:
    return kind(
        f"We write no faster than GitHub advises: the next turn is in {wait_s:.0f} s.", retry_after_s=wait_s
    )
