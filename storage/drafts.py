"""Answers that wait for an approval, and what was decided. No commit by itself.

Left out: what a decision does. Run: `pytest tests/unit/storage/test_drafts.py`.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

import sqlalchemy as sa

from storage.columns import upsert
from storage.records import Decision, Draft
from storage.tables import drafts


class DraftStore:
    """Drafts by answer, on one unit of work's connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def put(self, draft: Draft) -> None:
        """Keep a draft, in place of an earlier one of the same answer."""
        row = asdict(draft)
        row["decision"] = draft.decision.value
        upsert(self._connection, drafts, [row])

    def get(self, answer_id: str) -> Draft | None:
        """The draft of an answer, or None where it is none."""
        return next(iter(self._drafts(sa.select(drafts).where(drafts.c.answer_id == answer_id))), None)

    def waiting(self, limit: int, repository_id: int | None = None) -> list[Draft]:
        """Drafts that nobody decided about, the oldest first; of one repository, if it is named."""
        query = sa.select(drafts).where(_undecided(repository_id))
        return self._drafts(query.order_by(drafts.c.made_at, drafts.c.answer_id).limit(limit))

    def approved(self, repository_id: int) -> list[str]:
        """The answers of a repository that somebody approved as they were."""
        asis = sa.and_(drafts.c.decision == Decision.APPROVED.value, drafts.c.edited.is_(sa.false()))
        query = sa.select(drafts.c.answer_id).where(drafts.c.repository_id == repository_id, asis)
        return sorted(self._connection.execute(query).scalars())

    def due(self, now: datetime) -> list[Draft]:
        """Drafts that nobody decided about in time."""
        late = sa.and_(drafts.c.decision == Decision.WAITING.value, drafts.c.expires_at <= now)
        return self._drafts(sa.select(drafts).where(late).order_by(drafts.c.expires_at, drafts.c.answer_id))

    def count(self, repository_id: int | None = None) -> int:
        """How many drafts nobody decided about; of one repository, if it is named."""
        query = sa.select(sa.func.count()).select_from(drafts).where(_undecided(repository_id))
        return int(self._connection.execute(query).scalar_one())

    def decide(self, answer_id: str, decision: Decision, at: datetime, *, edited: bool = False) -> bool:
        """Decide about a draft that waits; False where it was decided before: the first word holds."""
        statement = (
            drafts.update()
            .where(drafts.c.answer_id == answer_id, drafts.c.decision == Decision.WAITING.value)
            .values(decision=decision.value, decided_at=at, edited=edited)
            .returning(drafts.c.answer_id)
        )
        return self._connection.execute(statement).first() is not None

    def _drafts(self, query: sa.Select[tuple[object, ...]]) -> list[Draft]:
        return [
            Draft(**{**row._mapping, "decision": Decision(row.decision)})
            for row in self._connection.execute(query)
        ]


def _undecided(repository_id: int | None) -> sa.ColumnElement[bool]:
    waits = drafts.c.decision == Decision.WAITING.value
    return waits if repository_id is None else sa.and_(waits, drafts.c.repository_id == repository_id)
