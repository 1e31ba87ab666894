"""An answer's way to GitHub, as its row: pending → intent → posted, by a fencing token. No commit by itself.

Whoever takes an answer to post it raises its fence; from then on nobody who took it before may send or write
anything: each write names the fence, and one that is not the row's changes nothing. Left out: what is done
between these writes (`bot/posting.py`). Run: `pytest tests/unit/storage/test_postings.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from storage.answers import AnswerStore, answer_row
from storage.records import Answer, AnswerStatus
from storage.tables import answers, candidates, generations, prompts

OPEN = (AnswerStatus.PENDING, AnswerStatus.INTENT)
_ENDED = (AnswerStatus.POSTED, AnswerStatus.FAILED, AnswerStatus.DELETED, AnswerStatus.CANCELLED)


@dataclass(frozen=True, kw_only=True)
class Intent:
    """An answer that somebody has taken to post it, by its fence.

    `sent_at`: when somebody who took it before may have sent a comment; None where nobody did.
    """

    answer: Answer
    fence: int
    sent_at: datetime | None = None


class PostingStore:
    """Who posts which answer, on one unit of work's connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def take(self, answer_id: str, among: Collection[AnswerStatus] = OPEN) -> Intent | None:
        """Take an answer of one of these statuses to post it; None where it is of none, or not there."""
        row = self._connection.execute(
            sa.select(answers.c.status, answers.c.fence, answers.c.intent_at)
            .where(answers.c.id == answer_id)
            .with_for_update()
        ).one_or_none()
        answer = None if row is None else AnswerStore(self._connection).get(answer_id)
        if row is None or answer is None or answer.status not in among:
            return None
        fence = row.fence + 1
        self._write(
            answers.c.id == answer_id, {"status": AnswerStatus.INTENT.value, "fence": fence, "sweeps": 0}
        )
        sent_at = row.intent_at if answer.status is AnswerStatus.INTENT else None
        return Intent(answer=answer, fence=fence, sent_at=sent_at)

    def sending(self, intent: Intent, now: datetime) -> bool:
        """Write down that a comment is sent now; False: it must not be, the answer is another's by now."""
        return self._write(_held(intent), {"intent_at": now})

    def settle(self, intent: Intent, answer: Answer) -> bool:
        """Write what became of a taken answer, if it is still ours to say."""
        return self._write(_held(intent, OPEN), answer_row(answer))

    def release(self, intent: Intent) -> bool:
        """Pending again, for it is certain that nothing was posted."""
        return self._write(_held(intent), {"status": AnswerStatus.PENDING.value})

    def outdate(self, intent: Intent) -> bool:
        """The question says something else by now: forget what was composed, if it is still ours to say."""
        answer_id = intent.answer.id
        values = {"status": AnswerStatus.OUTDATED.value, "text": "", "body": "", "candidate_id": None}
        if not self._write(_held(intent), values):
            return False
        of_answer = sa.select(prompts.c.id).where(prompts.c.answer_id == answer_id)
        wrote = sa.select(generations.c.id).where(generations.c.prompt_id.in_(of_answer))
        self._connection.execute(sa.delete(candidates).where(candidates.c.generation_id.in_(wrote)))
        self._connection.execute(sa.delete(generations).where(generations.c.prompt_id.in_(of_answer)))
        self._connection.execute(sa.delete(prompts).where(prompts.c.answer_id == answer_id))
        return True

    def deleted(self, answer_id: str) -> None:
        """A person deleted it: whatever somebody who took it still does, it is never posted again."""
        self._write(answers.c.id == answer_id, {"status": AnswerStatus.DELETED.value})

    def vanished(self, seen: Answer) -> bool:
        """The comment of a posted answer is gone. False: the row says another, or another end, by now."""
        return self._write(_still(seen), {"status": AnswerStatus.DELETED.value})

    def adopt(self, seen: Answer, answer: Answer) -> bool:
        """The comment that an ended answer is in, for it is in another than was thought.

        False where what was `seen` of it is not what the row says any more.
        """
        row = answer_row(answer)
        values = {
            name: row[name] for name in ("status", "comment_kind", "comment_id", "posted_at", "details")
        }
        ended = answers.c.status.in_([status.value for status in _ENDED])
        return self._write(sa.and_(_still(seen), ended), values)

    def holder(self, answer_id: str) -> tuple[AnswerStatus, int] | None:
        """An answer's status and fence."""
        query = sa.select(answers.c.status, answers.c.fence).where(answers.c.id == answer_id)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else (AnswerStatus(row.status), row.fence)

    def to_sweep(self, now: datetime, after: Sequence[timedelta]) -> list[Answer]:
        """Ended answers that were taken more than once and are due for their next look, oldest first.

        `after`: how long after it was sent last an answer is looked at; one look each.
        """
        turns = [
            sa.and_(answers.c.sweeps == number, answers.c.intent_at <= now - wait)
            for number, wait in enumerate(after)
        ]
        ended = answers.c.status.in_([status.value for status in _ENDED])
        query = sa.select(answers.c.id).where(answers.c.fence > 1, ended, sa.or_(*turns))
        ids = self._connection.scalars(query.order_by(answers.c.intent_at, answers.c.id)).all()
        found = (AnswerStore(self._connection).get(answer_id) for answer_id in ids)
        return [answer for answer in found if answer is not None]

    def swept(self, answer_ids: Collection[str]) -> None:
        """These answers were looked at once more."""
        self._write(answers.c.id.in_(answer_ids), {"sweeps": answers.c.sweeps + 1})

    def _write(self, which: sa.ColumnElement[bool], values: dict[str, Any]) -> bool:
        done = self._connection.execute(sa.update(answers).where(which).values(**values))
        return done.rowcount > 0


def _still(seen: Answer) -> sa.ColumnElement[bool]:
    """The row of an answer, as long as its end and its comment are those that were seen."""
    return sa.and_(
        answers.c.id == seen.id,
        answers.c.status == seen.status.value,
        answers.c.comment_id.is_not_distinct_from(seen.comment_id),
    )


def _held(intent: Intent, among: Collection[AnswerStatus] = (AnswerStatus.INTENT,)) -> sa.ColumnElement[bool]:
    """The row of a taken answer, as long as nobody took it since, or ended it."""
    return sa.and_(
        answers.c.id == intent.answer.id,
        answers.c.fence == intent.fence,
        answers.c.status.in_([status.value for status in among]),
    )
