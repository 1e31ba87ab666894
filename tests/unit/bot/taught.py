"""A database with three answers, events about them, and random stories of such events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from bot import lessons
from storage.database import Database, UnitOfWork
from storage.records import (
    Actor,
    Answer,
    Feedback,
    FeedbackKind,
    Permission,
    PhraseWeight,
    Reaction,
)
from tests.unit.storage.things import NOW, REPOSITORY, WRITER, posted, question

TEXT = "Run `npm test` in the root folder.\n\nThen open `config/app.toml` and set the page size there."
CORRECTED = TEXT.replace("npm test", "make check")
READERS = tuple(Actor(id=100 + i, login=f"reader-{i}") for i in range(4))


def answers() -> list[Answer]:
    return [
        posted(question(post_id=40 + i), comment_id=90 + i, text=TEXT, candidate_id=None, repairs=())
        for i in range(3)
    ]


def opened(path: Path) -> Database:
    database = Database(f"sqlite:///{path}")
    database.migrate()
    with database.unit() as unit:
        unit.repositories.upsert(REPOSITORY)
        for one in answers():
            unit.answers.save(one)
        unit.commit()
    return database


def event(
    kind: FeedbackKind, number: int, answer: int = 0, actor: Actor = WRITER, **changes: object
) -> Feedback:
    made = Feedback(
        id=f"e{number}",
        repository_id=REPOSITORY.id,
        answer_id=answers()[answer].id,
        kind=kind,
        actor=actor,
        permission=Permission.WRITE if actor is WRITER else Permission.READ,
        at=NOW + timedelta(hours=number),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def edit(
    number: int = 1, answer: int = 0, before: str = TEXT, after: str = CORRECTED, **more: Any
) -> Feedback:
    return event(FeedbackKind.EDIT, number, answer, before=before, after=after, **more)


def observed(database: Database, events: Sequence[Feedback]) -> int:
    with database.unit() as unit:
        changes = lessons.observe(unit, events, NOW)
        unit.commit()
    return len(changes)


def weights(database: Database) -> list[PhraseWeight]:
    with database.unit(read_only=True) as unit:
        return unit.phrases.weights(REPOSITORY.id)


def reaction(number: int, answer: int, reader: int, which: Reaction) -> Feedback:
    return event(FeedbackKind.REACTION, number, answer, READERS[reader], reaction=which)


TEXTS = (
    TEXT,
    CORRECTED,
    TEXT.replace("config/app.toml", "inkwell.toml"),
    "Run `make check`.",
    TEXT + "\n\nSee `docs/`.",
)
ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("edit"), st.integers(0, 2), st.integers(0, 4), st.integers(0, 4)),
        st.tuples(st.just("react"), st.integers(0, 2), st.integers(0, 3), st.integers(0, 7)),
        st.tuples(st.just("retract"), st.integers(0, 9), st.integers(0, 0), st.integers(0, 0)),
        st.tuples(st.just("delete"), st.integers(0, 2), st.integers(0, 3), st.integers(0, 0)),
    ),
    min_size=1,
    max_size=10,
)


def story(acts: Sequence[tuple[str, int, int, int]]) -> list[Feedback]:
    events: list[Feedback] = []
    for number, (verb, a, b, c) in enumerate(acts):
        if verb == "edit":
            events.append(edit(number, a, TEXTS[b], TEXTS[c]))
        elif verb == "react":
            events.append(reaction(number, a, b, list(Reaction)[c]))
        elif verb == "delete":
            events.append(event(FeedbackKind.DELETION, number, a, READERS[b]))
        elif events:
            gone = events[a % len(events)]
            events.append(
                replace(
                    event(FeedbackKind.RETRACTION, number, actor=gone.actor),
                    answer_id=gone.answer_id,
                    retracts=gone.id,
                )
            )
    return events


def everything(unit: UnitOfWork) -> tuple[object, ...]:
    held = unit.phrases.weights(REPOSITORY.id)
    return held, unit.phrases.evidence_of([w.phrase.id for w in held])
