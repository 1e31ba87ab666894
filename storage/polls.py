"""When each answer is looked at again, and what looking cost. No arithmetic, no commit by itself.

What the schedule and the budget are: `bot/polling.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from storage.columns import upsert
from storage.records import AnswerStatus, Turn
from storage.repositories import is_open
from storage.tables import answers, installations, polls, repositories, spendings

_LOCK = 0x706F6C6C
"""PostgreSQL's advisory locks come in pairs of numbers: this one, and the installation's."""


class PollStore:
    """Turns and spendings, on one unit of work's connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def turns(self, since: datetime, until: datetime | None) -> list[Turn]:
        """The answers posted since then that stand, notices left out, whose next look is due `until`.

        Those that never were looked at are always among them; all are, without an `until`. Each through the
        installation that its repository has now: that is the one whose points looking takes. Where GitHub
        must not be called for a repository its answers wait, and are due once that is over.
        """
        notice = sa.func.coalesce(answers.c.details["notice"].as_string(), "")
        node = sa.func.coalesce(answers.c.details["comment_node_id"].as_string(), "")
        standing = sa.and_(
            answers.c.posted_at >= since,
            answers.c.status == AnswerStatus.POSTED.value,
            notice == "",
            node != "",
        )
        query = (
            sa.select(
                answers.c.id.label("answer_id"),
                repositories.c.installation_id,
                answers.c.repository_id,
                answers.c.posted_at,
                polls.c.next_at,
                sa.func.coalesce(polls.c.seen, "").label("seen"),
            )
            .join(repositories, repositories.c.id == answers.c.repository_id)
            .outerjoin(polls, polls.c.answer_id == answers.c.id)
            .outerjoin(installations, installations.c.id == repositories.c.installation_id)
            .where(standing, is_open())
            .order_by(answers.c.id)
        )
        if until is not None:
            query = query.where(sa.or_(polls.c.next_at.is_(None), polls.c.next_at <= until))
        return [Turn(**row._mapping) for row in self._connection.execute(query)]

    def hurry(self, repository_id: int, now: datetime) -> None:
        """Have all answers of a repository looked at in the next poll: webhooks about them were missed."""
        theirs = sa.select(answers.c.id).where(answers.c.repository_id == repository_id)
        self._connection.execute(
            polls.update().where(polls.c.answer_id.in_(theirs), polls.c.next_at > now).values(next_at=now)
        )

    def looked(self, next_at: Mapping[str, datetime], seen: Mapping[str, str]) -> None:
        """When answers are looked at again, and which edit histories were dealt with."""
        rows = [{"answer_id": key, "next_at": at, "seen": seen[key]} for key, at in next_at.items()]
        upsert(self._connection, polls, rows)

    def spent(self, installation_id: int, resource: str, since: datetime) -> tuple[int, int]:
        """The points spent since a minute, and the hourly limit as GitHub said it last, 0 if never.

        On PostgreSQL nobody else spends for it until the unit ends (SQLite has one writer anyway).
        """
        if self._connection.dialect.name == "postgresql":
            key = installation_id % 2**31
            self._connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK, key)))
        rows = self._connection.execute(
            sa.select(spendings.c.minute, spendings.c.points, spendings.c.of)
            .where(self._of(installation_id, resource))
            .order_by(spendings.c.minute.desc())
        ).all()
        return sum(row.points for row in rows if row.minute >= since), next((row.of for row in rows), 0)

    def spend(
        self, installation_id: int, resource: str, points: int, minute: datetime, of: int, keep: datetime
    ) -> None:
        """Count points; what was counted before `keep` is dropped."""
        mine = self._of(installation_id, resource)
        self._connection.execute(sa.delete(spendings).where(mine, spendings.c.minute < keep))
        here = sa.and_(mine, spendings.c.minute == minute)
        so_far = self._connection.execute(sa.select(spendings.c.points).where(here)).scalar_one_or_none() or 0
        row = {"installation_id": installation_id, "resource": resource, "minute": minute}
        upsert(self._connection, spendings, [{**row, "points": so_far + points, "of": of}])

    def _of(self, installation_id: int, resource: str) -> sa.ColumnElement[bool]:
        return sa.and_(spendings.c.installation_id == installation_id, spendings.c.resource == resource)
