"""What the pages show, gathered from the Stores: one function a page, plain values for the templates.

Reads only. Left out: deciding who may see it (`guard.py`), HTML (`templates/`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.wording import age, did, says, stands, state, taught_ago
from storage.database import UnitOfWork
from storage.errors import Gone
from storage.records import Change, Feedback, PhraseWeight, Repository, Story, stable_id

PER_PAGE = 50
SHOWN = 3
"""Pieces of evidence that stand beside a phrase; the rest is counted."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """One event behind a lesson: who, what, when, where to read it."""

    login: str
    what: str
    url: str
    age: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """One phrase as the table shows it. `bar` is |weight| in percent."""

    weight: PhraseWeight
    label: str
    state: str
    age: str
    bar: int
    sources: tuple[Source, ...]
    more: int


@dataclass(frozen=True, kw_only=True)
class News:
    """One change of a weight. `id` follows from phrase and time."""

    id: str
    change: Change
    label: str
    age: str
    sources: tuple[Source, ...]


@dataclass(frozen=True, kw_only=True)
class Memory:
    """One page of one repository's phrases, and what was learned last."""

    repository: Repository
    rows: tuple[Row, ...]
    news: tuple[News, ...]
    total: int
    found: int
    query: str
    page: int
    learning_by_file: bool

    @property
    def pages(self) -> int:
        """How many pages there are, at least 1."""
        return max(1, -(-self.found // PER_PAGE))


def repository_of(unit: UnitOfWork, repository_id: int) -> Repository:
    """The repository. Raises Gone."""
    repository = unit.repositories.get(repository_id)
    if repository is None:
        raise Gone("There is no such repository here.")
    return repository


def memory(unit: UnitOfWork, repository_id: int, query: str, page: int, now: datetime) -> Memory:
    """One page of the memory page. Raises Gone for an unknown repository."""
    repository = repository_of(unit, repository_id)
    found = unit.phrases.count(repository_id, query)
    page = min(max(1, page), max(1, -(-found // PER_PAGE)))
    weights = unit.phrases.search(repository_id, query, PER_PAGE, (page - 1) * PER_PAGE)
    rows = _rows(unit, weights, now)
    chosen = unit.configurations.get(repository_id)
    return Memory(
        repository=repository,
        rows=rows,
        news=news(unit, repository_id, 5, now) if page == 1 and not query else (),
        total=unit.phrases.count(repository_id),
        found=found,
        query=query,
        page=page,
        learning_by_file=bool(chosen and chosen.learning),
    )


def news(unit: UnitOfWork, repository_id: int, limit: int, now: datetime) -> tuple[News, ...]:
    """What was learned last in a repository, newest first."""
    changes = unit.phrases.changes(repository_id, limit)
    events = unit.feedback.by_ids({event_id for change in changes for event_id in change.event_ids[:SHOWN]})
    return tuple(
        News(
            id=stable_id("n", change.phrase.id, change.at.isoformat(), change.before),
            change=change,
            label=says(change.phrase, change.after or change.before),
            age=age(change.at, now),
            sources=_sources(change.event_ids[:SHOWN], events, now),
        )
        for change in changes
    )


def as_json(item: News) -> dict[str, object]:
    """One change as the playground's panel reads it."""
    change = item.change
    return {
        "id": item.id,
        "phrase_id": change.phrase.id,
        "kind": change.phrase.kind.value,
        "text": change.phrase.text,
        "label": item.label,
        "before": round(change.before, 4),
        "after": round(change.after, 4),
        "at": change.at.isoformat(),
        "evidence": [{"login": one.login, "what": one.what, "url": one.url} for one in item.sources],
    }


@dataclass(frozen=True, kw_only=True)
class Why:
    """The story of an answer with the lessons that were in its prompts, as they stand now."""

    story: Story
    stands: str
    rows: tuple[Row, ...]
    names: Mapping[str, str]


def why(unit: UnitOfWork, answer_id: str, now: datetime) -> Why:
    """The answer page. Raises Gone for an unknown answer."""
    story = unit.answers.story(answer_id)
    if story is None:
        raise Gone("There is no such answer here.")
    ids = set(story.answer.phrase_ids)
    ids |= {i for attempt in story.attempts for i in attempt.prompt.phrase_ids}
    ids |= {i for attempt in story.attempts for one in attempt.candidates for i in one.violations}
    weights = unit.phrases.weights_of(ids)
    phrases = unit.phrases.phrases_of(ids)
    rows = _rows(unit, list(weights.values()), now)
    names = {key: says(phrase) for key, phrase in phrases.items()}
    return Why(story=story, stands=stands(story), rows=rows, names=names)


def _rows(unit: UnitOfWork, weights: Sequence[PhraseWeight], now: datetime) -> tuple[Row, ...]:
    events = unit.feedback.by_ids({one for weight in weights for one in weight.event_ids[:SHOWN]})
    return tuple(
        Row(
            weight=weight,
            label=says(weight.phrase, weight.weight),
            state=state(weight),
            age=taught_ago(weight, now),
            bar=round(abs(weight.weight) * 100),
            sources=_sources(weight.event_ids[:SHOWN], events, now),
            more=max(0, len(weight.event_ids) - SHOWN),
        )
        for weight in weights
    )


def _sources(ids: Sequence[str], events: Mapping[str, Feedback], now: datetime) -> tuple[Source, ...]:
    known = [events[event_id] for event_id in ids if event_id in events]
    return tuple(
        Source(login=event.actor.login, what=did(event), url=_web(event.url), age=age(event.at, now))
        for event in known
    )


def _web(url: str) -> str:
    """A link that can only be a web page, or ""."""
    return url if url.startswith(("https://", "http://")) else ""
