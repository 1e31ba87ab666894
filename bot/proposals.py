"""Corrections that replies propose, in our comment's fold: two boxes each, and what ticking them says. Pure.

A box is ticked by an edit of our comment, so GitHub lets nobody tick one who may not write, and says who did.
A proposal teaches nothing before that. *Learn* confirms it, in the name of whoever ticked it; clearing that
box takes it back for good, as *Drop* does. Left out: what a reply proposes (`bot/replies.py`).
Run: `pytest tests/unit/bot/test_proposals.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

from bot.events import edits_of, event_of, retracted, retraction
from bot.github_shapes import History
from bot.history import texts
from bot.replies import Suggestion, corrected
from bot.reply import END, PROPOSED, directed
from bot.sanitise import code_span, safe_url
from learning.memory.background import DEFAULT
from learning.memory.lessons import Lesson, lessons
from storage.records import (
    Actor,
    Agreed,
    Answer,
    Feedback,
    FeedbackKind,
    Permission,
    PhraseKind,
    Proposal,
    stable_id,
)
from storage.rights import What, may

MOST = 5
"""Proposals that one answer shows, the oldest open ones."""

YES, NO = "yes", "no"

_BOX = re.compile(r"^[-*+] \[([ xX])\] .*<!-- thumbprint:(yes|no) (r_[0-9a-f]{16}) -->[ \t]*$", re.MULTILINE)
_SECTION = re.compile(rf"\n*{re.escape(PROPOSED[0])}.*?{re.escape(PROPOSED[1])}", re.DOTALL)
_END_OF_FOLD = "</details>"


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """What somebody decided about a proposal, by a box."""

    proposal: Proposal
    decision: Agreed
    actor: Actor
    at: datetime


def taught(answer: Answer, stands: str, suggestion: Suggestion) -> list[Lesson]:
    """The lessons that a suggestion would teach; [] where it would teach anything but a form or a mention."""
    question = answer.question
    found = lessons(question.repository_id, *corrected(stands, suggestion), question.text, DEFAULT)
    kinds = {lesson.phrase.kind for lesson in found}
    return found if kinds <= {PhraseKind.CORRECTION, PhraseKind.MENTION} else []


def stands_now(answer: Answer, known: Iterable[Feedback]) -> str:
    """The answer's text as the last edit that is known left it."""
    edits = edits_of(known)
    return edits[-1].after if edits else answer.text


def propose(answer: Answer, suggestion: Suggestion, actor: Actor, url: str, at: datetime) -> Proposal:
    """The proposal that a reply makes; two replies that say the same make one."""
    return Proposal(
        id=stable_id("r", answer.id, suggestion.wrong, suggestion.right),
        repository_id=answer.question.repository_id,
        answer_id=answer.id,
        wrong=suggestion.wrong,
        right=suggestion.right,
        by=actor,
        url=url,
        at=at,
    )


def shown(proposals: Sequence[Proposal]) -> list[Proposal]:
    """Those that a comment shows: the confirmed ones, and the oldest open ones."""
    open_ones = [one for one in proposals if one.decision is Agreed.OPEN][:MOST]
    return [one for one in proposals if one.decision is Agreed.CONFIRMED or one in open_ones]


def with_proposals(body: str, answer: Answer, stands: str, proposals: Sequence[Proposal]) -> str:
    """The body with these proposals in its fold, in place of former ones; boxes stay as people left them."""
    body = body.replace("\r\n", "\n")
    marks = {(found[2], found[3]): found[1] != " " for found in _BOX.finditer(body)}
    bare = _SECTION.sub("", body)
    lines: list[str] = []
    for one in proposals:
        held = marks.get((YES, one.id), one.decision is Agreed.CONFIRMED)
        who = code_span("@" + one.by.login)
        url = safe_url(one.url)
        by = f"[{who}]({url})" if url else who
        said = f"Learn: {words(answer, stands, one)}, says {by}"
        lines.append(f"- [{'x' if held else ' '}] {said} <!-- thumbprint:yes {one.id} -->")
        if one.decision is Agreed.OPEN:
            refused = marks.get((NO, one.id), False)
            lines.append(f"- [{'x' if refused else ' '}] Drop that <!-- thumbprint:no {one.id} -->")
    if not lines:
        return bare
    head = "Said in a reply, and learned once somebody who may write here ticks it:"
    section = "\n".join((PROPOSED[0], "", head, "", *lines, "", PROPOSED[1]))
    before, end, own = bare.partition(END)
    fold, closing, rest = own.rpartition(_END_OF_FOLD)
    if not end or not closing:
        return f"{bare.rstrip()}\n\n{section}"
    return f"{before}{end}{fold.rstrip()}\n\n{section}\n\n{closing}{rest}"


