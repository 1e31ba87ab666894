"""Flow 2's first half: what people do to our answers becomes events, lessons, and an acknowledgement.

Here is what webhooks tell: edits and deletions. What GitHub has no webhook for, and what a webhook did not
reach us with, is read by polls (`bot/poll.py`). A permission is asked of GitHub, never guessed from
`author_association`; bots and ourselves never count. GitHub is talked to outside of transactions;
`bot/lessons.py` does the rest inside one. Run: `pytest tests/integration/test_feedback.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import structlog

from bot.acknowledgement import Learned, with_learned
from bot.context import Context
from bot.events import (
    Act,
    deletion_event,
    edit_events,
    read_act,
    taken_back_by,
)
from bot.learning_mode import follow_known
from bot.lessons import observe, settle, unheard
from bot.posting import deleted_unheard
from bot.proposals import events as ruled_by
from bot.proposals import rulings, shown, stands_now, with_proposals
from bot.reasons import reason_events
from bot.reply import LONGEST, as_unnamed, with_boxes
from learning.memory.hearing import disliked
from learning.memory.phrases import judge, live
from storage.database import UnitOfWork
from storage.errors import GitHubRefused, Gone, NotThereYet
from storage.phrases import taken_back
from storage.records import (
    Actor,
    Agreed,
    Answer,
    AnswerStatus,
    Change,
    Feedback,
    FeedbackKind,
    Permission,
    PhraseKind,
    Post,
    Reaction,
)

log = structlog.get_logger()

ACKNOWLEDGED = 5
"""Lessons that an acknowledgement names at most."""

SHOWN_WITHIN = timedelta(minutes=5)
"""So long after an edit a copy of the comment from before it is waited out; both clocks may be wrong."""

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
    if act is None or answer is None or answer.notice or act.actor.is_bot or act.body == act.former:
        return []
    permission = _permission(context, answer, act.full_name, act.actor)
    follow_known(context, answer.question.repository_id)
    with context.database.unit() as unit:
        known = unit.feedback.of_answer(answer.id)
        events = edit_events(answer, known, act, permission)
        events += reason_events(answer, known, act, permission)
        made = rulings(unit.proposals.of_answer(answer.id), act.former, act.body, act.actor, act.at)
        said, ruled = ruled_by(answer, known, made, {act.actor.id: permission})
        events += said
        changes = settle(unit, events, ruled, _now())
        unit.commit()
    if events:
        log.info("edit_observed", answer=answer.id, events=len(events), changes=len(changes))
    acknowledge(context, answer, act.full_name, since=act.at)
    return changes


def deleted(context: Context, guid: str) -> list[Change]:
    """A comment was deleted: an answer of ours is never posted again, and a person's deletion teaches."""
    act, answer = _subject(context, guid)
    if act is not None and answer is None:
        answer = deleted_unheard(context, act)
    if act is None or answer is None:
        return []
    events = []
    if not act.actor.is_bot and not answer.notice:
        permission = _permission(context, answer, act.full_name, act.actor)
        follow_known(context, answer.question.repository_id)
        events.append(deletion_event(answer, act, permission))
    with context.database.unit() as unit:
        unit.postings.deleted(answer.id)
        changes = observe(unit, events, _now())
        unit.commit()
    log.info("answer_deleted", answer=answer.id, by=act.actor.login)
    return changes


def refresh(context: Context, answer_id: str) -> None:
    """Have the comment of an answer say what is known of its lessons now; one that is gone is left alone."""
    with context.database.unit(read_only=True) as unit:
        answer = unit.answers.get(answer_id)
        repository = None if answer is None else unit.repositories.get(answer.question.repository_id)
    if answer and repository and answer.status is AnswerStatus.POSTED:
        acknowledge(context, answer, repository.full_name)
        log.info("acknowledgement_refreshed", answer=answer.id)


