"""Who asked to be forgotten. No commit by itself.

Kept is a hash of the person's number, so that what they did before is not taken in again: a poll would find
their old thumbs a minute later. Whoever has this database and guesses numbers can tell whether one of them is
among these; there is no way to know a person again and to keep nothing at all.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

import sqlalchemy as sa

from storage.columns import upsert
from storage.tables import forgotten_people


class PeopleStore:
    """Forgotten people, on one unit of work's connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def forget(self, actor_id: int, at: datetime) -> None:
        """Take in nothing any more that a person did until `at`."""
        upsert(self._connection, forgotten_people, [{"key": _key(actor_id), "at": at}])

    def forgotten_until(self, actor_id: int) -> datetime | None:
        """Until when what a person did is forgotten; None for everybody else."""
        query = sa.select(forgotten_people.c.at).where(forgotten_people.c.key == _key(actor_id))
        return self._connection.execute(query).scalar_one_or_none()


def _key(actor_id: int) -> str:
    return hashlib.sha256(f"thumbprint: a person who asked to be forgotten: {actor_id}".encode()).hexdigest()
