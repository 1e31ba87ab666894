"""Which GitHub repositories are known, and whether their feedback acts. No commit by itself."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa

from storage.columns import upsert
from storage.records import Learning, Repository
from storage.tables import repositories


class RepositoryStore:
    """Repositories by GitHub's numeric id, on one unit of work's connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def upsert(self, repository: Repository) -> Repository:
        """Note a repository as GitHub names it now; a known one keeps its learning and revision.

        Returns what is kept.
        """
        row = {
            "id": repository.id,
            "full_name": repository.full_name,
            "installation_id": repository.installation_id,
            "private": repository.private,
            "learning": repository.learning.value,
            "revision": repository.revision,
            "seen_at": datetime.now(UTC),
        }
        current = ("full_name", "installation_id", "private", "seen_at")
        upsert(self._connection, repositories, [row], update=current)
        kept = self.get(repository.id)
        return repository if kept is None else kept

    def get(self, repository_id: int) -> Repository | None:
        """The repository, or None if it is unknown."""
        return self._one(sa.select(repositories).where(repositories.c.id == repository_id))

    def by_name(self, full_name: str) -> Repository | None:
        """The repository called `owner/name` (in any case); the last seen one if the name changed hands."""
        named = sa.func.lower(repositories.c.full_name) == full_name.lower()
        query = sa.select(repositories).where(named).order_by(repositories.c.seen_at.desc()).limit(1)
        return self._one(query)

    def all(self) -> list[Repository]:
        """All repositories, by name."""
        query = sa.select(repositories).order_by(repositories.c.full_name, repositories.c.id)
        return [_repository(row) for row in self._connection.execute(query)]

    def set_learning(self, repository_id: int, learning: Learning) -> None:
        """Turn a repository's learning on, off, or freeze it."""
        self._connection.execute(
            repositories.update().where(repositories.c.id == repository_id).values(learning=learning.value)
        )

    def bump_revision(self, repository_id: int) -> int:
        """Say that the weights change; returns the new revision, 0 for an unknown repository.

        Call it before reading what the change depends on: on PostgreSQL the row is a lock too, so that two
        units never fold one repository at once (SQLite has one writer anyway).
        """
        statement = (
            repositories.update()
            .where(repositories.c.id == repository_id)
            .values(revision=repositories.c.revision + 1)
            .returning(repositories.c.revision)
        )
        return self._connection.execute(statement).scalar_one_or_none() or 0

    def _one(self, query: sa.Select[tuple[object, ...]]) -> Repository | None:
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _repository(row)


def _repository(row: sa.Row[tuple[object, ...]]) -> Repository:
    values = dict(row._mapping)
    del values["seen_at"]
    values["learning"] = Learning(values["learning"])
    return Repository(**values)
