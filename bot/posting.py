"""One comment for one question: who may post it, and how ours is found again (ADR 0004, 0016).

An answer is taken before it is posted, and its fence is asked for just before a comment is sent: whoever was
overtaken neither sends nor writes. Creating a comment has no idempotency key, so where a comment may be on
its way already, it is looked for twice, apart, before another is sent. What a person deleted is never sent
again, also where nobody had heard yet that it was there. Left out: what becomes of an answer whose question
is gone (`bot/outcome.py`), and second comments that showed themselves late (`bot/duplicates.py`).
Run: `pytest tests/unit/bot/test_posting.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import timedelta

import structlog

from bot.context import Context
from bot.events import Act, read_act
from bot.github import Client
from bot.marker import parse_marker
from bot.reply import Body
from storage.errors import GitHubRefused, GitHubUnavailable, Gone, Overtaken, RateLimited
from storage.postings import OPEN, Intent
from storage.records import Answer, AnswerStatus, Post, PostKind, Question

log = structlog.get_logger()

LOOKS_S = (1.0, 4.0)
"""Pauses before the two looks for our comment after a create whose outcome is unknown."""

SETTLES_S = 12.0
"""So long after it was sent a comment is there, or will never be: GitHub ends what takes longer than 10 s.
https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#timeouts"""

CLOCKS_APART = timedelta(minutes=5)
"""How far GitHub's clock and ours may differ when we look for a comment written since a question."""

OVERTAKEN_S = 60.0


def comments_of(context: Context, client: Client, asked: Question, answer: Answer | None) -> list[Post]:
    """Our comments in a question's thread that are its answer, oldest first.

    Ours is what GitHub says our App wrote, with metadata that this server signed (`bot/signing.py`).
    """
    found = []
    since = asked.asked_at - CLOCKS_APART
    for comment in client.our_comments(asked.full_name, asked.number, asked.post_kind, since):
        marker = parse_marker(comment.body)
        if marker and marker.answer_id == asked.answer_id and context.signer.known(marker, answer):
            found.append(comment)
    return sorted(found, key=lambda comment: (comment.created_at, comment.id))


def deleted_unheard(context: Context, act: Act) -> Answer | None:
    """The answer whose comment was deleted before anybody here knew of it, by the comment's metadata."""
    marker = parse_marker(act.body)
    if marker is None or act.actor.login == f"{context.settings.app_slug}[bot]":
        return None
    with context.database.unit(read_only=True) as unit:
        answer = unit.answers.get(marker.answer_id)
    if answer is None or answer.comment_id is not None or not context.signer.known(marker, answer):
        return None
    here = answer.question.repository_id == act.repository_id and answer.comment_kind is act.kind
    return answer if here and answer.status in (*OPEN, AnswerStatus.DELETED) else None


def is_answer(comment: Post) -> bool:
    """Whether a comment of ours is an answer, and not the sentence that says there is none."""
    marker = parse_marker(comment.body)
    return marker is not None and bool(marker.template)


def posted(answer: Answer, comment: Post) -> Answer:
    """The answer, POSTED as this comment."""
    return replace(
        answer,
        status=AnswerStatus.POSTED,
        comment_id=comment.id,
        comment_node_id=comment.node_id,
        comment_url=comment.url,
        posted_at=comment.created_at,
    )


def pause_s(passed_s: float) -> float:
    """Seconds before the second look, so long after a comment was sent; bounded, for clocks are set back."""
    return max(LOOKS_S[1], min(SETTLES_S, SETTLES_S - passed_s))


def take(
    context: Context,
    answer_id: str,
    sleep: Callable[[float], None] = time.sleep,
    among: Collection[AnswerStatus] = OPEN,
) -> Posting | None:
    """Take an answer to post it; None where there is nothing to post (any more)."""
    with context.database.unit() as unit:
        intent = unit.postings.take(answer_id, among)
        unit.commit()
    return None if intent is None else Posting(context, intent, sleep)


