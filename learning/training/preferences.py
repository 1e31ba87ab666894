"""What people did to answers becomes rows: pairs, judged answers, demonstrations, triplets. Pure.

- An edit: the corrected text over the posted one, under the prompt that produced the answer. A reply that was
  confirmed, too. What only a typographer sees is no lesson (`learning/memory/cosmetic.py`).
- A thumb, a ticked reason, a hidden comment: a text judged good or bad, by a writer or three readers. Two
  texts are a pair only where one was found good and the other bad under the very same prompt.
- A text that people stand behind, corrected, liked or approved as a draft, is a demonstration.

Silence is no signal: what nobody judged is nowhere, nor what was not posted. Nor is what was taken back,
deleted or emptied. A draft that was changed on the pages, which know no persons, teaches nothing.
Left out: which repositories and events there are, and what is wrong with rows beside each other.
Run: `pytest tests/unit/learning/training/test_preferences.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from learning.memory.edits import diff
from learning.memory.hearing import enough
from learning.memory.phrases import votes
from learning.training.columns import Row
from learning.training.rows import Demonstration, Judged, Origin, PreferencePair, Source, Triplet
from learning.training.told import Told, Version, told_of
from storage.records import Decision, Feedback, FeedbackKind, Message, Permission, Story

LEAST_MARGIN = 1e-3
"""Of an edit that changed no whole word, such as white space in code."""

UNASKED = "unasked"
"""The ticked reason that judges the question, not the text: it was one for people."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """A row, and the question that it is about without the words that a prompt puts around it."""

    question: str
    row: Row


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A text that was found good or bad under a prompt, and how much so, in (0, 1]."""

    prompt: tuple[Message, ...]
    text: str
    good: bool
    strength: float
    question: str
    origin: Origin


def items(
    stories: Iterable[Story], *, private: bool, late: Collection[str] = (), gone: Collection[str] = ()
) -> list[Item]:
    """The rows of one repository.

    `late` are the ids of events over the cap of a day (`learning/memory/hearing.py`), `gone` those that teach
    nothing any more: what they taught was forgotten or withdrawn, or learning was frozen before they acted.
    """
    found: list[Item] = []
    verdicts: list[Verdict] = []
    for story in stories:
        told = told_of(story, private, late, gone)
        if told is not None:
            judged = _verdicts(told)
            corrections = _corrections(told)
            verdicts += judged
            for text, events in corrections:
                found += _pair(told, text, events)
            found += _kept(told, corrections, judged)
    found += [
        Item(
            question=one.question,
            row=Judged(prompt=one.prompt, completion=one.text, label=one.good, origin=one.origin),
        )
        for one in verdicts
    ]
    return found + list(_thumbed(verdicts, found))


def _corrections(told: Told) -> list[tuple[str, tuple[Feedback, ...]]]:
    """The texts that stand corrected, each with the events that made it, in order of time."""
    last = told.last
    stands = told.versions[last.id] if last else Version(text=told.ours)
    found = [] if stands.text is None or not stands.edits else [(stands.text, stands.edits)]
    for event in told.standing:
        if event.kind is not FeedbackKind.REPLY or (last and event.at < last.at):
            continue
        if stands.text is not None and not diff(stands.text, event.before).teaches:
            found.append((event.after, (*stands.edits, event)))
        elif not diff(told.ours, event.before).teaches:
            found.append((event.after, (event,)))
    return [(text, events) for text, events in found if text.strip() and diff(told.ours, text).teaches]


def _pair(told: Told, text: str, events: Sequence[Feedback]) -> Iterator[Item]:
    """A corrected text over the posted one."""
    margin = max(diff(told.ours, text).distance, LEAST_MARGIN)
    origin = told.origin(Source.EDIT, events)
    return _both(
        PreferencePair(
            prompt=told.attempt.prompt.messages,
            chosen=text,
            rejected=told.ours,
            margin=margin,
            origin=origin,
        ),
        told.story.answer.question.text,
    )


def _both(pair: PreferencePair, question: str) -> Iterator[Item]:
    """A pair, and the triplet that it is without the prompt's words: that one is of no template."""
    yield Item(question=question, row=pair)
    yield Item(
        question=question,
        row=Triplet(
            question=question,
            better=pair.chosen,
            worse=pair.rejected,
            margin=pair.margin,
            origin=replace(pair.origin, template=""),
        ),
    )


