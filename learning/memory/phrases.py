"""Feedback becomes evidence, one answer at a time, and evidence weights, one phrase at a time. Pure.

`judge` turns one answer's events into rows; `weigh` one phrase's rows into a weight. Neither keeps
anything between calls, so that folding events as they arrive (judge that answer again, weigh the phrases
that it touches) and replaying all of them give the same bits. The arithmetic and its reasons: ADR 0003.
Left out: taking back all that one person taught. Run: `pytest tests/unit/learning/memory/test_phrases.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from itertools import dropwhile

from learning.memory.background import DEFAULT, Background
from learning.memory.cuts import LONG, ROUND
from learning.memory.edits import diff
from learning.memory.extract import extract, shared_out
from learning.memory.hearing import REACTIONS, heard, over
from learning.memory.lessons import SHARES, Lesson, lessons, make, silence
from learning.memory.text import count_words, normal
from learning.memory.weights import weigh
from storage.records import (
    Answer,
    Evidence,
    Feedback,
    FeedbackKind,
    Phrase,
    PhraseKind,
    PhraseWeight,
)
from storage.rights import is_machine

__all__ = ["REACTIONS", "fold", "history", "judge", "live", "version_at", "votes", "weigh"]

EDIT_MASS = 1.0
"""What one edit, or one deletion, is worth."""

QUESTION = 400
"""Characters of a question that are kept as the context of what its answer taught."""


def judge(
    answer: Answer,
    events: Iterable[Feedback],
    background: Background = DEFAULT,
    unheard: Collection[str] = (),
) -> tuple[list[Phrase], list[Evidence]]:
    """All that the events about one answer say, whatever their order and however often each is given.

    The absolute masses of one event's rows sum up to no more than the event is worth. Nobody is heard whom
    the table of rights leaves out, nor an event whose id is among the `unheard`: those over the cap of a day,
    which it takes a repository's events to know (`hearing.over`). Restoring our own text is always heard.
    """
    edits, standing, _ = history(answer, events, unheard)
    found: dict[tuple[str, str], tuple[Phrase, Feedback, float]] = {}
    for event, lesson, mass in _edited(answer, edits, {e.id for e in standing}, background):
        _add(found, lesson.phrase, event, mass)
    voted_on: dict[str, list[tuple[Phrase, float]]] = {}
    for event, value in votes(standing, edits):
        text = _text_at(answer, edits, event)
        reasoned = _reasoned(answer, text, event.reason)
        if reasoned is not None:
            _add(found, reasoned, event, -value)
            continue
        if text not in voted_on:  # most votes are about one and the same text
            voted_on[text] = _worded(answer, text, background)
        for phrase, mass in shared_out(voted_on[text], value):
            _add(found, phrase, event, mass)
    for event in standing:
        if event.kind is FeedbackKind.REPLY:
            for lesson, mass in _replied(answer, event, background):
                _add(found, lesson.phrase, event, mass)
    for event in standing:
        if event.kind is FeedbackKind.DELETION:
            for phrase, mass in _deleted(answer, _text_at(answer, edits, event), background):
                _add(found, phrase, event, mass)
    asked = " ".join(answer.question.text.split())[:QUESTION]
    rows = [_row(answer, asked, *found[key]) for key in sorted(found) if found[key][2]]
    named = {phrase.id: phrase for phrase, _, mass in found.values() if mass}
    return [named[name] for name in sorted(named)], rows


def history(
    answer: Answer, events: Iterable[Feedback], unheard: Collection[str] = ()
) -> tuple[list[Feedback], list[Feedback], str]:
    """All edits of an answer since a person's first, which events are heard, and the text before all edits.

    Each list is in order of time. An edit that was taken back is among the edits: others built on it.
    """
    known = sorted({e.id: e for e in events if e.answer_id == answer.id}.values(), key=_moment)
    edits = list(dropwhile(lambda e: e.actor.is_bot, (e for e in known if e.kind is FeedbackKind.EDIT)))
    ours = (edits[0].before or answer.text) if edits else answer.text
    standing = [e for e in live(known) if heard(e) and (e.id not in unheard or _restores(e, ours))]
    return edits, standing, ours


def fold(
    answers: Iterable[tuple[Answer, Sequence[Feedback]]], now: datetime, background: Background = DEFAULT
) -> dict[str, PhraseWeight]:
    """The whole replay of one repository: every answer judged, every phrase weighed at `now`.

    Keys are phrase ids, sorted.
    """
    phrases: dict[str, Phrase] = {}
    rows: dict[str, list[Evidence]] = defaultdict(list)
    told = list(answers)
    unheard = over(event for _, events in told for event in events)
    for answer, events in told:
        found, evidence = judge(answer, events, background, unheard)
        phrases.update((phrase.id, phrase) for phrase in found)
        for row in evidence:
            rows[row.phrase_id].append(row)
    return {name: weigh(phrases[name], rows[name], now) for name in sorted(rows)}


def live(events: Sequence[Feedback]) -> list[Feedback]:
    """The events that still hold, retractions left out. Who did a thing, or a writer, may take it back."""
    by_id = {event.id: event for event in events}
    against: dict[str, list[Feedback]] = defaultdict(list)
    for event in events:
        target = by_id.get(event.retracts)
        if event.kind is not FeedbackKind.RETRACTION or target is None:
            continue
        writes = event.permission.writes and not event.pending and not is_machine(event.actor)
        if event.actor.id == target.actor.id or writes:
            against[target.id].append(event)
    return [e for e in events if e.kind is not FeedbackKind.RETRACTION and _holds(e, against, frozenset())]


def _holds(event: Feedback, against: dict[str, list[Feedback]], seen: frozenset[str]) -> bool:
    if event.id in seen:
        return False
    return not any(_holds(other, against, seen | {event.id}) for other in against.get(event.id, ()))


def _restores(event: Feedback, ours: str) -> bool:
    return event.kind is FeedbackKind.EDIT and not diff(ours, event.after).teaches


def _moment(event: Feedback) -> tuple[datetime, str]:
    return (event.at, event.id)


def _edited(
    answer: Answer, edits: Sequence[Feedback], heard_ids: set[str], background: Background
) -> list[tuple[Feedback, Lesson, float]]:
    """What still stands of the edits, each lesson with the edit that brought it in for good.

    Only what the bot wrote is compared with what stands now: a revert, or another person's other idea,
    takes a lesson back by itself. Lessons that a bot or a retracted edit brought in are dropped.
    """
    last = max((at for at, event in enumerate(edits) if event.id in heard_ids), default=-1)
    if last < 0:
        return []
    chain = edits[: last + 1]
    base = edits[0].before or answer.text
    question = answer.question
    found = lessons(question.repository_id, base, chain[-1].after, question.text, background)
    by_event: dict[str, list[Lesson]] = defaultdict(list)
    for lesson in found:
        at = last
        while at > 0 and lesson.holds(chain[at - 1].after):
            at -= 1
        by_event[chain[at].id].append(lesson)
    result: list[tuple[Feedback, Lesson, float]] = []
    for event in chain:
        taught = by_event.get(event.id, []) if event.id in heard_ids else []
        taught = [*taught, *_unsaid(answer, taught)]
        total = sum(abs(lesson.share) for lesson in taught)
        result += [(event, lesson, EDIT_MASS * lesson.share / total) for lesson in taught]
    return result


def _unsaid(answer: Answer, taught: Sequence[Lesson]) -> list[Lesson]:
    """A sentence that was said because it was learned, and that a person took out, speaks against that."""
    used = {*answer.phrase_ids, *(repair.phrase_id for repair in answer.repairs)}
    found = []
    for repair in answer.repairs:
        said = " ".join(repair.after.split())
        phrase = make(answer.question.repository_id, PhraseKind.MENTION, normal(said), right=said)
        gone = any(lesson.share < 0 and lesson.shown and lesson.shown in said for lesson in taught)
        if said and not repair.before and phrase.id in used and gone:
            found.append(Lesson(phrase, -SHARES[PhraseKind.MENTION]))
    return found


def votes(standing: Sequence[Feedback], edits: Sequence[Feedback]) -> list[tuple[Feedback, float]]:
    """The one vote of each person, with what it is worth: the latest reaction, not on their own words.

    Of whoever ticked why an answer is not right the boxes are the vote, in equal parts. What hides a comment
    is one voice more.
    """
    latest = {event.actor.id: event for event in standing if event.kind is FeedbackKind.REACTION}
    said: dict[int, dict[str, Feedback]] = defaultdict(dict)
    for event in standing:
        if event.kind is FeedbackKind.REASON:
            said[event.actor.id].setdefault(event.reason, event)
    votes = [
        (event, REACTIONS[event.reaction])
        for actor, event in sorted(latest.items())
        if event.reaction
        and actor not in said
        and ((version := version_at(edits, event)) is None or version.actor.id != actor)
    ]
    votes += [(event, -1.0 / len(boxes)) for _, boxes in sorted(said.items()) for event in boxes.values()]
    return votes + [(event, -1.0) for event in standing if event.kind is FeedbackKind.HIDDEN][-1:]


def _reasoned(answer: Answer, text: str, reason: str) -> Phrase | None:
    """What a ticked box says that is about no wording: too long, or a question for people.

    None for the others, and for a short text that is called long: they are a 👎 whose reason is kept.
    """
    question, words = answer.question, count_words(text)
    if reason == "unasked":
        return silence(question.repository_id, question.text)
    if reason != "long" or words < LONG:
        return None
    limit = max(ROUND, int(words * 2 / 3) // ROUND * ROUND)
    return make(question.repository_id, PhraseKind.LENGTH, "", limit=limit)


def _replied(answer: Answer, event: Feedback, background: Background) -> list[tuple[Lesson, float]]:
    """What a confirmed reply teaches: the correction that it spells out, as one edit would."""
    question = answer.question
    taught = lessons(question.repository_id, event.before, event.after, question.text, background)
    total = sum(abs(lesson.share) for lesson in taught)
    return [(lesson, EDIT_MASS * lesson.share / total) for lesson in taught]


def version_at(edits: Sequence[Feedback], event: Feedback) -> Feedback | None:
    """The edit that had been made last when an event happened."""
    return next((edit for edit in reversed(edits) if edit.at <= event.at), None)


def _text_at(answer: Answer, edits: Sequence[Feedback], event: Feedback) -> str:
    """The text that stood when an event happened."""
    version = version_at(edits, event)
    return version.after if version else (edits[0].before or answer.text) if edits else answer.text


def _deleted(answer: Answer, text: str, background: Background) -> list[tuple[Phrase, float]]:
    """Half of a deletion says that the question wants no answer, half speaks against what was written."""
    if _abstains(answer, text):
        return []
    question = answer.question
    against = shared_out(_worded(answer, text, background), -EDIT_MASS / 2)
    return [(silence(question.repository_id, question.text), EDIT_MASS / 2), *against]


def _worded(answer: Answer, text: str, background: Background) -> list[tuple[Phrase, float]]:
    """The wordings of a text that a vote on it speaks about, each with what it says."""
    if _abstains(answer, text):
        return []
    repository_id = answer.question.repository_id
    found = extract(text, background, answer.question.text)
    return [(make(repository_id, PhraseKind.WORDING, wording), says) for wording, says in found]


def _abstains(answer: Answer, text: str) -> bool:
    """Whether a text is what we say where we do not answer: it is no wording to be judged."""
    return bool(answer.abstained) and not diff(answer.text, text).teaches


def _add(
    found: dict[tuple[str, str], tuple[Phrase, Feedback, float]], phrase: Phrase, event: Feedback, mass: float
) -> None:
    former = found.get((phrase.id, event.id))
    found[phrase.id, event.id] = (phrase, event, mass + (former[2] if former else 0.0))


def _row(answer: Answer, asked: str, phrase: Phrase, event: Feedback, mass: float) -> Evidence:
    return Evidence(
        phrase_id=phrase.id,
        event_id=event.id,
        answer_id=answer.id,
        actor_id=event.actor.id,
        actor_login=event.actor.login,
        permission=event.permission,
        mass=mass,
        at=event.at,
        question=asked,
        url=event.url or answer.comment_url,
    )
