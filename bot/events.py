"""What people did to an answer, as events: from deliveries and reactions to Feedback. Pure.

Left out: asking GitHub, and keeping the events (`bot/feedback.py`); what they teach (`learning/memory`).
Run: `pytest tests/unit/bot/test_events.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from bot.github_shapes import Reacted
from bot.reply import answer_text
from learning.memory.edits import diff
from storage.records import (
    Actor,
    Answer,
    Delivery,
    Feedback,
    FeedbackKind,
    Permission,
    PostKind,
    Reaction,
    stable_id,
)
from storage.rights import is_machine


@dataclass(frozen=True, kw_only=True)
class Act:
    """What a delivery says that somebody did to a comment. `former`: the body before an edit, if said."""

    repository_id: int
    full_name: str
    comment_id: int
    kind: PostKind
    actor: Actor
    at: datetime
    body: str
    former: str = ""


def read_act(delivery: Delivery) -> Act | None:
    """The act in a delivery about a comment; None when a field that is needed is missing or odd."""
    try:
        said = json.loads(delivery.body)
        comment, sender = said["comment"], said["sender"]
        body = comment["body"]
        former = ((said.get("changes") or {}).get("body") or {}).get("from", "")
        when = comment.get("updated_at") if delivery.action == "edited" else None
        return Act(
            repository_id=int(said["repository"]["id"]),
            full_name=str(said["repository"]["full_name"]),
            comment_id=int(comment["id"]),
            kind=PostKind.COMMENT if delivery.event == "issue_comment" else PostKind.REVIEW_COMMENT,
            actor=_actor(sender),
            at=datetime.fromisoformat(when) if when else delivery.received_at,
            body=body if isinstance(body, str) else "",
            former=former if isinstance(former, str) else "",
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def edit_events(
    answer: Answer, known: Sequence[Feedback], act: Act, permission: Permission
) -> list[Feedback]:
    """What an edit of an answer's comment says, given what is known: an EDIT, or nothing.

    Only the answer's text counts, never what we write around it; what changes nothing but whitespace, case or
    punctuation says nothing. Edits form a chain of texts that starts with ours; a revert is its last link,
    and the memory compares both ends. What arrives late and out of order is ignored, and found in the edit
    history. `former`, where it is told, is what stood before: somebody's edit may not have been heard of.
    """
    edits = edits_of(known)
    stood = edits[-1].after if edits else answer.text
    before = answer_text(act.former) if act.former else stood
    after = answer_text(act.body)
    last = edits[-1].at if edits else act.at
    if last.replace(microsecond=0) > act.at or not (
        diff(stood, after).teaches and diff(before, after).teaches
    ):
        return []
    # GitHub's times have whole seconds: what comes later within one is kept later.
    at = max(act.at, last + timedelta(microseconds=1)) if edits else act.at
    made = event_of(answer, FeedbackKind.EDIT, act.actor, permission, at, after)
    return [replace(made, before=before, after=after)]


def deletion_event(answer: Answer, act: Act, permission: Permission) -> Feedback:
    """A person deleted the answer's comment."""
    return event_of(answer, FeedbackKind.DELETION, act.actor, permission, act.at)


def edits_of(events: Iterable[Feedback]) -> list[Feedback]:
    """The edits among some events, oldest first."""
    edits = [event for event in events if event.kind is FeedbackKind.EDIT]
    return sorted(edits, key=lambda event: (event.at, event.id))


def taken_back_by(answer: Answer, events: Iterable[Feedback]) -> str:
    """Who restored our own text last: a login, or "" while an edit stands or there never was one."""
    edits = edits_of(events)
    if not edits or diff(answer.text, edits[-1].after).teaches:
        return ""
    return edits[-1].actor.login


def new_reactors(known: Sequence[Feedback], seen: Sequence[Reacted]) -> list[Actor]:
    """The people among those who reacted to an answer whose permission `reaction_events` needs to know."""
    live = _live(known)
    return [one.actor for key, one in _standing(seen).items() if key not in live]


def reaction_events(
    answer: Answer,
    known: Sequence[Feedback],
    seen: Sequence[Reacted],
    permissions: Mapping[int, Permission],
    now: datetime,
) -> list[Feedback]:
    """What is new among an answer's reactions as they stand now, and what has vanished since.

    Each reaction is an event of its own; which of one person's counts is the memory's to judge. Bots are
    left out. `permissions` are those of the `new_reactors`, by actor id; who is missing is left out.
    """
    live, standing = _live(known), _standing(seen)
    events = []
    for key, one in standing.items():
        if key not in live and one.actor.id in permissions:
            permission = permissions[one.actor.id]
            made = event_of(answer, FeedbackKind.REACTION, one.actor, permission, one.at, one.reaction.value)
            events.append(replace(made, reaction=one.reaction))
    vanished = [event for key, event in live.items() if key not in standing]
    return events + [retraction(event, event.actor, event.permission, now) for event in vanished]


def _actor(sender: Mapping[str, Any]) -> Actor:
    said = Actor(id=int(sender["id"]), login=str(sender["login"]), is_bot=sender.get("type") == "Bot")
    return replace(said, is_bot=is_machine(said))


def retracted(known: Sequence[Feedback]) -> set[str]:
    """The ids of those events that were taken back."""
    return {event.retracts for event in known if event.kind is FeedbackKind.RETRACTION}


def _live(known: Sequence[Feedback]) -> dict[tuple[int, Reaction | None], Feedback]:
    """The reactions that stand as far as is known, by person and kind."""
    gone = retracted(known)
    return {
        (event.actor.id, event.reaction): event
        for event in known
        if event.kind is FeedbackKind.REACTION and event.id not in gone
    }


def _standing(seen: Sequence[Reacted]) -> dict[tuple[int, Reaction | None], Reacted]:
    """The reactions of people as they stand now, by person and kind."""
    people = [one for one in seen if not is_machine(one.actor)]
    return {(one.actor.id, one.reaction): one for one in people}


def event_of(
    answer: Answer, kind: FeedbackKind, actor: Actor, permission: Permission, at: datetime, what: str = ""
) -> Feedback:
    """An event about an answer. `what` tells it from others of that kind, person and moment."""
    return Feedback(
        id=stable_id("f", answer.id, kind.value, actor.id, at.isoformat(), what),
        repository_id=answer.question.repository_id,
        answer_id=answer.id,
        kind=kind,
        actor=actor,
        permission=permission,
        at=at,
        url=answer.comment_url,
    )


def retraction(event: Feedback, actor: Actor, permission: Permission, at: datetime) -> Feedback:
    """One event is taken back once, whoever notices it and however often."""
    return Feedback(
        id=stable_id("f", event.answer_id, FeedbackKind.RETRACTION.value, event.id),
        repository_id=event.repository_id,
        answer_id=event.answer_id,
        kind=FeedbackKind.RETRACTION,
        actor=actor,
        permission=permission,
        at=at,
        retracts=event.id,
        url=event.url,
    )
