"""The workers that are alive, by their beats on the database's clock. No arithmetic, no commit by itself.

A worker whose beat is too old is taken for dead, its row is deleted, and its jobs go to others; a worker that
does not find its row knows that this happened. Run: `pytest tests/integration/test_takeover.py`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from storage.tables import executors

LEASE = timedelta(seconds=30)
"""A worker without a beat for this long is dead: jobs of one on PostgreSQL are others' then."""

GONE_WITHIN_MS = 5000
"""So long a connection that was told to end is waited for."""


class ExecutorStore:
    """Workers by their ids, on one unit of work's connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def now(self) -> datetime:
        """The database's clock: of PostgreSQL's server, or, with SQLite, of the one machine."""
        if self._connection.dialect.name == "postgresql":
            at: datetime = self._connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
            return at.astimezone(UTC)
        return datetime.now(UTC)

    def join(self, executor_id: str, slots: int) -> None:
        """A worker begins; it carries out `slots` jobs at a time."""
        now = self.now()
        row = {"id": executor_id, "slots": slots, "started_at": now, "beat_at": now}
        self._connection.execute(executors.insert().values(**row))

    def beat(self, executor_id: str) -> bool:
        """A sign of life; False if the worker was taken for dead."""
        mine = executors.c.id == executor_id
        done = self._connection.execute(executors.update().where(mine).values(beat_at=self.now()))
        return done.rowcount == 1

    def leave(self, executor_id: str) -> None:
        """A worker ends."""
        self._connection.execute(executors.delete().where(executors.c.id == executor_id))

    def cut_off(self, lease: timedelta) -> int:
        """End the connections of workers whose last beat is older than `lease`; returns how many.

        A worker that is stopped, not dead, keeps the locks of the transaction that it stands in: on a row, or
        on the turn to take over from it. They are free once its connection is gone, so that is waited for
        (PostgreSQL ≥ 14). A SQLite file has one worker.
        """
        if self._connection.dialect.name != "postgresql":
            return 0
        activity = sa.table("pg_stat_activity", sa.column("pid"), sa.column("application_name"))
        theirs = activity.c.application_name == executors.c.id
        ended = (
            sa.select(sa.func.pg_terminate_backend(activity.c.pid, GONE_WITHIN_MS))
            .select_from(activity.join(executors, theirs))
            .where(executors.c.beat_at < self.now() - lease)
        )
        return len(self._connection.execute(ended).all())

    def bury(self, lease: timedelta) -> list[str]:
        """Delete the workers whose last beat is older than `lease`; returns their ids."""
        dead = executors.delete().where(executors.c.beat_at < self.now() - lease)
        return list(self._connection.execute(dead.returning(executors.c.id)).scalars())

    def beating(self) -> dict[str, int]:
        """The workers that gave a sign of life within `LEASE`, each with its slots: for who watches.

        Of a dead one the row stays until another worker takes its jobs over, and there may be none.
        """
        young = executors.c.beat_at >= self.now() - LEASE
        rows = self._connection.execute(sa.select(executors.c.id, executors.c.slots).where(young))
        return {row.id: row.slots for row in rows}

    def alive(self) -> dict[str, int]:
        """The workers that nobody has taken for dead, each with its slots."""
        rows = self._connection.execute(sa.select(executors.c.id, executors.c.slots))
        return {row.id: row.slots for row in rows}

    def newest_beat(self) -> datetime | None:
        """When a worker beat last; None where there is none."""
        found: datetime | None = self._connection.execute(
            sa.select(sa.func.max(executors.c.beat_at))
        ).scalar()
        return found