def _verdicts(told: Told) -> list[Verdict]:
    """The texts of an answer that people found good or bad. Where both are said well enough, neither is."""
    about: dict[str, list[tuple[Feedback, float]]] = defaultdict(list)
    for event, value in votes(told.standing, told.edits):
        text = told.judged_by(event)
        if text is not None and event.reason != UNASKED:
            about[text].append((event, value))
    found = []
    for text, said in about.items():
        good = [event for event, value in said if value > 0]
        bad = [event for event, value in said if value < 0]
        if _believed(good) == _believed(bad):
            continue
        side = good if _believed(good) else bad
        total = sum(abs(value) for event, value in said if event in side)
        found.append(
            Verdict(
                prompt=told.attempt.prompt.messages,
                text=text,
                good=side is good,
                strength=total / len({event.actor.id for event in side}),
                question=told.story.answer.question.text,
                origin=told.origin(Source.THUMB, side),
            )
        )
    return found


def _believed(events: Iterable[Feedback]) -> bool:
    """Whether enough people say a thing. Who hid a comment is told by nobody: one voice, like a reader's."""
    people: dict[int, bool] = {}
    for event in events:
        writes = event.permission.writes and event.kind is not FeedbackKind.HIDDEN
        people[event.actor.id] = people.get(event.actor.id, False) or writes
    return enough(people)


def _kept(
    told: Told, corrections: Sequence[tuple[str, tuple[Feedback, ...]]], judged: Sequence[Verdict]
) -> Iterator[Item]:
    """The text that people stand behind: the last correction, or else ours where it was liked or approved."""
    text, events, source = told.ours, _fans(told), Source.EXAMPLE
    good = not events or any(one.good and one.text == text for one in judged)
    if corrections:
        (text, events), source, good = corrections[-1], Source.EDIT, True
    elif (
        not good
        or not (events or _approved(told))
        or (told.last and not (told.versions[told.last.id].text or "").strip())
        or any(event.kind in (FeedbackKind.DELETION, FeedbackKind.HIDDEN) for event in told.standing)
    ):
        return
    if not any(one.text == text and not one.good for one in judged):
        row = Demonstration(
            prompt=told.attempt.prompt.messages, completion=text, origin=told.origin(source, events)
        )
        yield Item(question=told.story.answer.question.text, row=row)


def _fans(told: Told) -> tuple[Feedback, ...]:
    """Who liked our own text, without its asker; nobody where they are too few to be believed."""
    asker = told.story.answer.question.asker
    found = tuple(
        event
        for event, value in votes(told.standing, told.edits)
        if value > 0 and told.judged_by(event) == told.ours and event.actor.id != asker.id
    )
    return found if _believed(found) else ()


def _approved(told: Told) -> bool:
    draft = told.story.draft
    return draft is not None and draft.decision is Decision.APPROVED


def _thumbed(verdicts: Iterable[Verdict], found: Iterable[Item]) -> Iterator[Item]:
    """Good over bad, under the very same prompt and in one part of the data, if no edit says it already."""
    known = {(i.row.prompt, i.row.chosen, i.row.rejected) for i in found if isinstance(i.row, PreferencePair)}
    under: dict[tuple[Message, ...], list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        under[verdict.prompt].append(verdict)
    for prompt, said in under.items():
        for good, bad in product((v for v in said if v.good), (v for v in said if not v.good)):
            key = (prompt, good.text, bad.text)
            if key in known or good.origin.split is not bad.origin.split:
                continue
            known.add(key)
            if diff(bad.text, good.text).teaches:
                margin = (good.strength + bad.strength) / 2
                pair = PreferencePair(
                    prompt=prompt,
                    chosen=good.text,
                    rejected=bad.text,
                    margin=margin,
                    origin=_of_both(good.origin, bad.origin),
                )
                yield from _both(pair, good.question)


def _of_both(one: Origin, two: Origin) -> Origin:
    """The origin of what two verdicts say together: as trusted as the less trusted of them."""
    return replace(
        one,
        people=tuple(sorted({*one.people, *two.people})),
        trust=min(Permission(one.trust), Permission(two.trust)).value,
        judged_at=max((at for at in (one.judged_at, two.judged_at) if at), default=None),
        adapter=one.adapter if one.adapter == two.adapter else "",
    )
