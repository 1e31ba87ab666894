"""A reply to an answer that says what is right becomes a proposal, shown in the answer's own fold.

Only of somebody whose edit would teach, by the permission endpoint, asked now. Nothing is learned here: a box
in the fold confirms it (`bot/proposals.py`). Which answer a reply means: the one that it links, else in a
review thread the newest of ours there, else the newest of ours in the thread. Left out: replies that were
edited or deleted since; what they propose stays for people to drop.
Run: `pytest tests/integration/test_replies.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import structlog

from bot.context import Context
from bot.feedback import acknowledge
from bot.github import Client
from bot.learning_mode import follow_known
from bot.proposals import MOST, propose, stands_now, taught
from bot.replies import Reply, Suggestion, counterpart, read_reply, suggested
from storage.errors import Gone
from storage.records import Agreed, Answer, AnswerStatus, Learning, PhraseWeight, PostKind, Proposal
from storage.rights import What, may

log = structlog.get_logger()


def replied(context: Context, guid: str) -> Proposal | None:
    """A comment may correct an answer of ours: propose what it says. Safe to carry out twice."""
    with context.database.unit(read_only=True) as unit:
        delivery = unit.deliveries.get(guid)
        reply = None if delivery is None else read_reply(delivery)
        found = None if reply is None else suggested(reply.body)
        answers = [] if reply is None else unit.answers.of_thread(reply.repository_id, reply.number)
    if reply is None or found is None or reply.actor.is_bot:
        return None
    if not answers:
        return None
    client = context.github.of(answers[0].question)
    permission = context.permissions.for_use(
        client, reply.repository_id, reply.full_name, reply.actor, What.EDIT
    )
    if not may(reply.actor, permission, What.EDIT).allowed:
        log.info("reply_without_right", repository=reply.repository_id, post=reply.post_id)
        return None
    answer = _meant(client, reply, answers)
    if answer is None:
        return None
    follow_known(context, reply.repository_id)
    made = _keep(context, answer, reply, found)
    if made is not None:
        acknowledge(context, answer, reply.full_name)
    return made


def _keep(context: Context, answer: Answer, reply: Reply, found: Suggestion) -> Proposal | None:
    """Write a proposal down; None for one that would teach nothing new, was decided, or is one too many.

    Where learning is off, nothing is.
    """
    with context.database.unit() as unit:
        here = unit.repositories.get(reply.repository_id)
        if here is None or here.learning is Learning.OFF:
            return None
        forgotten = unit.people.forgotten_until(reply.actor.id)
        if forgotten is not None and reply.at <= forgotten:
            return None
        stands = stands_now(answer, unit.feedback.of_answer(answer.id))
        if not found.wrong:
            if found.right in stands:
                return None
            found = replace(found, wrong=counterpart(found.right, stands))
        if not found.wrong and not _addressed(reply, answer, context.settings.app_slug):
            return None
        lessons = taught(answer, stands, found)
        made = propose(answer, found, reply.actor, reply.url, reply.at)
        known = unit.proposals.of_answer(answer.id)
        held: dict[str, PhraseWeight] = unit.phrases.weights_of([one.phrase.id for one in lessons])
        acts = [
            one for one in lessons if (w := held.get(one.phrase.id)) and w.active and w.weight * one.share > 0
        ]
        same = next((one for one in known if one.id == made.id), None)
        if same is not None:
            return same if same.decision is Agreed.OPEN else None
        crowded = sum(one.decision is Agreed.OPEN for one in known) >= MOST
        if not lessons or len(acts) == len(lessons) or crowded:
            return None
        unit.proposals.add(made)
        unit.commit()
    log.info("reply_proposed", answer=answer.id, proposal=made.id)
    return made


def _meant(client: Client, reply: Reply, answers: Sequence[Answer]) -> Answer | None:
    """The answer that a reply is about, of those of its thread, newest first."""
    ours = [
        one for one in answers if _answers(one) and one.comment_kind is reply.kind and _before(one, reply)
    ]
    linked = [one for one in ours if _linked(reply, one)]
    if linked or reply.kind is PostKind.COMMENT:
        return next(iter(linked or ours), None)
    for one in ours[:MOST]:
        if one.question.post_id == reply.root or _root(client, reply, one) == reply.root:
            return one
    return None


def _root(client: Client, reply: Reply, answer: Answer) -> int:
    """The first comment of the review thread in which an answer stands."""
    try:
        return client.root(reply.full_name, answer.comment_id or 0)
    except Gone:
        return 0


def _answers(answer: Answer) -> bool:
    return answer.status is AnswerStatus.POSTED and not answer.notice and not answer.abstained


def _before(answer: Answer, reply: Reply) -> bool:
    """GitHub numbers comments of a kind as they come; clocks may differ."""
    return answer.comment_id is not None and answer.comment_id < reply.post_id


def _linked(reply: Reply, answer: Answer) -> bool:
    sign = "discussion_r" if reply.kind is PostKind.REVIEW_COMMENT else "issuecomment-"
    return re.search(rf"#{sign}{answer.comment_id}(?!\d)", reply.body) is not None


def _addressed(reply: Reply, answer: Answer, slug: str) -> bool:
    """Whether a reply says that it is about this answer: by a quote, a link, a mention, or its place."""
    quoted = [line.lstrip("> ").strip() for line in reply.body.splitlines() if line.startswith(">")]
    quotes = any(len(line) > 9 and line in answer.text for line in quoted)
    mentions = f"@{slug}" in reply.body
    return quotes or mentions or _linked(reply, answer) or reply.kind is PostKind.REVIEW_COMMENT
