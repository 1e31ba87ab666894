"""Deliveries that reached us and left no row: noted, so that the sweep does not take them for missing.

Written once a second by a thread of its own, for most deliveries ask for nothing and must cost next to
nothing. What was not written yet when the process dies is sent again, once, and ignored again.
Left out: the sweep (`bot/sweeping.py`). Run: `pytest tests/unit/webhooks/test_sightings.py`.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from storage.database import Database
from storage.errors import DatabaseBusy, DatabaseError

EVERY_S = 1.0
MOST_AT_ONCE = 2_000
MOST_HELD = 100_000
"""More than this are not held while the database takes nothing: the oldest are sent again."""

log = structlog.get_logger()


class Sightings:
    """GUIDs on their way into the database. `note` is for any thread, and waits for nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        self._held: deque[str] = deque(maxlen=MOST_HELD)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="sightings", daemon=True)

    def note(self, guid: str) -> None:
        """Have a delivery known as one that reached us."""
        self._held.append(guid)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write what is held, then end."""
        self._stopping.set()
        self._thread.join(timeout=10)

    def flush(self) -> int:
        """Write what is held now; returns how many. Raises DatabaseBusy or DatabaseError, and holds them."""
        some = [self._held.popleft() for _ in range(min(len(self._held), MOST_AT_ONCE))]
        if not some:
            return 0
        try:
            with self._database.unit() as unit:
                unit.progress.sighted(list(dict.fromkeys(some)), self.clock())
                unit.commit()
        except (DatabaseBusy, DatabaseError):
            self._held.extendleft(reversed(some))
            raise
        return len(some)

    def _work(self) -> None:
        while True:
            stopping = self._stopping.wait(EVERY_S)
            try:
                while self.flush() == MOST_AT_ONCE:
                    pass
            except (DatabaseBusy, DatabaseError) as error:
                log.warning("sightings_wait", held=len(self._held), reason=str(error))
            except Exception:  # what it held comes again; a thread that ended would have all of it sent again
                log.exception("sightings_lost", held=len(self._held))
            if stopping:
                return
