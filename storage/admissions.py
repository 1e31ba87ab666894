"""Which questions were let in, and what of a day's quotas they used. No arithmetic, no commit by itself.

What the quotas are and who falls under them: `bot/quotas.py`.
"""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa

from storage.columns import insert_new
from storage.records import Admission, Refusal, Used
from storage.tables import admissions, repositories


class AdmissionStore:
    """Admissions by question, on one unit of work's connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def get(self, answer_id: str) -> Admission | None:
        """What was decided about a question, or None if nothing was yet."""
        query = sa.select(admissions).where(admissions.c.answer_id == answer_id)
        row = self._connection.execute(query).one_or_none()
        if row is None:
            return None
        values = dict(row._mapping)
        values["refused"] = Refusal(values["refused"])
        return Admission(**values)

    def used(self, repository_id: int, actor_id: int, day: date) -> Used:
        """What is used up so far. On PostgreSQL the repository's row is held until the unit ends, so that two
        units never let in the same last question (SQLite has one writer anyway).
        """
        lock = sa.select(repositories.c.id).where(repositories.c.id == repository_id).with_for_update()
        self._connection.execute(lock)
        here = sa.and_(admissions.c.repository_id == repository_id, admissions.c.day == day)
        theirs = admissions.c.actor_id == actor_id
        granted = admissions.c.refused == Refusal.NONE.value
        told = admissions.c.told.is_(sa.true())
        counts = (
            sa.func.count().filter(granted, theirs),
            sa.func.count().filter(granted),
            sa.func.count().filter(told, theirs),
            sa.func.count().filter(told),
        )
        by_person, by_all, told_person, told_all = self._connection.execute(
            sa.select(*counts).where(here)
        ).one()
        return Used(by_person=by_person, by_all=by_all, told_person=told_person > 0, told=told_all)

    def add(self, admission: Admission) -> bool:
        """Keep a decision; False if there is one already."""
        row = {
            "answer_id": admission.answer_id,
            "repository_id": admission.repository_id,
            "actor_id": admission.actor_id,
            "day": admission.day,
            "refused": admission.refused.value,
            "told": admission.told,
        }
        return insert_new(self._connection, admissions, row, "answer_id")
