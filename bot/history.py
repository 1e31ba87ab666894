"""What a comment's edit history teaches that no webhook told: each edit by the person who made it. Pure.

An edit is the difference between a revision and the one before it, whoever made that. Revisions of ours count
for nothing. Where GitHub does not tell the text before an edit (a revision was deleted, the history is cut),
nobody knows who changed what: it is kept as nobody's, so that nobody is made the author of another's words.
An edit that a webhook told of already is known by its person, its text and its second, and is not made again.
Left out: reading the history (`bot/github_looks.py`). Run: `pytest tests/unit/bot/test_history.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from bot.events import edits_of, event_of, retracted, retraction
from bot.github_shapes import History, Revision
from bot.reply import answer_text
from learning.memory.edits import diff
from storage.records import Actor, Answer, Feedback, FeedbackKind, Permission
from storage.redaction import redact_said
from storage.rights import GHOST, is_machine

NOBODY = Actor(id=0, login=GHOST)
"""Whose an edit is that cannot be told from the one before it: as a deleted account's, it teaches nothing."""

SAME = timedelta(seconds=5)
"""So near are a webhook's time (`updated_at`) and a revision's (`editedAt`) of one edit."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One revision by others: the answer's text before it, None where that is not known, and after it."""

    revision: Revision
    before: str | None
    after: str
    number: int
    """Place among the revisions of its second."""


def unlearned(answer: Answer, known: Sequence[Feedback], history: History) -> list[Feedback]:
    """The edits in a history that are not among the events, and the taking back of those that GitHub deleted.

    Their permission is NONE yet: it is asked for whom `editors` names.
    """
    steps = _steps(answer, history)
    left = edits_of(known)
    found: list[Feedback] = []
    for step in steps:
        same = _same(step, left)
        if same is not None:
            left.remove(same)
            continue
        if step.before is not None and not diff(step.before, step.after).teaches:
            continue
        actor = step.revision.editor if step.before is not None else NOBODY
        at = step.revision.at + timedelta(microseconds=step.number)
        made = event_of(answer, FeedbackKind.EDIT, actor, Permission.NONE, at, step.after)
        found.append(replace(made, before=step.before or "", after=step.after))
    return found + _deleted(left, known, history)


def editors(events: Sequence[Feedback]) -> dict[int, Actor]:
    """The people behind new events, whose permission has to be known."""
    return {event.actor.id: event.actor for event in events if not is_machine(event.actor)}


def _steps(answer: Answer, history: History) -> list[Step]:
    revisions, told = history.revisions, texts(history)
    before: str | None = answer.text if history.whole else None
    steps: list[Step] = []
    for at, (revision, text) in enumerate(zip(revisions, told, strict=True)):
        after = None if text is None else answer_text(text)
        if revision.ours:
            # the text as created, or one of our own parts written anew around a text that stays
            before = before if after is None else after
            continue
        if after is not None:
            number = sum(other.at == revision.at for other in revisions[:at])
            steps.append(Step(revision=revision, before=before, after=after, number=number))
        before = after
    return steps


def texts(history: History) -> list[str | None]:
    """The comment's text at each revision. The last one is what stands; the others are told by `diff`.

    That `diff` holds a whole text is not documented: where the newest is not what stands, none is believed.
    """
    told = [revision.text for revision in history.revisions]
    if not told:
        return []
    last = told[-1]
    if last is not None and _plain(last) != _plain(history.body):
        told = [None] * len(told)
    return [*told[:-1], history.body]


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


def _same(step: Step, left: Sequence[Feedback]) -> Feedback | None:
    """The event that tells of the same edit. One whose person GitHub's history leaves open counts, too.

    Histories are read without secrets; what was kept before that was so may hold one.
    """
    return next(
        (
            event
            for event in left
            if event.actor.id in (step.revision.editor.id, NOBODY.id)
            and abs(event.at - step.revision.at) <= SAME
            and not diff(redact_said(event.after), step.after).teaches
        ),
        None,
    )


def _deleted(left: Sequence[Feedback], known: Sequence[Feedback], history: History) -> list[Feedback]:
    """What was learned from a revision that was deleted goes, in the name of who made it."""
    gone = retracted(known)
    found = []
    for revision in history.revisions:
        if revision.deleted_at is None:
            continue
        for event in left:
            mine = event.actor.id == revision.editor.id and abs(event.at - revision.at) <= SAME
            if mine and event.id not in gone:
                gone.add(event.id)
                found.append(retraction(event, event.actor, event.permission, revision.deleted_at))
    return found
