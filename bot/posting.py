"""One comment for one question: look for ours by its marker, create it only if there is none (ADR 0004).

Creating a comment has no idempotency key, so what we posted is found again by the answer's id in the hidden
metadata of comments that GitHub says are ours. Left out: what becomes of the answer (`bot/answer.py`).
Run: `pytest tests/unit/bot/test_answer.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from bot.github import Client
from bot.reply import Body, parse_marker
from storage.errors import GitHubUnavailable
from storage.records import Answer, AnswerStatus, Post, PostKind, Question

LOOKS_S = (1.0, 4.0)
"""Pauses before the two looks for our comment after a create whose outcome is unknown."""

CLOCKS_APART = timedelta(minutes=5)
"""How far GitHub's clock and ours may differ when we look for a comment written since a question."""


def today(client: Client, question: Question) -> Question:
    """The question with its repository's name of today. Raises Gone for a repository that we lost."""
    return replace(question, full_name=client.repository(question.repository_id).full_name)


def target(question: Question) -> int:
    """What a post is addressed by: a comment by its id, an issue by its number."""
    return question.number if question.post_kind is PostKind.ISSUE else question.post_id


def find(client: Client, asked: Question) -> Post | None:
    """Our comment that carries this answer's marker, if it is in the thread already."""
    since = asked.asked_at - CLOCKS_APART
    for comment in client.our_comments(asked.full_name, asked.number, asked.post_kind, since):
        marker = parse_marker(comment.body)
        if marker is not None and marker.answer_id == asked.answer_id:
            return comment
    return None


def is_answer(comment: Post) -> bool:
    """Whether a comment of ours is an answer, and not the sentence that says there is none."""
    marker = parse_marker(comment.body)
    return marker is not None and bool(marker.template)


def create(client: Client, asked: Question, body: Body, sleep: Callable[[float], None]) -> Post:
    """Create the comment. Where the outcome is unknown, look for it twice, apart, before saying so.

    Raises Gone when the question was deleted meanwhile.
    """
    client.read_post(asked.full_name, asked.post_kind, target(asked))
    reply_to = asked.post_id if asked.post_kind is PostKind.REVIEW_COMMENT else None
    try:
        return client.create_comment(asked.full_name, asked.number, body, reply_to)
    except GitHubUnavailable:
        for pause in LOOKS_S:
            sleep(pause)
            found = find(client, asked)
            if found is not None:
                return found
        raise


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