def words(answer: Answer, stands: str, proposal: Proposal) -> str:
    """What a proposal would teach, in words."""
    found = taught(answer, stands, Suggestion(right=proposal.right, wrong=proposal.wrong))
    said = [directed(lesson.phrase, lesson.share) for lesson in found[:2]]
    return " and ".join(said) or f"write {code_span(proposal.right)}"


def rulings(
    proposals: Sequence[Proposal], before: str, after: str, actor: Actor, at: datetime
) -> list[Ruling]:
    """What an edit from one body to another decided. Without the former body, what is open stands so."""
    known = {one.id: one for one in proposals}
    was = _ticked(before)
    if not before:
        was = {(YES, one.id) for one in proposals if one.decision is Agreed.CONFIRMED}
    now = _ticked(after)
    there = {found[3] for found in _boxes(after)}
    made: list[Ruling] = []
    for what, key in sorted(now - was):
        if key in known and known[key].decision is Agreed.OPEN:
            decision = Agreed.CONFIRMED if what == YES else Agreed.REFUSED
            made.append(Ruling(proposal=known[key], decision=decision, actor=actor, at=at))
    for what, key in sorted(was - now):
        if what == YES and key in there and key in known and known[key].decision is Agreed.CONFIRMED:
            made.append(Ruling(proposal=known[key], decision=Agreed.REFUSED, actor=actor, at=at))
    return list({one.proposal.id: one for one in made}.values())


def rulings_in(proposals: Sequence[Proposal], history: History) -> list[Ruling]:
    """What the edits in a history decided and no webhook told, each by its editor, oldest first."""
    held = {one.id: one for one in proposals}
    found: list[Ruling] = []
    for (before, after), revision in zip(pairwise(texts(history)), history.revisions[1:], strict=True):
        if before is None or after is None or revision.ours:
            continue
        for one in rulings(list(held.values()), before, after, revision.editor, revision.at):
            if one.at < (one.proposal.decided_at or one.at):
                continue
            found.append(one)
            held[one.proposal.id] = replace(one.proposal, decision=one.decision, decided_at=one.at)
    return found


def events(
    answer: Answer, known: Sequence[Feedback], made: Sequence[Ruling], permissions: Mapping[int, Permission]
) -> tuple[list[Feedback], list[Ruling]]:
    """What rulings teach or take back, and those that count: by people who may teach by an edit."""
    counted: list[Ruling] = []
    found: list[Feedback] = []
    stands = stands_now(answer, known)
    for one in made:
        permission = permissions.get(one.actor.id, Permission.NONE)
        if not may(one.actor, permission, What.EDIT).allowed:
            continue
        counted.append(one)
        event_id = confirmation(one.proposal)
        if one.decision is Agreed.CONFIRMED:
            suggestion = Suggestion(right=one.proposal.right, wrong=one.proposal.wrong)
            before, after = corrected(stands, suggestion)
            event = event_of(answer, FeedbackKind.REPLY, one.actor, permission, one.at)
            found.append(replace(event, id=event_id, before=before, after=after, url=one.proposal.url))
            continue
        confirmed = [e for e in (*known, *found) if e.id == event_id and e.id not in retracted(known)]
        found += [retraction(event, one.actor, permission, one.at) for event in confirmed]
    return found, counted


def confirmation(proposal: Proposal) -> str:
    """The id of the event that confirms a proposal: one, whether a webhook or the history tells of it."""
    return stable_id("f", proposal.answer_id, FeedbackKind.REPLY.value, proposal.id)


def _ticked(body: str) -> set[tuple[str, str]]:
    return {(found[2], found[3]) for found in _boxes(body) if found[1] != " "}


def _boxes(body: str) -> Iterator[re.Match[str]]:
    """The boxes in a body; a browser may have sent it with its own ends of lines."""
    return _BOX.finditer(body.replace("\r\n", "\n"))
