"""What people may do in a repository, asked of GitHub and kept for a while. In memory only.

A reaction is polled again and again, and GitHub counts each question. Left out: edits and deletions, which
are rare and weigh more: `bot/feedback.py` asks anew for each.
Run: `pytest tests/unit/bot/test_permissions.py`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

from storage.records import Actor, Permission

KEPT_S = 600.0
MOST = 10_000


class Asked(Protocol):
    """GitHub, as far as it is asked here: `bot.github.Client`."""

    def permission(self, full_name: str, login: str) -> Permission:
        """What somebody may do in a repository."""
        ...


class Permissions:
    """Permissions by repository and person; safe for threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[tuple[int, int], tuple[float, Permission]] = {}

    def of(self, client: Asked, repository_id: int, full_name: str, actor: Actor) -> Permission:
        """What a person may do, as GitHub said it at most `KEPT_S` seconds ago. Raises what asking raises."""
        key, now = (repository_id, actor.id), self._clock()
        with self._lock:
            said = self._kept.get(key)
        if said is not None and now - said[0] < KEPT_S:
            return said[1]
        permission = client.permission(full_name, actor.login)
        with self._lock:
            if len(self._kept) >= MOST:
                self._kept = {k: v for k, v in self._kept.items() if now - v[0] < KEPT_S}
            self._kept[key] = (now, permission)
        return permission
