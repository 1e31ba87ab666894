"""Events become weights: appended, judged, weighed and written inside one transaction of the caller's.

The weights are a cache of the events: `replay` rebuilds them and gets the same numbers to the last
bit, because a stored weight is as of the newest event that speaks in it, and not of the moment at
which somebody computed it. Nothing here talks to GitHub; `bot/feedback.py` does, and commits.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.proposals import Ruling, confirmation
from bot.wording import says, state, taught_ago
from learning.memory.hearing import counts, day, heard, over
from learning.memory.phrases import judge, weigh
from storage.database import UnitOfWork
from storage.errors import Gone
from storage.records import (
    Actor,
    Change,
    Feedback,
    FeedbackKind,
    Learning,
    Permission,
    Phrase,
    PhraseWeight,
    Repository,
)

PAGE = 1000


def observe(unit: UnitOfWork, events: Sequence[Feedback], now: datetime) -> list[Change]:
    """Append events and bring the weights that they touch up to date; returns what changed.

    An event that is known already changes nothing, nor does one that the table of rights leaves unheard: it
    is kept to be shown. A repository whose learning is OFF records nothing, a FROZEN one records what is
    pending then (`recheck`) and leaves its weights. `now` dates the changes; the caller commits.
    """
    changes: list[Change] = []
    for repository_id in dict.fromkeys(event.repository_id for event in events):
        repository = unit.repositories.get(repository_id)
        if repository is None or repository.learning is Learning.OFF:
            continue
        rests = repository.learning is Learning.FROZEN
        here = [
            replace(event, pending=rests and _matters(event))
            for event in events
            if event.repository_id == repository_id
        ]
        new = [event for event in here if unit.feedback.append(event)]
        if not rests:
            changes += _fold(unit, repository_id, new, now)
    return changes


def _matters(event: Feedback) -> bool:
    """Whether it matters what the person may do: of who is not heard as it is nobody needs to be asked."""
    return counts(event) or (event.kind is FeedbackKind.RETRACTION and event.permission.writes)


def recheck(
    unit: UnitOfWork, repository_id: int, actor_id: int, permission: Permission, now: datetime
) -> list[Change]:
    """Use what one person said while learning was frozen, by no more than the person may do now.

    Returns what changed; nothing, and all stays pending, where learning is not ON. Raises Gone for an unknown
    repository.
    """
    if _repository(unit, repository_id).learning is not Learning.ON:
        return []
    return _fold(unit, repository_id, unit.feedback.asked_about(repository_id, actor_id, permission), now)


def _fold(unit: UnitOfWork, repository_id: int, new: Sequence[Feedback], now: datetime) -> list[Change]:
    """Bring the weights that events of one repository touch up to date; returns what changed."""
    new = _consequential(unit, new)
    if not new:
        return []
    unit.repositories.bump_revision(repository_id)
    causes: dict[str, list[str]] = {}
    for answer_id, behind in _touched(unit, new).items():
        for phrase_id in _judge(unit, answer_id, unheard(unit, unit.feedback.of_answer(answer_id))):
            causes.setdefault(phrase_id, []).extend(behind)
    return _weigh(unit, causes, now)


def settle(
    unit: UnitOfWork, events: Sequence[Feedback], ruled: Sequence[Ruling], now: datetime
) -> list[Change]:
    """As `observe`, with what was decided about proposals: what stands otherwise by now teaches nothing."""
    lost = {
        confirmation(one.proposal)
        for one in ruled
        if not unit.proposals.decide(one.proposal.id, one.decision, one.actor.login, one.at)
    }
    return observe(unit, [event for event in events if event.id not in lost], now)


def _consequential(unit: UnitOfWork, new: Sequence[Feedback]) -> list[Feedback]:
    """Those events that are heard, those that take back one that is not merely shown, and every edit.

    Whoever made it, an edit is the text that others judged from then on.
    """
    taken = unit.feedback.by_ids({event.retracts for event in new if event.retracts})
    shown = {e.id for e in taken.values() if e.kind is not FeedbackKind.RETRACTION and not heard(e)}
    return [
        e
        for e in new
        if heard(e)
        or e.kind is FeedbackKind.EDIT
        or (e.kind is FeedbackKind.RETRACTION and e.retracts not in shown)
    ]


def unheard(unit: UnitOfWork, events: Iterable[Feedback]) -> frozenset[str]:
    """The ids of those among some events that are over their person's cap of the day."""
    ids = {event.id for event in events if day(event)}
    days = {(event.repository_id, *key) for event in events if (key := day(event))}
    return frozenset(ids & over(one for key in days for one in unit.feedback.of_day(*key)))


