"""Attempts at a job's steps: rows before they begin, and watched while they run.

What DBOS records is a step's end; a step that ends its process leaves nothing there. So each attempt is a row
of ours first, and what hangs in this process is known by its clock. What follows from a count is for
`bot/retry.py` to say.
Run: `pytest tests/unit/bot/test_attempts.py`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from bot.queue import is_scheduled
from bot.retry import CLOCK_FORGETS, is_poison
from storage.database import Database, UnitOfWork
from storage.errors import DatabaseBusy
from storage.records import JobOutcome

T = TypeVar("T")
PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
"""A database that restarts is waited for: to break off because of it would count against the job."""


class Attempts:
    """The attempts of one worker's process. Threads share it."""

    def __init__(
        self,
        database: Database,
        executor_id: str,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._database = database
        self._me = executor_id
        self._clock, self._sleep = clock, sleep
        self._running: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()

    def begin(self, job_id: str, step: str) -> int | None:
        """Write down that a step begins, and its number; None for one that must not begin again."""

        def write(unit: UnitOfWork) -> int | None:
            now = unit.executors.now()
            since = now - CLOCK_FORGETS if is_scheduled(job_id) else None
            if is_poison(unit.jobs.unended(job_id, step, since)):
                return None
            return unit.jobs.begin_attempt(job_id, step, self._me, now)

        return self._written(write)

    def end(self, job_id: str, number: int, error: str) -> None:
        """Write down that it came to an end."""
        self._written(lambda unit: unit.jobs.end_attempt(job_id, number, unit.executors.now(), error))

    def ended(self, job_id: str, outcome: JobOutcome, error: str | None) -> None:
        """Write down how the job ended."""
        self._written(lambda unit: unit.jobs.end([job_id], outcome, unit.executors.now(), error))

    def mended(self, job_id: str) -> bool:
        """What was put off of a job has succeeded: it is done after all. False where it has no end yet."""
        return self._written(lambda unit: unit.jobs.mend(job_id))

    @contextmanager
    def watched(self, job_id: str, step: str) -> Iterator[None]:
        """Around a step: it is known since when it runs."""
        with self._lock:
            self._running[job_id, step] = self._clock()
        try:
            yield
        finally:
            with self._lock:
                self._running.pop((job_id, step), None)

    def hung(self, longest_s: float) -> tuple[str, str] | None:
        """The job and step that has run for longest, if that is longer than it may."""
        with self._lock:
            if not self._running:
                return None
            oldest = min(self._running, key=lambda each: self._running[each])
            return oldest if self._clock() - self._running[oldest] > longest_s else None

    def _written(self, write: Callable[[UnitOfWork], T]) -> T:
        for pause_s in (*PAUSES_S, None):
            try:
                with self._database.unit() as unit:
                    done = write(unit)
                    unit.commit()
                return done
            except DatabaseBusy:
                if pause_s is None:
                    raise
                self._sleep(pause_s)
        raise AssertionError("the last pause is None")
