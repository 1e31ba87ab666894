"""What a drill writes into a database as if it had happened: answers with all that led to them, and events.

As the worker writes them, so that the export and the memory read what they always read. Left out: GitHub, and
whether the people may do what they do, which is told with each event.
Run: `pytest tests/unit/bot/test_poison_drill.py`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from learning.prompt import TEMPLATE, build
from storage.database import UnitOfWork
from storage.records import (
    Actor,
    Answer,
    AnswerStatus,
    Candidate,
    Configuration,
    Feedback,
    FeedbackKind,
    Generation,
    Permission,
    PostKind,
    Prompt,
    Question,
    Reaction,
    Repository,
)

BEGIN = datetime(2026, 3, 2, 8, tzinfo=UTC)
ASKER = Actor(id=7, login="noor-haddad")
A_DAY = 20
"""Edits that one person makes a day: as many as are heard."""


def keep_repository(unit: UnitOfWork, repository: Repository, *, training: bool) -> None:
    """Make a repository known, and whether its file says that its data may train."""
    unit.repositories.upsert(repository)
    unit.configurations.keep(
        Configuration(
            repository_id=repository.id,
            installation_id=repository.installation_id,
            words=("/ask",),
            mention=True,
            training=training,
            as_of=BEGIN,
        )
    )


def question(repository: Repository, number: int, text: str) -> Question:
    """The question that opens a thread."""
    return Question(
        repository_id=repository.id,
        full_name=repository.full_name,
        installation_id=repository.installation_id,
        number=number,
        post_id=repository.id * 100_000 + number,
        post_kind=PostKind.COMMENT,
        asker=ASKER,
        text=text,
        asked_at=BEGIN,
    )


def keep_answer(unit: UnitOfWork, asked: Question, text: str) -> Answer:
    """A posted answer with its prompt, generation and candidate."""
    name = asked.answer_id
    unit.answers.save(
        answer := Answer(
            id=name,
            question=asked,
            status=AnswerStatus.POSTED,
            text=text,
            body=text,
            candidate_id=f"c-{name}",
            comment_id=asked.post_id + 50_000,
            created_at=BEGIN,
            posted_at=BEGIN,
        )
    )
    unit.answers.add_prompt(
        Prompt(
            id=f"p-{name}",
            answer_id=name,
            attempt=0,
            template=TEMPLATE,
            messages=build(asked.text, ""),
            phrase_ids=(),
            tokens=99,
        )
    )
    unit.answers.add_generation(
        Generation(
            id=f"g-{name}",
            prompt_id=f"p-{name}",
            model="policy",
            seed=1,
            temperature=0.6,
            top_p=0.9,
            max_tokens=160,
            n=1,
        )
    )
    written = Candidate(
        id=f"c-{name}",
        generation_id=f"g-{name}",
        index=0,
        text=text,
        tokens=len(text.split()),
        logprob=-1.0,
        finish_reason="stop",
    )
    unit.answers.add_candidates([written])
    return answer


def edit(answer: Answer, after: str, actor: Actor, permission: Permission, place: int) -> Feedback:
    """The answer rewritten by somebody whose `place`-th edit it is: `A_DAY` a day, a minute apart."""
    return Feedback(
        id=f"e-{answer.id}",
        repository_id=answer.question.repository_id,
        answer_id=answer.id,
        kind=FeedbackKind.EDIT,
        actor=actor,
        permission=permission,
        at=BEGIN + timedelta(days=1 + place // A_DAY, minutes=place % A_DAY),
        before=answer.text,
        after=after,
    )


def thumb(answer: Answer, which: Reaction, actor: Actor, permission: Permission) -> Feedback:
    """A reaction to an answer."""
    return Feedback(
        id=f"t-{answer.id}-{actor.id}",
        repository_id=answer.question.repository_id,
        answer_id=answer.id,
        kind=FeedbackKind.REACTION,
        actor=actor,
        permission=permission,
        at=BEGIN + timedelta(days=60),
        reaction=which,
    )


def taken_back(event: Feedback) -> Feedback:
    """The same person thinks better of it."""
    return replace(
        event, id=f"back-{event.id}", kind=FeedbackKind.RETRACTION, reaction=None, retracts=event.id
    )