def _touched(unit: UnitOfWork, new: Sequence[Feedback]) -> dict[str, list[str]]:
    """The answers to judge again, each with the events behind it.

    An event that comes late may push a later one of its person and day over the cap, on another answer.
    """
    touched: dict[str, list[str]] = {}
    for event in new:
        touched.setdefault(event.answer_id, []).append(event.id)
    ids = {event.id for event in new}
    for repository_id, key in dict.fromkeys((event.repository_id, day(event)) for event in new):
        if key is None:
            continue
        all_day = unit.feedback.of_day(repository_id, *key)
        moved = over(all_day) ^ over(event for event in all_day if event.id not in ids)
        for event in all_day:
            if event.id in moved and event.id not in ids:
                touched.setdefault(event.answer_id, [])
    return touched


def replay(unit: UnitOfWork, repository_id: int, now: datetime) -> list[Change]:
    """Rebuild one repository's evidence and weights from its events; returns what differed.

    Leaves a repository alone whose learning is not ON: its weights are meant to stay as they are.
    Raises Gone for an unknown repository.
    """
    if _repository(unit, repository_id).learning is not Learning.ON:
        return []
    unit.repositories.bump_revision(repository_id)
    touched = {weight.phrase.id for weight in unit.phrases.weights(repository_id)}
    late = over(unit.feedback.of_repository(repository_id))
    for answer in unit.answers.of_repository(repository_id):
        touched |= _judge(unit, answer.id, late)
    return _weigh(unit, dict.fromkeys(touched, ()), now)


def reweigh(unit: UnitOfWork, repository_id: int, phrase_ids: Collection[str], now: datetime) -> None:
    """Write the weights of phrases anew whose evidence was taken away; learning may rest meanwhile."""
    if phrase_ids:
        unit.repositories.bump_revision(repository_id)
        _weigh(unit, dict.fromkeys(phrase_ids, ()), now)


def forget(unit: UnitOfWork, phrase_id: str, by: Actor, now: datetime) -> Phrase:
    """Take back all that taught one phrase until `now`; a later event may teach it again. Returns it.

    Raises Gone when there is no such phrase.
    """
    phrase = unit.phrases.phrases_of([phrase_id]).get(phrase_id)
    if phrase is None:
        raise Gone(f"There is no phrase {phrase_id}: `thumbprint phrases list` shows the ids that there are.")
    unit.repositories.bump_revision(phrase.repository_id)
    weight = unit.phrases.weights_of([phrase_id]).get(phrase_id)
    known = unit.phrases.evidence_of([phrase_id])[phrase_id]
    unit.phrases.forget(phrase, by, max([_until(now), *(one.at for one in known)]))
    if weight is not None:
        unit.phrases.add_changes([Change(phrase=phrase, before=weight.weight, after=0.0, at=now)])
    return phrase


def withdraw(unit: UnitOfWork, phrase_id: str, by: Actor, now: datetime) -> list[Change]:
    """Take back what one person taught of a phrase until `now`, and nothing that others did.

    Raises Gone when there is no such phrase.
    """
    phrase = unit.phrases.phrases_of([phrase_id]).get(phrase_id)
    if phrase is None:
        raise Gone(f"There is no phrase {phrase_id}.")
    unit.repositories.bump_revision(phrase.repository_id)
    theirs = [one for one in unit.phrases.evidence_of([phrase_id])[phrase_id] if one.actor_id == by.id]
    unit.phrases.withdraw(phrase, by, max([_until(now), *(one.at for one in theirs)]))
    return _weigh(unit, {phrase_id: tuple(one.event_id for one in theirs)}, now)


