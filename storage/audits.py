"""What was done to what is kept: numbers, no names. Append-only; no commit by itself.

Whoever made something out of many repositories' rows, such as a snapshot, asks `since` its own time whether
it still holds what left meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from storage.records import Audit
from storage.tables import audits

ERASED, FORGOT_USER, LEFT_SHARED = "erased", "forgot_user", "left_shared"


class AuditStore:
    """Audits in the order in which they were written, on one unit of work's connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

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
