"""When a night begins by itself, and that a killed one goes on: asked by the worker at each tick.

A cron expression on this machine's clock says when. A time that was missed by less than `LATE` is made up
for; a night that nobody ended is gone on with at once. The night is a process of its own, nice 19, which
knows the database and no secret of GitHub's; it ends when its worker does, and the next worker goes on with
it. Left out: what a night does (`bot/night.py`). Run: `pytest tests/unit/bot/test_night_clock.py`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import structlog
from croniter import croniter

from bot.consent import ASKING, STALE
from bot.environment import environment, variable
from bot.night_lock import elsewhere, is_free
from bot.settings import NEVER, Settings
from storage.database import Database
from storage.records import Run, RunStatus

LATE = timedelta(hours=1)
NICE = 19
LOG_BYTES = 20 * 2**20

log = structlog.get_logger()


def due(cron: str, now: datetime, last: Run | None, asking: datetime | None = None) -> bool:
    """Whether a night is to begin, or to go on. Pure.

    `last`: an open one of any scope, or the newest. `asking`: since when all are asked whether they still opt
    in; that takes as long as it takes, and the night is not missed by it.
    """
    if last is not None and last.status is RunStatus.RUNNING:
        return True
    if cron == NEVER:
        return False
    tick = _tick(cron, now)
    begun = tick > now - LATE or (asking is not None and asking > now - STALE)
    return begun and tick <= now and (last is None or last.started_at < tick)


def _tick(cron: str, now: datetime) -> datetime:
    """The newest time of a cron expression on this machine's clock. Where clocks are turned, one that comes
    twice is meant the first time, and one that is left out comes as long after the turn as it lies in the gap
    (PEP 495); that may be yet to come."""
    wall = now.astimezone().replace(tzinfo=None)
    found: datetime = croniter(cron, wall).get_prev(datetime)
    return datetime.fromtimestamp(found.timestamp(), UTC)


def night_env(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """All that a night gets: where things are, the database, its own settings; no key, no secret."""
    instead = {variable("database_url"): settings.resolved_database_url}
    return environment("retrain", settings, environ, instead)


class Clock:
    """Starts a worker's nights. One in a worker."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        ask: Callable[[datetime], bool] = lambda now: True,
    ) -> None:
        """`ask`: whether those who may train were asked (`bot/consent.py`); no night begins before, and one
        that goes on has its data already, and begins no other one."""
        self._settings, self._database, self._clock, self._ask = settings, database, clock, ask
        self._night: subprocess.Popen[bytes] | None = None

    def tick(self) -> bool:
        """Start a night if one is due, none is at work, and it was asked for; whether one was started.

        May raise what asking raises: then the next tick is the next try.
        """
        if self._night is not None and self._night.poll() is None:
            return False
        home, now = self._settings.home, self._clock()
        with self._database.unit(read_only=True) as unit:
            open_ = unit.adapters.open_runs()
            last = next(iter([*open_, *unit.adapters.runs(1, until=now)]), None)
            asking = unit.progress.mark(ASKING)
        if open_ and all(elsewhere(run, not self._database.is_sqlite, now) for run in open_):
            return False
        if not due(self._settings.retrain_at, now, last, asking) or not is_free(home / "training"):
            return False
        begins = not open_
        if begins and not self._ask(now):
            return False
        command = [sys.executable, "-m", "bot", "retrain", "--with-parent"]
        if not begins:
            command.append("--go-on")  # nobody was asked
        file = home / "logs" / "retrain.log"
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists() and file.stat().st_size > LOG_BYTES:
            file.replace(file.with_suffix(".log.1"))
        with file.open("ab") as said:
            self._night = subprocess.Popen(  # noqa: S603 - our own command
                command,
                env=night_env(self._settings, os.environ),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_lower,
            )
        log.info("night_started", process=self._night.pid, log=str(file))
        return True


def _lower() -> None:
    os.nice(NICE)
