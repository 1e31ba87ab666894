"""How far the sweep for missed deliveries came, and which deliveries reached us. No commit by itself."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import sqlalchemy as sa

from storage.columns import upsert
from storage.tables import deliveries, marks, sightings

_AT_ONCE = 500


class ProgressStore:
    """Marks by name and sightings by GUID, on one unit of work's connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def mark(self, name: str) -> datetime | None:
        """Until when something is done, or None where it never was."""
        query = sa.select(marks.c.at).where(marks.c.name == name)
        return self._connection.execute(query).scalar_one_or_none()

    def set_mark(self, name: str, at: datetime) -> None:
        """Note until when something is done."""
        upsert(self._connection, marks, [{"name": name, "at": at}])

    def marks(self, prefix: str) -> dict[str, datetime]:
        """The marks whose names begin so."""
        query = sa.select(marks.c.name, marks.c.at).where(marks.c.name.startswith(prefix, autoescape=True))
        return {row.name: row.at for row in self._connection.execute(query.order_by(marks.c.name))}

    def drop_mark(self, name: str, at: datetime) -> None:
        """Drop a mark, unless it was set anew since."""
        self._connection.execute(marks.delete().where(marks.c.name == name, marks.c.at == at))

    def sighted(self, guids: Sequence[str], at: datetime) -> None:
        """Note deliveries that reached us and asked for nothing."""
        upsert(self._connection, sightings, [{"guid": guid, "at": at} for guid in guids], update=())

    def sight_kept(self, repository_id: int, since: datetime) -> None:
        """Note the deliveries about a repository that reached us since a time: their rows are to go."""
        theirs = sa.select(deliveries.c.guid, deliveries.c.received_at.label("at")).where(
            deliveries.c.repository_id == repository_id, deliveries.c.received_at >= since
        )
        rows = [{"guid": row.guid, "at": row.at} for row in self._connection.execute(theirs)]
        upsert(self._connection, sightings, rows, update=())

    def known(self, guids: Collection[str]) -> set[str]:
        """Those of some deliveries that reached us, whatever they asked for."""
        found: set[str] = set()
        ordered = sorted(guids)
        for start in range(0, len(ordered), _AT_ONCE):
            some = ordered[start : start + _AT_ONCE]
            for table in (deliveries, sightings):
                found.update(
                    self._connection.execute(sa.select(table.c.guid).where(table.c.guid.in_(some))).scalars()
                )
        return found

    def forget_sightings(self, before: datetime) -> int:
        """Drop sightings that GitHub lists no more; returns how many."""
        return int(self._connection.execute(sightings.delete().where(sightings.c.at < before)).rowcount)