class Posting:
    """An answer that this worker has taken, until it says what became of it, or is overtaken."""

    def __init__(self, context: Context, intent: Intent, sleep: Callable[[float], None]) -> None:
        self._context, self._intent, self._sleep = context, intent, sleep
        self.answer = intent.answer
        self.client = context.github.of(intent.answer.question)

    def look(self, asked: Question) -> Post | None:
        """Our comment, if it is there: looked for twice, apart, where one may have been sent before."""
        found = self._find(asked)
        if found is not None or self._intent.sent_at is None:
            return found
        with self._context.database.unit(read_only=True) as unit:
            passed = unit.executors.now() - self._intent.sent_at
        self._sleep(pause_s(passed.total_seconds()))
        return self._find(asked)

    def was_deleted(self) -> bool:
        """Whether a person deleted the comment before it was found, as a delivery told that waits its turn.

        Deliveries of a thread are dealt with in order, and this answer stands before that one.
        """
        sent_at = self._intent.sent_at
        if sent_at is None:
            return False
        repository_id = self.answer.question.repository_id
        with self._context.database.unit(read_only=True) as unit:
            told = unit.deliveries.deletions(repository_id, sent_at - CLOCKS_APART)
        acts = (read_act(delivery) for delivery in told)
        return any(
            found is not None and found.id == self.answer.id
            for found in (deleted_unheard(self._context, act) for act in acts if act is not None)
        )

    def create(self, asked: Question, body: Body) -> Post:
        """Send the comment. Where the outcome is unknown, look for it twice, apart, before saying so.

        Raises Overtaken where another worker took the answer, and then sends nothing.
        """
        reply_to = asked.post_id if asked.post_kind is PostKind.REVIEW_COMMENT else None
        marker = parse_marker(body)
        if marker is not None and marker != parse_marker(self.answer.body):
            body = self._context.signer.sign(body)
        try:
            return self.client.create_comment(
                asked.full_name, asked.number, body, reply_to, asked.answer_id, self._sending
            )
        except (RateLimited, GitHubRefused, Gone):
            self._release()
            raise
        except GitHubUnavailable:
            found = self._look_again(asked)
            if found is None:
                raise
            return found

    def settle(self, answer: Answer) -> bool:
        """Write what became of the answer. False where a person deleted it meanwhile: that stands.

        Raises Overtaken where another worker took it.
        """
        with self._context.database.unit() as unit:
            done = unit.postings.settle(self._intent, answer)
            unit.commit()
        if not done:
            self._unless_overtaken()
        return done

    def outdate(self) -> None:
        """The question says something else by now, and nothing was posted: it is to be composed anew."""
        with self._context.database.unit() as unit:
            done = unit.postings.outdate(self._intent)
            unit.commit()
        if not done:
            self._unless_overtaken()

    def _find(self, asked: Question) -> Post | None:
        return next(iter(comments_of(self._context, self.client, asked, self.answer)), None)

    def _sending(self) -> None:
        with self._context.database.unit() as unit:
            done = unit.postings.sending(self._intent, unit.executors.now())
            unit.commit()
        if not done:
            raise self._overtaken()

    def _look_again(self, asked: Question) -> Post | None:
        began = time.monotonic()
        self._sleep(LOOKS_S[0])
        found = self._find(asked)
        if found is None:
            self._sleep(pause_s(time.monotonic() - began))
            found = self._find(asked)
        return found

    def _release(self) -> None:
        with self._context.database.unit() as unit:
            unit.postings.release(self._intent)
            unit.commit()

    def _unless_overtaken(self) -> None:
        """Raise Overtaken if another worker has the answer; a person's deletion is none."""
        with self._context.database.unit(read_only=True) as unit:
            held = unit.postings.holder(self.answer.id)
        if held is not None and held[1] != self._intent.fence:
            raise self._overtaken()
        log.info("answer_ended_meanwhile", answer=self.answer.id, status=held and held[0].value)

    def _overtaken(self) -> Overtaken:
        return Overtaken(
            f"Another worker took the answer {self.answer.id}: it is that one's to post.",
            retry_after_s=OVERTAKEN_S,
        )
