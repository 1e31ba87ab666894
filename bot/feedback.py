"""Flow 2's first half: what people do to our answers becomes events, lessons, and an acknowledgement.

Edits and deletions come by webhook, reactions by polling: GitHub has no webhook for them. A permission
is asked of GitHub, never guessed from `author_association`; bots and ourselves never count. GitHub is
talked to outside of transactions; `bot/lessons.py` does the rest inside one. Left out: the edit history of
answers that were changed while no webhook could be delivered.

    thumbprint poll            # reactions of all answers, now
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import structlog

from bot.context import Context
from bot.events import (
    Act,
    deletion_event,
    due,
    edit_events,
    edits_of,
    reaction_events,
    read_act,
    taken_back_by,
)
from bot.lessons import forget, observe, replay, set_learning
from bot.reply import Learned, with_learned
from learning.memory.phrases import judge
from storage.errors import Gone, ThumbprintError
from storage.records import (
    Actor,
    Answer,
    AnswerStatus,
    Change,
    Permission,
    PhraseKind,
    Reaction,
)

__all__ = ["deleted", "edited", "forget", "observe", "poll", "replay", "set_learning"]

log = structlog.get_logger()

ACKNOWLEDGED = 5
"""Lessons that an acknowledgement names at most."""

_ORDER = (
    PhraseKind.CORRECTION,
    PhraseKind.MENTION,
    PhraseKind.SILENCE,
    PhraseKind.LENGTH,
    PhraseKind.WORDING,
)


def edited(context: Context, guid: str) -> list[Change]:
    """A comment was edited: if it is our answer and a person did it, learn from it and say so in the comment.

    A text that stood before takes back what was learned since. Safe to carry out twice.
    """
    act, answer = _subject(context, guid)
    if act is None or answer is None or act.actor.is_bot or act.body == act.former:
        return []
    permission = _permission(context, answer, act.full_name, act.actor)
    with context.database.unit() as unit:
        known = unit.feedback.of_answer(answer.id)
        events = edit_events(answer, known, act, permission)
        changes = observe(unit, events, _now())
        unit.commit()
    if events:
        log.info("edit_observed", answer=answer.id, events=len(events), changes=len(changes))
    _acknowledge(context, answer, act)
    return changes


def deleted(context: Context, guid: str) -> list[Change]:
    """A comment was deleted: an answer of ours is never posted again, and a person's deletion teaches."""
    act, answer = _subject(context, guid)
    if act is None or answer is None:
        return []
    events = []
    if not act.actor.is_bot:
        permission = _permission(context, answer, act.full_name, act.actor)
        events.append(deletion_event(answer, act, permission))
    with context.database.unit() as unit:
        unit.answers.save(replace(answer, status=AnswerStatus.DELETED))
        changes = observe(unit, events, _now())
        unit.commit()
    log.info("answer_deleted", answer=answer.id, by=act.actor.login)
    return changes


def poll(context: Context, everything: bool = False) -> list[Change]:
    """Read the reactions of posted answers and fold what is new and what has vanished; returns what changed.

    Young answers are read every time, older ones rarely (`due`), unless `everything` is asked for. One
    repository's failure does not keep the others from being read.
    """
    now = _now()
    with context.database.unit(read_only=True) as unit:
        since = now - timedelta(days=context.settings.poll_days)
        posted = [a for a in unit.answers.posted_since(since) if a.comment_node_id]
    changes: list[Change] = []
    installations: dict[tuple[int, int], list[Answer]] = {}
    for answer in posted:
        if everything or due(answer, now, context.settings.poll_s):
            key = (answer.question.installation_id, answer.question.repository_id)
            installations.setdefault(key, []).append(answer)
    for (installation_id, repository_id), answers in installations.items():
        try:
            changes += _poll_repository(context, installation_id, repository_id, answers)
        except ThumbprintError as error:
            log.warning("poll_failed", repository=repository_id, error=str(error))
    return changes


def _poll_repository(
    context: Context, installation_id: int, repository_id: int, answers: Sequence[Answer]
) -> list[Change]:
    """Poll answers of one repository: GitHub first, then one transaction."""
    client = context.github.installation(installation_id)
    repository = client.repository(repository_id)
    seen = client.reactions([answer.comment_node_id for answer in answers])
    permissions: dict[int, Permission] = {}
    for reactions in seen.values():
        for one in reactions or ():
            if not one.actor.is_bot and one.actor.id not in permissions:
                permissions[one.actor.id] = client.permission(repository.full_name, one.actor.login)
    now = _now()
    with context.database.unit() as unit:
        events = []
        for answer in answers:
            standing = seen[answer.comment_node_id]
            if standing is not None:  # None: the comment is gone, which `deleted` hears of
                known = unit.feedback.of_answer(answer.id)
                events += reaction_events(answer, known, standing, permissions, now)
        changes = observe(unit, events, now)
        unit.commit()
    if events:
        log.info("reactions_observed", repository=repository_id, events=len(events), changes=len(changes))
    return changes


def _acknowledge(context: Context, answer: Answer, act: Act) -> None:
    """Bring the marked section of our comment in line with what its edits teach now, and react with a 👍.

    Written from what is stored, so that a second run writes the same. No second comment, ever.
    """
    with context.database.unit(read_only=True) as unit:
        known = unit.feedback.of_answer(answer.id)
        logins = {event.id: event.actor.login for event in edits_of(known)}
        taught = [one for one in judge(answer, known)[1] if one.event_id in logins]
        weights = unit.phrases.weights_of({one.phrase_id for one in taught})
    lessons = {
        one.phrase_id: Learned(
            phrase=weights[one.phrase_id].phrase,
            login=logins[one.event_id],
            weight=weights[one.phrase_id].weight,
        )
        for one in taught
        if one.phrase_id in weights and weights[one.phrase_id].active
    }
    ordered = sorted(lessons.values(), key=lambda one: _ORDER.index(one.phrase.kind))
    client = context.github.installation(answer.question.installation_id)
    try:
        post = client.read_post(act.full_name, act.kind, act.comment_id)
        body = with_learned(post.body, ordered[:ACKNOWLEDGED], taken_back_by(answer, known))
        if body != post.body:
            client.update_comment(act.full_name, act.kind, act.comment_id, body)
        if lessons:
            client.react(act.full_name, act.kind, act.comment_id, Reaction.PLUS_ONE)
    except Gone:
        log.info("acknowledgement_dropped", answer=answer.id)


def _subject(context: Context, guid: str) -> tuple[Act | None, Answer | None]:
    """The act that a delivery tells of, and our answer that it happened to."""
    with context.database.unit(read_only=True) as unit:
        delivery = unit.deliveries.get(guid)
        act = None if delivery is None else read_act(delivery)
        answer = None if act is None else unit.answers.by_comment(act.repository_id, act.comment_id, act.kind)
    return act, answer


def _permission(context: Context, answer: Answer, full_name: str, actor: Actor) -> Permission:
    client = context.github.installation(answer.question.installation_id)
    return client.permission(full_name, actor.login)


def _now() -> datetime:
    return datetime.now(UTC)
