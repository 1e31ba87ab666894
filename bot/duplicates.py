"""Second comments for one question that showed themselves late: the oldest is kept, the others go.

A list of GitHub's may lag for longer than both looks, and a worker that was overtaken may have sent already
(`bot/posting.py`). So an answer that was taken more than once is looked at again, three times in a day. Left
out: answers that were taken once, for which one request was sent. Part of the worker's upkeep.
Run: `pytest tests/unit/bot/test_duplicates.py`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from bot.context import Context
from bot.posting import comments_of, is_answer, posted
from bot.time_slice import GoOn, endless
from storage.errors import GitHubRefused, GitHubUnavailable, Gone, OutOfBounds, RateLimited
from storage.records import Answer, AnswerStatus, Post

LOOKS = (timedelta(minutes=2), timedelta(hours=1), timedelta(days=1))
"""How long after a comment was sent last an answer is looked at again; one look each."""

log = structlog.get_logger()


def heal(context: Context, now: datetime, go_on: GoOn = endless) -> int:
    """Look at each answer that is due. Returns how many comments were deleted.

    Raises the last GitHubUnavailable or RateLimited, after all had their turn: those, and for which there is
    no time any more, are looked at in the next round. Safe to repeat.
    """
    with context.database.unit(read_only=True) as unit:
        due = unit.postings.to_sweep(now, LOOKS)
    deleted = 0
    failed: GitHubUnavailable | RateLimited | None = None
    limited: set[int] = set()
    for answer in due:
        if not go_on():
            break
        if answer.question.installation_id in limited:
            continue
        try:
            deleted += _heal(context, answer)
        except OutOfBounds:
            continue  # it is looked at when the App may call there again
        except (GitHubUnavailable, RateLimited) as error:
            log.info("duplicates_wait", answer=answer.id, reason=str(error))
            limited |= {answer.question.installation_id} if isinstance(error, RateLimited) else set()
            failed = error
            continue
        except (Gone, GitHubRefused) as error:
            log.info("duplicates_not_looked_for", answer=answer.id, reason=str(error))
        with context.database.unit() as unit:
            unit.postings.swept([answer.id])
            unit.commit()
    if failed is not None:
        raise failed
    return deleted


def _heal(context: Context, answer: Answer) -> int:
    """Keep the oldest comment of one answer, and none where a person deleted the one that stood."""
    client = context.github.of(answer.question)
    repository = client.repository(answer.question.repository_id)
    asked = replace(answer.question, full_name=repository.full_name)
    comments = comments_of(context, client, asked, answer)
    kept = [] if answer.status is AnswerStatus.DELETED else comments[:1]
    if not all(_adopt(context, answer, comment) for comment in kept):
        log.info("answer_changed_meanwhile", answer=answer.id)
        return 0
    late = comments[len(kept) :]
    for comment in late:
        client.delete_comment(asked.full_name, comment)
        log.warning("duplicate_deleted", answer=answer.id, comment=comment.id, url=comment.url)
    return len(late)


def _adopt(context: Context, answer: Answer, comment: Post) -> bool:
    """Write down that this comment is the answer, where another was thought to be, or none.

    False where the row is not what it was when it was read: a person deleted the answer, perhaps.
    """
    if comment.id == answer.comment_id or (not is_answer(comment) and answer.comment_id is None):
        return True
    unposted = replace(
        answer,
        status=AnswerStatus.FAILED,
        comment_id=None,
        comment_node_id="",
        comment_url="",
        posted_at=None,
    )
    with context.database.unit() as unit:
        done = unit.postings.adopt(answer, posted(answer, comment) if is_answer(comment) else unposted)
        unit.commit()
    return done