def set_learning(unit: UnitOfWork, repository_id: int, learning: Learning, now: datetime) -> list[Change]:
    """Say whether feedback acts. Back to ON folds in what people took back of their own.

    What else was said meanwhile waits for `recheck`. Returns what changed. Raises Gone for an unknown
    repository.
    """
    _repository(unit, repository_id)
    unit.repositories.set_learning(repository_id, learning)
    return replay(unit, repository_id, now)


def export(unit: UnitOfWork, repository: Repository, now: datetime) -> Iterator[str]:
    """Everything that a repository taught, as lines of tab-separated text, the heaviest first.

    Nothing of one that the App lost: its rows wait to be erased.
    """
    if repository.removed_at is not None:
        yield f"# {repository.full_name} was taken from the App: what it taught is left out, and erased\n"
        return
    yield f"# {repository.full_name}, {now:%Y-%m-%d %H:%M} UTC, learning {repository.learning.value}\n"
    yield "# weight\tstate\tpeople\tage\tkind\tlesson\tcontext\tid\tevents\n"
    offset = 0
    while page := unit.phrases.search(repository.id, "", PAGE, offset):
        offset += len(page)
        for weight in page:
            yield _line(weight, now)


def _until(now: datetime) -> datetime:
    """GitHub's times have whole seconds: what this one holds is later, but for what was folded already."""
    return now.replace(microsecond=0) - timedelta(microseconds=1)


def _line(weight: PhraseWeight, now: datetime) -> str:
    phrase = weight.phrase
    cells = (
        f"{weight.weight:+.3f}",
        state(weight),
        str(weight.people),
        taught_ago(weight, now),
        phrase.kind.value,
        says(phrase, weight.weight),
        phrase.context,
        phrase.id,
        ",".join(weight.event_ids),
    )
    return "\t".join(" ".join(cell.split()) for cell in cells) + "\n"


def _repository(unit: UnitOfWork, repository_id: int) -> Repository:
    repository = unit.repositories.get(repository_id)
    if repository is None:
        raise Gone(f"There is no repository with the id {repository_id} here.")
    return repository


def _judge(unit: UnitOfWork, answer_id: str, unheard: Collection[str]) -> set[str]:
    """Replace one answer's evidence by what its events say now; returns the phrases touched."""
    answer = unit.answers.get(answer_id)
    if answer is None:
        return set()
    phrases, evidence = judge(answer, unit.feedback.of_answer(answer_id), unheard=unheard)
    return unit.phrases.replace_evidence(answer_id, phrases, evidence)


def _weigh(unit: UnitOfWork, causes: Mapping[str, Sequence[str]], now: datetime) -> list[Change]:
    """Write the weights of phrases as their evidence stands, and the news about them.

    `causes` names, for each phrase, the events that made it be looked at again.
    """
    before = unit.phrases.weights_of(causes.keys())
    phrases = unit.phrases.phrases_of(causes.keys())
    weights: dict[str, PhraseWeight] = {}
    for phrase_id, evidence in unit.phrases.evidence_of(causes.keys()).items():
        if evidence:
            as_of = max(one.at for one in evidence)
            weights[phrase_id] = weigh(phrases[phrase_id], evidence, as_of)
    unit.phrases.put_weights([w for key, w in weights.items() if w != before.get(key)])
    unit.phrases.drop_weights(before.keys() - weights.keys())
    news = [
        _change(phrase, before.get(key), weights.get(key), causes[key], now)
        for key, phrase in sorted(phrases.items())
    ]
    changes = [change for change in news if change.before != change.after]
    unit.phrases.add_changes(changes)
    return changes


def _change(
    phrase: Phrase,
    before: PhraseWeight | None,
    after: PhraseWeight | None,
    causes: Sequence[str],
    now: datetime,
) -> Change:
    """The weight before and after, 0 for none, with the events that made the difference."""
    old = before.event_ids if before else ()
    added = [event_id for event_id in (after.event_ids if after else ()) if event_id not in old]
    return Change(
        phrase=phrase,
        before=before.weight if before else 0.0,
        after=after.weight if after else 0.0,
        at=now,
        event_ids=tuple(added or causes or old),
    )
