"""Which GitHub repositories are known, how they are reached, and whether their feedback acts.

What a delivery says may be old: it makes a repository known and closes it at once, but only what GitHub says
when it is asked now (`upsert`, `settle`) renames one. A job may write down what it read before a delivery
came that closes or moves, so only `settle`, for which such a delivery asks, opens one, or gives it to another
installation. No commit by itself.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

import sqlalchemy as sa

from storage.audits import LEFT_SHARED, AuditStore
from storage.columns import insert_new, upsert
from storage.records import Audit, Closed, Learning, Reach, Repository, Standing
from storage.tables import installations, repositories


def is_open() -> sa.ColumnElement[bool]:
    """Whether GitHub may be called for a repository: what `reach` says, of rows joined to installations.

    An outer join: an installation that nobody heard of yet closes nothing.
    """
    standing = sa.func.coalesce(installations.c.standing, Standing.ACTIVE.value)
    return sa.and_(
        standing == Standing.ACTIVE.value,
        repositories.c.removed_at.is_(None),
        repositories.c.archived.is_(sa.false()),
    )


class RepositoryStore:
    """Repositories by GitHub's numeric id, on one unit of work's connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def upsert(self, repository: Repository) -> Repository:
        """Note a repository as GitHub names it now; a known one keeps its learning, revision and end.

        One that is private stays so. One that another installation has now keeps its name and owner: whoever
        read this was before the transfer. Returns what is kept.
        """
        if repository.private:
            self.set_private(repository.id)
        current, of = ("full_name", "seen_at"), ("installation_id",)
        upsert(self._connection, repositories, [_row(repository)], update=current, where_same=of)
        kept = self.get(repository.id)
        return repository if kept is None else kept

    def meet(self, repository: Repository, heard: datetime | None = None) -> None:
        """Note a repository that a delivery names. A known one can only become private by it.

        `heard`: when the delivery says that the App was given it; nothing older is to be heard.
        """
        new = insert_new(self._connection, repositories, _row(repository), "id")
        if heard is not None and self.heard_until(repository.id) is None:
            self.set_heard(repository.id, heard)
        if repository.private and not new:
            self.set_private(repository.id)

    def settle(self, repository: Repository) -> Closed | None:
        """Note what the App has now, by GitHub's own listing; returns why it was out of bounds until now."""
        before = self.reach(repository.id)
        self.upsert(repository)
        now = _row(repository)
        current = ("full_name", "installation_id", "seen_at", "archived", "private")
        self._connection.execute(
            repositories.update()
            .where(repositories.c.id == repository.id)
            .values(removed_at=None, **{name: now[name] for name in current})
        )
        return None if before is None else before.closed

    def reach(self, repository_id: int) -> Reach | None:
        """How the repository is reached now, or why not; None for an unknown one."""
        query = (
            sa.select(
                repositories.c.installation_id,
                repositories.c.archived,
                repositories.c.removed_at,
                installations.c.standing,
            )
            .outerjoin(installations, installations.c.id == repositories.c.installation_id)
            .where(repositories.c.id == repository_id)
        )
        row = self._connection.execute(query).one_or_none()
        if row is None:
            return None
        closed = {Standing.REMOVED.value: Closed.UNINSTALLED, Standing.SUSPENDED.value: Closed.SUSPENDED}.get(
            row.standing
        )
        if closed is None and row.removed_at is not None:
            closed = Closed.REMOVED
        if closed is None and row.archived:
            closed = Closed.ARCHIVED
        return Reach(installation_id=row.installation_id, closed=closed)

    def of_installation(self, installation_id: int) -> list[Repository]:
        """The repositories that are reached through one installation, or were, by name."""
        return [one for one in self.all() if one.installation_id == installation_id]

    def lose(self, repository_ids: Collection[int], installation_id: int, at: datetime) -> list[int]:
        """Note that an installation lost repositories; one that another installation has now stays."""
        lost = sa.and_(
            repositories.c.id.in_(sorted(repository_ids)),
            repositories.c.installation_id == installation_id,
            repositories.c.removed_at.is_(None),
        )
        statement = repositories.update().where(lost).values(removed_at=at).returning(repositories.c.id)
        ids = sorted(self._connection.execute(statement).scalars())
        self._left_shared(ids, at)
        return ids

    def lost_before(self, when: datetime) -> list[int]:
        """The repositories that the App lost before a time."""
        query = sa.select(repositories.c.id).where(repositories.c.removed_at < when)
        return sorted(self._connection.execute(query).scalars())

    def set_private(self, repository_id: int) -> bool:
        """Note that a repository is private; whether it was public until now."""
        public = sa.and_(repositories.c.id == repository_id, repositories.c.private.is_(sa.false()))
        hidden = self._connection.execute(repositories.update().where(public).values(private=True)).rowcount
        self._left_shared([repository_id] if hidden else [], datetime.now(UTC))
        return bool(hidden)

    def set_archived(self, repository_id: int) -> None:
        """Note that a repository can be read only."""
        here = repositories.c.id == repository_id
        self._connection.execute(repositories.update().where(here).values(archived=True))

    def heard_until(self, repository_id: int) -> datetime | None:
        """Until when everything that was written in it has reached us; None where nobody knows."""
        query = sa.select(repositories.c.heard_until).where(repositories.c.id == repository_id)
        return self._connection.execute(query).scalar_one_or_none()

    def set_heard(self, repository_id: int, until: datetime) -> None:
        """Note that everything that was written until then has reached us."""
        here = repositories.c.id == repository_id
        self._connection.execute(repositories.update().where(here).values(heard_until=until))

    def unheard(self) -> list[int]:
        """The repositories of which nobody knows until when what was written in them has reached us."""
        query = sa.select(repositories.c.id).where(repositories.c.heard_until.is_(None))
        return sorted(self._connection.execute(query).scalars())

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

    def _left_shared(self, ids: Collection[int], at: datetime) -> None:
        """Write down that rows left what is made of several repositories' rows (`storage/audits.py`)."""
        for each in ids:
            AuditStore(self._connection).add_now(Audit(at=at, act=LEFT_SHARED, repository_id=each))

    def _one(self, query: sa.Select[tuple[object, ...]]) -> Repository | None:
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _repository(row)


def _row(repository: Repository) -> dict[str, object]:
    now = datetime.now(UTC)
    return {
        "id": repository.id,
        "full_name": repository.full_name,
        "installation_id": repository.installation_id,
        "private": repository.private,
        "learning": repository.learning.value,
        "revision": repository.revision,
        "seen_at": now,
        "archived": repository.archived,
        "removed_at": repository.removed_at,
        "heard_until": None,
    }


def _repository(row: sa.Row[tuple[object, ...]]) -> Repository:
    values = dict(row._mapping)
    del values["seen_at"], values["heard_until"]
    values["learning"] = Learning(values["learning"])
    return Repository(**values)
