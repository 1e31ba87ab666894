"""What becomes of an answer that a worker has taken: posted, or cancelled, or told to have failed.

Left out: how one comment is kept one (`bot/posting.py`), and composing (`bot/answer.py`).
Run: `pytest tests/unit/bot/test_answer.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import structlog

from bot.context import Context
from bot.github import Client
from bot.hearing import as_it_stands, target, unless_late
from bot.marker import parse_marker
from bot.notices import failure
from bot.posting import Posting, is_answer, posted, take
from bot.reply import stored_body
from storage.errors import (
    GitHubRefused,
    GitHubUnavailable,
    Gone,
    OutOfBounds,
    RateLimited,
    ThumbprintError,
)
from storage.postings import OPEN
from storage.records import Answer, AnswerStatus, Question, Reaction

log = structlog.get_logger()


def post_taken(context: Context, posting: Posting, *, mind_edits: bool) -> bool:
    """Post a taken answer; False where its question says something else by now, and it is OUTDATED.

    Raises as `bot.answer.post` does.
    """
    answer, client = posting.answer, posting.client
    try:
        repository = client.repository(answer.question.repository_id)
        asked = replace(answer.question, full_name=repository.full_name)
        comment = posting.look(asked)
        if comment is None and posting.was_deleted():
            posting.settle(replace(answer, status=AnswerStatus.DELETED))
            return True
        if comment is not None and not is_answer(comment) and _is_an_answer(answer):
            # It said that there was none; now there is one.
            client.delete_comment(asked.full_name, comment, asked.answer_id)
            comment = None
        if comment is None:
            chosen = context.configurations.of(client, repository)
            now, _ = as_it_stands(client, repository, asked, chosen, context.settings.app_slug)
            if mind_edits and not answer.notice and now.text != asked.text:
                posting.outdate()
                log.info("answer_outdated", answer=answer.id)
                return False
            comment = posting.create(asked, stored_body(answer))
    except Gone as error:
        unless_late(context, answer.question, error)
        log.info("answer_cancelled", answer=answer.id, reason=str(error))
        posting.settle(replace(answer, status=AnswerStatus.CANCELLED))
        return True
    done = posted(answer, comment) if is_answer(comment) else replace(answer, status=AnswerStatus.FAILED)
    if posting.settle(done):
        log.info("answer_posted", answer=answer.id, thread=answer.question.thread_key, comment=comment.id)
    return True


def _is_an_answer(answer: Answer) -> bool:
    """Whether what was composed is an answer, as `is_answer` says it of a comment."""
    marker = parse_marker(answer.body)
    return marker is not None and bool(marker.template)


def fail(
    context: Context,
    question: Question,
    error: ThumbprintError,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Tell the asker: one sentence with how to retry, and 😕 on the question. Then the answer is FAILED.

    The sentence has a turn of its own to be written in; the 😕, for which there may be none, is no must.
    Says nothing when the answer was posted after all. Safe to carry out again: the sentence is marked too.
    """
    told = context.signer.sign_answer(failure(question, error, datetime.now(UTC)))
    with context.database.unit() as unit:
        if unit.answers.get(question.answer_id) is None:
            unit.answers.save(told)
            unit.commit()
    context.github.expect_to_write(question)
    posting = take(context, question.answer_id, sleep, (*OPEN, AnswerStatus.OUTDATED))
    if posting is None:
        return
    answer, shrugs = replace(posting.answer, status=AnswerStatus.FAILED), False
    try:
        name = posting.client.repository(question.repository_id).full_name
        asked = replace(question, full_name=name)
        comment = posting.look(asked)
        if comment is None and posting.was_deleted():
            answer = replace(answer, status=AnswerStatus.DELETED)
        elif comment is None:
            posting.client.read_post(asked.full_name, asked.post_kind, target(asked))
            posting.create(asked, stored_body(told))
            shrugs = True
        elif is_answer(comment):
            answer = posted(answer, comment)
    except (Gone, GitHubRefused) as refused:
        unless_late(context, question, refused)
        log.warning("failure_not_told", answer=answer.id, reason=str(refused))
    posting.settle(answer)
    log.info("answer_failed", answer=answer.id, kind=type(error).__name__)
    if shrugs:
        _shrug(posting.client, asked)


def _shrug(client: Client, asked: Question) -> None:
    try:
        client.react(asked.full_name, asked.post_kind, target(asked), Reaction.CONFUSED)
    except (Gone, GitHubRefused, GitHubUnavailable, OutOfBounds, RateLimited) as error:
        log.info("shrug_skipped", answer=asked.answer_id, reason=str(error))
