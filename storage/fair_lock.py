"""A lock that threads get in the order in which they asked for it.

SQLite's own waiters sleep for up to 100 ms between two looks, so that whoever just came takes what others
have waited for: of forty deliveries at once one of thousands waited for five seconds and was refused.
Left out: other processes, whose turns SQLite decides.
"""

from __future__ import annotations

import threading
from collections import deque


class FairLock:
    """Who releases it hands it to whoever has waited longest. Not reentrant; any thread may release it."""

    def __init__(self) -> None:
        self._looking = threading.Lock()
        self._held = False
        self._waiting: deque[threading.Lock] = deque()

    def acquire(self, timeout_s: float) -> bool:
        """Whether it was had within so many seconds."""
        with self._looking:
            if not self._held:
                self._held = True
                return True
            mine = threading.Lock()
            mine.acquire()
            self._waiting.append(mine)
        try:
            if mine.acquire(timeout=timeout_s):
                return True
        except BaseException:  # Ctrl-C
            if not self._withdrawn(mine):
                self.release()
            raise
        return not self._withdrawn(mine)

    def release(self) -> None:
        """Hand it on. Raises RuntimeError when nobody has it."""
        with self._looking:
            if not self._held:
                raise RuntimeError("a lock that nobody has cannot be released")
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._held = False

    def _withdrawn(self, mine: threading.Lock) -> bool:
        """No longer wait; False where it was handed over at the last moment."""
        with self._looking:
            if mine not in self._waiting:
                return False
            self._waiting.remove(mine)
            return True

    @property
    def waiting(self) -> int:
        """How many threads wait for it."""
        return len(self._waiting)