def acknowledge(context: Context, answer: Answer, full_name: str, since: datetime | None = None) -> None:
    """Bring the marked sections, the names and the 👍 of our comment in line with what is known now.

    Written from what is stored, so that a second run writes the same. No second comment, ever. Raises
    NotThereYet where GitHub shows the comment from before `since`, when it was edited: written back, that
    text would undo the edit.
    """
    with context.database.unit(read_only=True) as unit:
        known = unit.feedback.of_answer(answer.id)
        lessons = _taught(unit, answer, known)
        proposals = shown(unit.proposals.of_answer(answer.id))
    client = context.github.of(answer.question)
    comment = (full_name, answer.comment_kind, answer.comment_id or 0)

    def change(post: Post) -> str:
        _unless_older(post, since)
        body = as_unnamed(post.body, answer.body)
        body = with_boxes(body) if disliked(live(known)) else body
        body = with_learned(
            with_proposals(body, answer, stands_now(answer, known), proposals),
            lessons[:ACKNOWLEDGED],
            taken_back_by(answer, known),
            context.settings.pages_url,
            [one.by.login for one in proposals if one.decision is Agreed.OPEN],
        )
        return body if len(body) <= LONGEST else post.body

    try:
        client.update_comment(*comment, change)
        if any(not lesson.undone for lesson in lessons):
            client.react(*comment, Reaction.PLUS_ONE)
        else:
            client.withdraw(*comment, Reaction.PLUS_ONE)
    except Gone:
        log.info("acknowledgement_dropped", answer=answer.id)
    except GitHubRefused as error:
        if error.status != 403:
            raise
        # A locked thread takes no reaction: what was learned counts all the same.
        log.info("acknowledgement_refused", answer=answer.id, reason=str(error))


def _unless_older(post: Post, since: datetime | None) -> None:
    """Raise NotThereYet where this is a copy from before an edit that GitHub told of moments ago."""
    if since is None or post.changed_at is None or _now() - since > SHOWN_WITHIN:
        return
    if post.created_at <= post.changed_at < since:
        raise NotThereYet(f"GitHub does not show the edit of the comment {post.id} yet.")


def _taught(unit: UnitOfWork, answer: Answer, known: Sequence[Feedback]) -> list[Learned]:
    """The lessons of edits and confirmed replies that act now, and then those that were forgotten since."""
    events = {e.id: e for e in known if e.kind in (FeedbackKind.EDIT, FeedbackKind.REPLY)}
    phrases, evidence = judge(answer, known, unheard=unheard(unit, known))
    said = {phrase.id: phrase for phrase in phrases}
    weights = unit.phrases.weights_of(said)
    forgotten = unit.phrases.forgotten(answer.question.repository_id)
    lessons: dict[str, Learned] = {}
    for one in evidence:
        phrase, weight, undone = said[one.phrase_id], weights.get(one.phrase_id), taken_back(one, forgotten)
        if one.event_id in events and (undone or (weight and weight.active)):
            value = weight.weight if weight and not undone else one.mass
            event = events[one.event_id]
            lessons[phrase.id] = Learned(
                phrase=phrase,
                login=event.actor.login,
                weight=value,
                undone=undone,
                said=event.kind is FeedbackKind.REPLY,
            )
    return sorted(lessons.values(), key=lambda one: (one.undone, _ORDER.index(one.phrase.kind)))


def _subject(context: Context, guid: str) -> tuple[Act | None, Answer | None]:
    """The act that a delivery tells of, and our answer that it happened to."""
    with context.database.unit(read_only=True) as unit:
        delivery = unit.deliveries.get(guid)
        act = None if delivery is None else read_act(delivery)
        answer = None if act is None else unit.answers.by_comment(act.repository_id, act.comment_id, act.kind)
    return act, answer


def _permission(context: Context, answer: Answer, full_name: str, actor: Actor) -> Permission:
    client = context.github.of(answer.question)
    return context.permissions.anew(client, answer.question.repository_id, full_name, actor)


def _now() -> datetime:
    return datetime.now(UTC)
