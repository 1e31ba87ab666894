"""Whether GitHub may be called for a repository at all, asked before each request. One place, for every call.

An uninstalled, suspended, removed or archived repository is out of bounds from the moment at which the
delivery that said so was acknowledged: the gate stands in the transport, so that neither a call nor the
making of a token goes past it, whichever job it is of. Left out: how a repository comes to be out of bounds
(`bot/standing.py`). Run: `pytest tests/unit/bot/test_access.py`.
"""

from __future__ import annotations

from collections.abc import Callable

import httpx

from bot.closing import ASK
from storage.database import Database
from storage.errors import OutOfBounds
from storage.records import Closed, Reach, Standing

WHY = {
    Closed.UNINSTALLED: "the App was uninstalled there",
    Closed.SUSPENDED: "the App is suspended there: its jobs go on once it is unsuspended",
    Closed.REMOVED: "the App has no access to it any more",
    Closed.ARCHIVED: "it is archived",
}


class Access:
    """What the database knows of installations and repositories, read anew each time. Safe for threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def installation(self, repository_id: int, said: int) -> int:
        """Through which installation a repository is reached now; `said` where it is not known.

        Raises OutOfBounds where it is not.
        """
        reach = self._reach(repository_id)
        if reach is None:
            return said
        _check(repository_id, reach)
        return reach.installation_id

    def check(self, installation_id: int, repository_id: int | None) -> None:
        """Raises OutOfBounds unless this repository may be called through this installation now.

        Without a repository: unless the installation may be used.
        """
        if repository_id is not None:
            reach = self._reach(repository_id)
            if reach is not None:
                _check(repository_id, reach)
                if reach.installation_id != installation_id:
                    raise OutOfBounds(f"The repository {repository_id} is another installation's now.")
                return
        with self._database.unit(read_only=True) as unit:
            known = unit.installations.get(installation_id)
        if known is not None and known.standing is not Standing.ACTIVE:
            raise OutOfBounds(f"The installation {installation_id} is {known.standing.value}.")

    def doubt(self, installation_id: int) -> None:
        """Have GitHub asked what an installation has: it gives no token for a repository that it has here."""
        with self._database.unit() as unit:
            unit.progress.set_mark(f"{ASK}{installation_id}", unit.executors.now())
            unit.commit()

    def _reach(self, repository_id: int) -> Reach | None:
        with self._database.unit(read_only=True) as unit:
            return unit.repositories.reach(repository_id)


class Gate(httpx.BaseTransport):
    """Lets a request through once `allowed()` did not raise."""

    def __init__(self, through: httpx.BaseTransport, allowed: Callable[[], None]) -> None:
        self._through = through
        self._allowed = allowed

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send it, or raise what `allowed` raises."""
        self._allowed()
        return self._through.handle_request(request)


def _check(repository_id: int, reach: Reach) -> None:
    if reach.closed is not None:
        raise OutOfBounds(f"The repository {repository_id} is out of bounds: {WHY[reach.closed]}.")
