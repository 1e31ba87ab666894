"""The webhooks that became jobs, with their bodies: the jobs read them from here. No commit by itself.

Left out: deliveries that were ignored; the receiver counts and logs those.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from storage.columns import insert_new
from storage.records import Delivery
from storage.tables import deliveries


class DeliveryStore:
    """Deliveries by GitHub's GUID, on one unit of work's connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def add(self, delivery: Delivery, repository_id: int | None = None) -> bool:
        """Keep a delivery; False if its GUID was seen before (GitHub redelivers under the same one).

        `repository_id`: whose words its body holds, so that it goes when they go.
        """
        row = {
            "guid": delivery.guid,
            "event": delivery.event,
            "action": delivery.action,
            "body": delivery.body,
            "received_at": delivery.received_at,
            "repository_id": repository_id,
        }
        return insert_new(self._connection, deliveries, row, "guid")

    def number(self, guid: str) -> int | None:
        """The place of a delivery in the order of arrival, counted from 1; None if it is unknown."""
        query = sa.select(deliveries.c.number).where(deliveries.c.guid == guid)
        return self._connection.execute(query).scalar_one_or_none()

    def get(self, guid: str) -> Delivery | None:
        """The delivery, or None if it is unknown."""
        row = self._connection.execute(sa.select(deliveries).where(deliveries.c.guid == guid)).one_or_none()
        return None if row is None else _delivery(row)

    def deletions(self, repository_id: int, since: datetime) -> list[Delivery]:
        """What was deleted in a repository as far as it was told since then, oldest first."""
        told = sa.and_(
            deliveries.c.repository_id == repository_id,
            deliveries.c.action == "deleted",
            deliveries.c.received_at >= since,
        )
        query = sa.select(deliveries).where(told).order_by(deliveries.c.number)
        return [_delivery(row) for row in self._connection.execute(query)]

    def recent(self, limit: int) -> list[Delivery]:
        """The last deliveries, newest first."""
        query = sa.select(deliveries).order_by(deliveries.c.number.desc()).limit(limit)
        return [_delivery(row) for row in self._connection.execute(query)]


def _delivery(row: sa.Row[tuple[object, ...]]) -> Delivery:
    values = dict(row._mapping)
    del values["number"], values["repository_id"]
    return Delivery(**values)
