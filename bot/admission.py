"""Letting a question in, or not: decided once, written down, and the same for each of its jobs.

Left out: the rules (`bot/quotas.py`, `storage/rights.py`). Run: `pytest tests/integration/test_who_may.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC

import structlog

from bot.context import Context
from bot.github import Client
from bot.quotas import Limits, refusal, told
from bot.repo_config import EMPTY, RepoConfig
from storage.records import Admission, Permission, Question, Refusal, Repository
from storage.rights import Who, who

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Who asked, and whether the question was let in."""

    row: Who
    permission: Permission
    admission: Admission


def admit(
    context: Context,
    client: Client,
    question: Question,
    repository: Repository,
    config: RepoConfig = EMPTY,
) -> Asker:
    """Let a question in or refuse it, by what GitHub says of its asker and by the quotas of its day.

    What was decided stands, however often it is asked. May raise what asking GitHub raises.
    """
    permission = context.permissions.of(client, repository.id, repository.full_name, question.asker)
    row = who(question.asker, permission)
    with context.database.unit(read_only=True) as unit:
        known = unit.admissions.get(question.answer_id)
    if known is None:
        known = _decide(context, question, repository, row, config)
    return Asker(row=row, permission=permission, admission=known)


def _decide(
    context: Context, question: Question, repository: Repository, row: Who, config: RepoConfig
) -> Admission:
    limits, day = Limits.of(context.settings, config), question.asked_at.astimezone(UTC).date()
    with context.database.unit() as unit:
        unit.repositories.upsert(repository)
        unit.answers.ask(question)
        used = unit.admissions.used(repository.id, question.asker.id, day)
        known = unit.admissions.get(question.answer_id)
        if known is not None:
            return known
        reason = refusal(row, limits, used)
        made = Admission(
            answer_id=question.answer_id,
            repository_id=repository.id,
            actor_id=question.asker.id,
            day=day,
            refused=reason,
            told=told(reason, used),
        )
        unit.admissions.add(made)
        unit.commit()
    if reason is not Refusal.NONE:
        log.info("question_refused", answer=made.answer_id, reason=reason.value, told=made.told)
    return made
