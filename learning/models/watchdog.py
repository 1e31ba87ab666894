"""Work that should have stopped by itself, and did not: its process is ended, for a thread cannot be.

A generation looks at the clock between tokens, the encoder between texts. What hangs inside of one, in a
kernel or a lock, looks at nothing, and everything else waits behind it. Whoever supervises the process starts
it again (`thumbprint run`, systemd); whoever waits for an answer tries again.
Run: `pytest tests/unit/learning/models/test_watchdog.py`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

GRACE_S = 60.0
"""So long beyond its own limit may work take: one step of it on a machine that is busy elsewhere."""

LOOK_S = 1.0


class Watchdog:
    """What runs, and until when it should have ended. Threads share it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._running: dict[int, tuple[str, float]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def over(self, what: str, until: float) -> Iterator[None]:
        """Around work that stops by itself at `until`, on this watchdog's clock."""
        me = threading.get_ident()
        with self._lock:
            self._running[me] = (what, until)
        try:
            yield
        finally:
            with self._lock:
                self._running.pop(me, None)

    def overdue(self, grace_s: float = GRACE_S) -> str | None:
        """What should have ended more than `grace_s` ago; None if all is well."""
        now = self._clock()
        with self._lock:
            return next((what for what, until in self._running.values() if now > until + grace_s), None)

    def start(self, end: Callable[[str], object], grace_s: float = GRACE_S) -> None:
        """Look every second from now on, in a thread; call `end` with the first that is overdue."""

        def look() -> None:
            while (what := self.overdue(grace_s)) is None:
                time.sleep(LOOK_S)
            end(what)

        threading.Thread(target=look, name="watchdog", daemon=True).start()
