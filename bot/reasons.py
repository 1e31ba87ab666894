"""Why an answer is not right, as people say it without words: boxes they tick, and comments they hide. Pure.

A box is ticked by an edit of our comment, so it comes by webhook or is found in the edit history, and it is
its editor's. GitHub tells neither who hid a comment nor when. Left out: what follows (`learning/memory`).
Run: `pytest tests/unit/bot/test_reasons.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

from bot.events import Act, event_of, retracted, retraction
from bot.github_shapes import History
from bot.history import texts
from bot.reply import ticked
from storage.records import Actor, Answer, Feedback, FeedbackKind, Permission
from storage.rights import GHOST

SOMEBODY = Actor(id=0, login=GHOST)
SAME = timedelta(seconds=5)


def reason_events(
    answer: Answer, known: Sequence[Feedback], act: Act, permission: Permission
) -> list[Feedback]:
    """Boxes that an edit ticked or cleared. Without the former body it is compared with what is known."""
    standing = _standing(known, FeedbackKind.REASON)
    was = ticked(act.former) if act.former else frozenset(event.reason for event in standing)
    return _between(answer, known, was, ticked(act.body), (act.actor, permission, act.at))


def reasons_in(answer: Answer, known: Sequence[Feedback], history: History) -> list[Feedback]:
    """Boxes that a history tells of and no webhook did, each by its editor. Their permission is NONE yet."""
    found: list[Feedback] = []
    for (before, after), revision in zip(pairwise(texts(history)), history.revisions[1:], strict=True):
        if before is not None and after is not None and not revision.ours:
            by = (revision.editor, Permission.NONE, revision.at)
            found += _between(answer, [*known, *found], ticked(before), ticked(after), by)
    return found


def hidden_events(answer: Answer, known: Sequence[Feedback], hidden: str, now: datetime) -> list[Feedback]:
    """That a comment was hidden, for another reason than is known, or shown again. Somebody did it."""
    standing = _standing(known, FeedbackKind.HIDDEN)
    events = [retraction(one, one.actor, one.permission, now) for one in standing if one.reason != hidden]
    if hidden and hidden not in {one.reason for one in standing}:
        made = event_of(answer, FeedbackKind.HIDDEN, SOMEBODY, Permission.READ, now, hidden)
        events.append(replace(made, reason=hidden))
    return events


def _between(
    answer: Answer,
    known: Sequence[Feedback],
    was: frozenset[str],
    now: frozenset[str],
    by: tuple[Actor, Permission, datetime],
) -> list[Feedback]:
    """What changed between two states of the boxes, as far as it is not known."""
    actor, permission, at = by
    standing = {event.reason: event for event in _standing(known, FeedbackKind.REASON)}
    heard = {
        event.reason
        for event in known
        if event.kind is FeedbackKind.REASON and event.actor.id == actor.id and abs(event.at - at) <= SAME
    }
    events = []
    for reason in sorted(now - was - standing.keys() - heard):
        made = event_of(answer, FeedbackKind.REASON, actor, permission, at, reason)
        events.append(replace(made, reason=reason))
    for reason in sorted((was - now) & standing.keys()):
        if standing[reason].at <= at:
            events.append(retraction(standing[reason], actor, permission, at))
    return events


def _standing(known: Sequence[Feedback], kind: FeedbackKind) -> list[Feedback]:
    gone = retracted(known)
    return [event for event in known if event.kind is kind and event.id not in gone]
