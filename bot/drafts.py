"""Drafts: answers that wait until somebody approves them on a page, and what that person decides.

An answer that is held is CANCELLED for all that post: only an approval makes it PENDING, in the transaction
that enqueues the job which posts it as any other. The first word about a draft holds. A text that was changed
on the page is made inert as a model's is, and teaches nothing, for the pages know no persons. A draft that
nobody decided about ends with a sentence in its thread. A question that was reworded meanwhile is answered
anew, and that is a draft again. Left out: the page (`webhooks/pages/drafts.py`).
Run: `pytest tests/integration/test_drafts.py`.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from bot.effects import hosts_of
from bot.notices import notice
from bot.queue import Queue
from bot.reply import as_posted, with_text
from bot.sanitise import sanitise
from bot.settings import Settings
from bot.trigger import DEFAULT_WORDS
from storage.database import UnitOfWork
from storage.errors import Gone
from storage.records import Answer, AnswerStatus, Decision, Draft
from storage.redaction import redact_said

if TYPE_CHECKING:  # a receiver's pages import this file, and it loads no client of GitHub
    from bot.context import Context

log = structlog.get_logger()

EXPIRED = "expired"
CHANGED = "Somebody changed this text by hand before it was posted."
EMPTY = "An answer needs a text: go back, and discard the draft if it should have none."
NO_DRAFT = "There is no such draft here."
ANEW = "This draft was written anew since, for its question changed: go back and look at it."
DECIDED = "Somebody decided about this draft already."
CLOSED = (
    "The App may not write in this repository just now (suspended, archived or taken away), so nothing would "
    "be posted: discard the draft, or approve it once it may again."
)


def hold(unit: UnitOfWork, answer: Answer, now: datetime, days: int) -> Answer:
    """Have an answer wait for an approval; returns it as it is to be kept."""
    unit.drafts.put(
        Draft(
            answer_id=answer.id,
            repository_id=answer.question.repository_id,
            made_at=now,
            expires_at=now + timedelta(days=days),
        )
    )
    log.info("answer_held", answer=answer.id)
    return replace(answer, status=AnswerStatus.CANCELLED)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A draft as somebody saw it who decides about it: one that was composed anew since is another.

    `repository_id`: the one repository whose drafts that person may decide about, None for all.
    """

    answer_id: str
    version: str
    repository_id: int | None = None


def token_of(pages_token: str, secret: str, repository_id: int) -> str:
    """What opens the drafts of one repository and nothing else, for its maintainers; "" without a key.

    It follows from the pages' token and the webhook secret, which no guess at the former alone replaces: with
    either of them it changes. Pure.
    """
    if not (pages_token and secret):
        return ""
    key = hashlib.sha256(f"{len(pages_token)} {pages_token} {secret}".encode()).digest()
    return hmac.new(key, f"drafts/{repository_id}".encode(), hashlib.sha256).hexdigest()[:40]


def version(draft: Draft) -> str:
    """What tells a draft from the one that stands in its place once it is composed anew."""
    return draft.made_at.isoformat()


def approve(
    unit: UnitOfWork, queue: Queue, settings: Settings, seen: Seen, text: str, now: datetime
) -> Answer:
    """Have a draft posted with this text, its own or another.

    Raises Gone for none, where none waits, and where nothing may be written.
    """
    answer_id = seen.answer_id
    answer = _of(unit, seen)
    said = redact_said(text.replace("\r\n", "\n").strip())
    edited = said != answer.text.strip()
    if edited:
        said = sanitise(said, hosts_of(settings.github_url)).strip()
    if not said:
        raise Gone(EMPTY)
    reach = unit.repositories.reach(answer.question.repository_id)
    if reach is None or reach.closed is not None:
        raise Gone(CLOSED)
    if not unit.drafts.decide(answer_id, Decision.APPROVED, now, edited=edited):
        raise Gone(DECIDED)
    if edited:
        changed = replace(answer, text=said, body=with_text(answer, said, CHANGED))
        answer = replace(as_posted(changed), repairs=(), abstained="")
    answer = replace(answer, status=AnswerStatus.PENDING)
    unit.answers.save(answer)
    queue.put_post(unit, answer.question, now)
    log.info("draft_approved", answer=answer_id, edited=edited)
    return answer


def discard(unit: UnitOfWork, seen: Seen, now: datetime) -> None:
    """Let a draft never be posted; nothing is said in its thread. Raises Gone where none waits."""
    _of(unit, seen)
    if not unit.drafts.decide(seen.answer_id, Decision.DISCARDED, now):
        raise Gone(DECIDED)
    log.info("draft_discarded", answer=seen.answer_id)


def expire(context: Context, now: datetime) -> int:
    """End the drafts that waited too long, each with a sentence to its asker; returns how many.

    Of a repository that must not be called any more only the draft ends.
    """
    with context.database.unit(read_only=True) as unit:
        due = unit.drafts.due(now)
    for draft in due:
        with context.database.unit() as unit:
            answer, reach = unit.answers.get(draft.answer_id), unit.repositories.reach(draft.repository_id)
            if answer is None or not unit.drafts.decide(draft.answer_id, Decision.EXPIRED, now):
                continue
            if reach is not None and reach.closed is None:
                days = max(1, (draft.expires_at - draft.made_at).days)
                text = (
                    f"I had an answer to this, and nobody here approved it within {days} day"
                    f"{'' if days == 1 else 's'}: ask once more in a new comment if you still need one."
                )
                kept = unit.configurations.get(draft.repository_id)
                word = kept.words[0] if kept and kept.words else DEFAULT_WORDS[0]
                made = notice(context.settings, answer.question, text, EXPIRED, now, word=word)
                unit.answers.save(context.signer.sign_answer(replace(made, created_at=answer.created_at)))
                context.queue.put_post(unit, answer.question, now)
            unit.commit()
        log.info("draft_expired", answer=draft.answer_id)
    return len(due)


def _of(unit: UnitOfWork, seen: Seen) -> Answer:
    draft, answer = unit.drafts.get(seen.answer_id), unit.answers.get(seen.answer_id)
    if draft is None or answer is None or seen.repository_id not in (None, draft.repository_id):
        raise Gone(NO_DRAFT)
    if version(draft) != seen.version:
        raise Gone(ANEW)
    return answer
