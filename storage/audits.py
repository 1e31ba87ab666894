"""What was done to what is kept: numbers, no names. Append-only; no commit by itself.

Whoever makes something out of people's rows, such as a snapshot, takes the time of `settled` before it reads
them, and asks from then on whether some of them are `lost`. Nothing falls between: what was written down
before that time is committed, so that its rows are not read any more, and what is written down after it is
younger. Left out: clocks of several machines that differ.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime

import sqlalchemy as sa

from storage.records import Audit
from storage.tables import audits

ERASED, FORGOT_USER, LEFT_SHARED = "erased", "forgot_user", "left_shared"


class AuditStore:
    """Audits in the order in which they were written, on one unit of work's connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def settled(self) -> datetime:
        """The time, once everybody who is writing one down has committed it."""
        self._lock("SHARE")
        return datetime.now(UTC)

    def add_now(self, audit: Audit) -> None:
        """Write one down as of now, or of its own time if that is later: the last act of a transaction.

        The time at which a long act began would be older than an export that still read its rows.
        """
        self._lock("ROW EXCLUSIVE")
        self.add(replace(audit, at=max(audit.at, datetime.now(UTC))))

    def add(self, audit: Audit) -> None:
        """Write one down."""
        row = {
            "at": audit.at,
            "act": audit.act,
            "repository_id": audit.repository_id,
            "counts": dict(audit.counts),
        }
        self._connection.execute(audits.insert().values(**row))

    def since(self, when: datetime, acts: Collection[str] = ()) -> list[Audit]:
        """Those written at `when` or later, oldest first; of these acts only, if any are named."""
        query = sa.select(audits).where(audits.c.at >= when).order_by(audits.c.number)
        if acts:
            query = query.where(audits.c.act.in_(sorted(acts)))
        return [
            Audit(at=row.at, act=row.act, repository_id=row.repository_id, counts=dict(row.counts))
            for row in self._connection.execute(query)
        ]

    def lost(self, repositories: Collection[int], since: datetime, *, shared: bool) -> bool:
        """Whether rows of these repositories that were there at a time are there no more, or, of what several
        repositories `shared`, are not to be shared any more."""
        acts = (ERASED, FORGOT_USER, LEFT_SHARED) if shared else (ERASED, FORGOT_USER)
        written = self.since(since, acts)
        return any(one.act == FORGOT_USER or one.repository_id in repositories for one in written)

    def _lock(self, mode: str) -> None:
        """Who writes one down and who waits for that keep each other out; on SQLite all writers do."""
        if self._connection.dialect.name == "postgresql":
            self._connection.execute(sa.text(f"LOCK TABLE {audits.name} IN {mode} MODE"))
