"""What people may do in a repository, asked of GitHub and kept for a while. In memory only.

GitHub counts each question, so its word stands for ten minutes where it only lets somebody ask or look.
Before feedback is used, or anything that was learned is changed, it is asked anew (`for_use`, `anew`). Whom
the operator blocked (`THUMBPRINT_BLOCKED`) may nothing, whatever GitHub says.
Left out: what a permission allows (`storage/rights.py`). Run: `pytest tests/unit/bot/test_permissions.py`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from storage.records import Actor, Permission
from storage.rights import What, is_machine, may

KEPT_S = 600.0
MOST = 10_000


class Asked(Protocol):
    """GitHub, as far as it is asked here: `bot.github.Client`."""

    def permission(self, full_name: str, person: Actor) -> Permission:
        """What somebody may do in a repository."""
        ...


class Permissions:
    """Permissions by repository and person; safe for threads. All of it raises what asking raises."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, blocked: Iterable[str] = ()) -> None:
        """`blocked`: the logins of people who may nothing."""
        self._clock = clock
        self._blocked = frozenset(login.lower() for login in blocked)
        self._lock = threading.Lock()
        self._kept: dict[tuple[int, int], tuple[float, Permission]] = {}

    def of(self, client: Asked, repository_id: int, full_name: str, actor: Actor) -> Permission:
        """What a person may do, as GitHub said it at most `KEPT_S` seconds ago."""
        said = self._lately(repository_id, actor)
        return self.anew(client, repository_id, full_name, actor) if said is None else said

    def for_use(
        self, client: Asked, repository_id: int, full_name: str, actor: Actor, what: What = What.THUMB
    ) -> Permission:
        """What a person may do, where that is to be used: asked anew unless it counts for nothing."""
        said = self._lately(repository_id, actor)
        if said is not None and not may(actor, said, what).allowed:
            return said
        return self.anew(client, repository_id, full_name, actor)

    def anew(self, client: Asked, repository_id: int, full_name: str, actor: Actor) -> Permission:
        """What a person may do now."""
        if is_machine(actor) or actor.login.lower() in self._blocked:
            return Permission.NONE
        permission = client.permission(full_name, actor)
        now = self._clock()
        with self._lock:
            if len(self._kept) >= MOST:
                self._kept = {k: v for k, v in self._kept.items() if now - v[0] < KEPT_S}
            self._kept[repository_id, actor.id] = (now, permission)
        return permission

    def _lately(self, repository_id: int, actor: Actor) -> Permission | None:
        with self._lock:
            said = self._kept.get((repository_id, actor.id))
        return said[1] if said is not None and self._clock() - said[0] < KEPT_S else None
