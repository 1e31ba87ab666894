"""Undo as people do it: a lesson forgotten, or learning switched, and the comments that speak of it told.

The job that brings a comment in line is enqueued in the transaction of the undoing, so that neither is
without the other. Left out: what forgetting means (`bot/lessons.py`), and writing the comment
(`bot/feedback.py`).

    thumbprint phrases forget PHRASE
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from bot import lessons
from bot.queue import Queue
from storage.database import UnitOfWork
from storage.records import Actor, AnswerStatus, Change, Learning, Permission, Phrase


def forget(unit: UnitOfWork, queue: Queue, phrase_id: str, by: Actor, now: datetime) -> Phrase:
    """Forget one phrase (`lessons.forget`), and have the comments say so that said it was learned."""
    said_in = unit.phrases.edited_answers([phrase_id])
    phrase = lessons.forget(unit, phrase_id, by, now)
    _tell(unit, queue, phrase.repository_id, said_in)
    return phrase


def withdraw(unit: UnitOfWork, queue: Queue, phrase_id: str, by: Actor, now: datetime) -> list[Change]:
    """Take back what one person taught of a phrase (`lessons.withdraw`), and have the comments say so."""
    said_in = unit.phrases.edited_answers([phrase_id])
    changes = lessons.withdraw(unit, phrase_id, by, now)
    phrase = unit.phrases.phrases_of([phrase_id])[phrase_id]
    _tell(unit, queue, phrase.repository_id, said_in)
    return changes


def set_learning(
    unit: UnitOfWork, queue: Queue, repository_id: int, learning: Learning, now: datetime
) -> list[Change]:
    """Switch learning (`lessons.set_learning`), and have the comments say what is learned by it."""
    return _told(unit, queue, repository_id, lessons.set_learning(unit, repository_id, learning, now))


def recheck(
    unit: UnitOfWork, queue: Queue, repository_id: int, actor_id: int, permission: Permission, now: datetime
) -> list[Change]:
    """Use what somebody said while learning was frozen (`lessons.recheck`), and have the comments say so."""
    changes = lessons.recheck(unit, repository_id, actor_id, permission, now)
    return _told(unit, queue, repository_id, changes)


def _told(unit: UnitOfWork, queue: Queue, repository_id: int, changes: list[Change]) -> list[Change]:
    changed = {change.phrase.id for change in changes}
    _tell(unit, queue, repository_id, unit.phrases.edited_answers(changed))
    return changes


def _tell(unit: UnitOfWork, queue: Queue, repository_id: int, answer_ids: Collection[str]) -> None:
    repository = unit.repositories.get(repository_id)
    for answer_id in sorted(answer_ids):
        answer = unit.answers.get(answer_id)
        if repository and answer and answer.status is AnswerStatus.POSTED:
            queue.put_refresh(unit, answer.question, repository.revision)
