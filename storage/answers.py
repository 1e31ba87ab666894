"""Questions, and all that led to their answers: prompts, generations, candidates. No commit by itself.

SQL can say why an answer says what it says: every prompt and score is a row. Whatever is written under an id
that is there already replaces it, so a step that is carried out twice leaves what it would have left once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, fields
from typing import Any

import sqlalchemy as sa

from storage.columns import insert_new, upsert
from storage.drafts import DraftStore
from storage.feedback import FeedbackStore
from storage.records import (
    Actor,
    Answer,
    AnswerStatus,
    Attempt,
    Candidate,
    FeedbackKind,
    Generation,
    Message,
    PostKind,
    Prompt,
    Question,
    Repair,
    Story,
)
from storage.tables import answers, candidates, feedback, generations, prompts, questions

Row = sa.Row[Any]

# What nothing searches by is kept as JSON, by name: a new field of Answer needs no migration.
_DETAILS = (
    frozenset(field.name for field in fields(Answer)) - {"question"} - {column.name for column in answers.c}
)


class AnswerStore:
    """Answers and what led to them, on one unit of work's connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def ask(self, question: Question) -> bool:
        """Keep a question before it is answered; False if this post's question is known already."""
        return insert_new(self._connection, questions, _question_row(question), "answer_id")

    def question(self, answer_id: str) -> Question | None:
        """The question that the answer with this id is, or will be, for."""
        query = sa.select(questions).where(questions.c.answer_id == answer_id)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _question(row._mapping)

    def questions_in(self, repository_id: int, number: int) -> list[Question]:
        """All questions of one thread, oldest first."""
        here = sa.and_(questions.c.repository_id == repository_id, questions.c.number == number)
        query = sa.select(questions).where(here).order_by(questions.c.asked_at, questions.c.answer_id)
        return [_question(row._mapping) for row in self._connection.execute(query)]

    def reword(self, question: Question) -> bool:
        """Keep what a question says now; False, and nothing is kept, where its asker was forgotten since."""
        here = sa.and_(questions.c.answer_id == question.answer_id, questions.c.asker_id == question.asker.id)
        return (
            self._connection.execute(sa.update(questions).where(here).values(text=question.text)).rowcount > 0
        )

    def is_composed(self, answer_id: str) -> bool:
        """Whether there is an answer already that its question has not outlived."""
        query = sa.select(answers.c.status).where(answers.c.id == answer_id)
        status = self._connection.execute(query).scalar_one_or_none()
        return status is not None and status != AnswerStatus.OUTDATED.value

    def save(self, answer: Answer) -> None:
        """Insert or update an answer, and its question with it."""
        self.ask(answer.question)
        upsert(self._connection, answers, [answer_row(answer)])

    def get(self, answer_id: str) -> Answer | None:
        """The answer, or None if there is none with this id."""
        return next(iter(self._answers(answers.c.id == answer_id)), None)

    def by_comment(self, repository_id: int, comment_id: int, kind: PostKind | None = None) -> Answer | None:
        """The answer in a comment of ours; `kind` tells, as issue and review comments are numbered apart."""
        which = sa.and_(answers.c.repository_id == repository_id, answers.c.comment_id == comment_id)
        if kind is not None:
            which = sa.and_(which, answers.c.comment_kind == kind.value)
        return next(iter(self._answers(which)), None)

    def posted(self, answer_ids: Collection[str]) -> list[Answer]:
        """Those of some answers that stand on GitHub, oldest first. For a batch of ids."""
        known = answers.c.id.in_(sorted(answer_ids))
        return self._answers(sa.and_(known, answers.c.status == AnswerStatus.POSTED.value))

    def of_repository(self, repository_id: int) -> list[Answer]:
        """All answers in one repository, oldest first."""
        return self._answers(answers.c.repository_id == repository_id)

    def judged(self, repository_id: int, limit: int) -> list[Answer]:
        """The newest answers of one repository that stand and were edited or reacted to, oldest first."""
        kinds = (FeedbackKind.EDIT.value, FeedbackKind.REACTION.value)
        judged = sa.exists().where(feedback.c.answer_id == answers.c.id, feedback.c.kind.in_(kinds))
        here = sa.and_(
            answers.c.repository_id == repository_id, answers.c.status == AnswerStatus.POSTED.value, judged
        )
        newest = (
            sa.select(answers.c.id).where(here).order_by(answers.c.created_at.desc(), answers.c.id.desc())
        )
        return self._answers(answers.c.id.in_(newest.limit(limit)))

    def of_thread(self, repository_id: int, number: int) -> list[Answer]:
        """The posted answers of one thread, newest first; notices are none."""
        asked = sa.select(questions.c.answer_id).where(
            questions.c.repository_id == repository_id, questions.c.number == number
        )
        posted = answers.c.status == AnswerStatus.POSTED.value
        found = self._answers(sa.and_(answers.c.id.in_(asked), posted))
        return [one for one in reversed(found) if not one.notice]

    def asked_in(self, repository_id: int, number: int) -> list[Answer]:
        """All answers of one thread, whatever became of them, oldest first."""
        asked = sa.select(questions.c.answer_id).where(
            questions.c.repository_id == repository_id, questions.c.number == number
        )
        return self._answers(answers.c.id.in_(asked))

    def recent(self, limit: int) -> list[Answer]:
        """The last answers of all repositories, newest first."""
        newest = sa.select(answers.c.id).order_by(answers.c.created_at.desc(), answers.c.id).limit(limit)
        return self._answers(answers.c.id.in_(newest))[::-1]

    def reopen(self, answer_id: str) -> None:
        """Have one that failed, or was cancelled, composed anew; one that stands or was deleted stays."""
        ended = answers.c.status.in_([AnswerStatus.FAILED.value, AnswerStatus.CANCELLED.value])
        anew = {"status": AnswerStatus.OUTDATED.value, "text": "", "body": "", "candidate_id": None}
        self._connection.execute(answers.update().where(answers.c.id == answer_id, ended).values(anew))

    def repost(self, answer_id: str) -> None:
        """Have one that failed posted as it was composed; composed anew where nothing of it is left."""
        failed = sa.and_(answers.c.id == answer_id, answers.c.status == AnswerStatus.FAILED.value)
        status = sa.case(
            (answers.c.body == "", AnswerStatus.OUTDATED.value), else_=AnswerStatus.PENDING.value
        )
        self._connection.execute(answers.update().where(failed).values(status=status))

    def add_prompt(self, prompt: Prompt) -> None:
        """Keep what the policy saw."""
        row = asdict(prompt)
        row["messages"] = [[message.role, message.content] for message in prompt.messages]
        row["phrase_ids"] = list(prompt.phrase_ids)
        upsert(self._connection, prompts, [row])

    def add_generation(self, generation: Generation) -> None:
        """Keep one call of the policy."""
        row = asdict(generation)
        row["biased_phrase_ids"] = list(generation.biased_phrase_ids)
        upsert(self._connection, generations, [row])

    def add_candidates(self, texts: Sequence[Candidate]) -> None:
        """Keep what the policy wrote, with its scores."""
        rows = [asdict(text) for text in texts]
        for row in rows:
            row["guards"], row["violations"] = list(row["guards"]), list(row["violations"])
        upsert(self._connection, candidates, rows)

    def story(self, answer_id: str) -> Story | None:
        """Everything that is kept about an answer, or None if there is none with this id."""
        answer = self.get(answer_id)
        if answer is None:
            return None
        query = sa.select(prompts).where(prompts.c.answer_id == answer_id).order_by(prompts.c.attempt)
        attempts = tuple(
            attempt
            for row in self._connection.execute(query).all()
            for attempt in self._attempts(_prompt(row))
        )
        events = FeedbackStore(self._connection).of_answer(answer_id)
        draft = DraftStore(self._connection).get(answer_id)
        return Story(answer=answer, attempts=attempts, feedback=tuple(events), draft=draft)

    def _attempts(self, prompt: Prompt) -> list[Attempt]:
        query = sa.select(generations).where(generations.c.prompt_id == prompt.id).order_by(generations.c.id)
        found = []
        for row in self._connection.execute(query).all():
            generation = _with_tuples(Generation, row, "biased_phrase_ids")
            query = sa.select(candidates).where(candidates.c.generation_id == generation.id)
            texts = self._connection.execute(query.order_by(candidates.c.index))
            wrote = tuple(_with_tuples(Candidate, text, "guards", "violations") for text in texts)
            found.append(Attempt(prompt=prompt, generation=generation, candidates=wrote))
        return found or [Attempt(prompt=prompt, generation=None, candidates=())]

    def _answers(self, which: sa.ColumnElement[bool]) -> list[Answer]:
        asked = [column.label(f"asked_{column.name}") for column in questions.c]
        query = (
            sa.select(answers, *asked)
            .join(questions, questions.c.answer_id == answers.c.id)
            .where(which)
            .order_by(answers.c.created_at, answers.c.id)
        )
        return [_answer(row) for row in self._connection.execute(query)]


def _with_tuples(kind: type[Any], row: Row, *lists: str) -> Any:
    values = dict(row._mapping)
    for name in lists:
        values[name] = tuple(values[name])
    return kind(**values)


def _prompt(row: Row) -> Prompt:
    values = dict(row._mapping)
    values["messages"] = tuple(Message(role=role, content=content) for role, content in values["messages"])
    values["phrase_ids"] = tuple(values["phrase_ids"])
    return Prompt(**values)


def _question_row(question: Question) -> dict[str, Any]:
    return {
        "answer_id": question.answer_id,
        "repository_id": question.repository_id,
        "full_name": question.full_name,
        "installation_id": question.installation_id,
        "number": question.number,
        "post_id": question.post_id,
        "post_kind": question.post_kind.value,
        "asker_id": question.asker.id,
        "asker_login": question.asker.login,
        "asker_is_bot": question.asker.is_bot,
        "text": question.text,
        "trigger": question.trigger,
        "asked_at": question.asked_at,
    }


def _question(row: Any, prefix: str = "") -> Question:
    asker = Actor(
        id=row[f"{prefix}asker_id"], login=row[f"{prefix}asker_login"], is_bot=row[f"{prefix}asker_is_bot"]
    )
    plain = (
        "repository_id",
        "full_name",
        "installation_id",
        "number",
        "post_id",
        "text",
        "trigger",
        "asked_at",
    )
    values = {name: row[f"{prefix}{name}"] for name in plain}
    return Question(asker=asker, post_kind=PostKind(row[f"{prefix}post_kind"]), **values)


def answer_row(answer: Answer) -> dict[str, Any]:
    """An answer as its row, without what only `storage/postings.py` writes."""
    return {
        "id": answer.id,
        "repository_id": answer.question.repository_id,
        "status": answer.status.value,
        "text": answer.text,
        "body": answer.body,
        "candidate_id": answer.candidate_id,
        "comment_kind": answer.comment_kind.value,
        "comment_id": answer.comment_id,
        "posted_at": answer.posted_at,
        "created_at": answer.created_at,
        "details": {
            name: [asdict(repair) for repair in answer.repairs]
            if name == "repairs"
            else getattr(answer, name)
            for name in _DETAILS
        },
    }


def _answer(row: Row) -> Answer:
    details = {name: value for name, value in row.details.items() if name in _DETAILS}
    details["repairs"] = [Repair(**repair) for repair in details.get("repairs", ())]
    lists = {name: tuple(value) for name, value in details.items() if isinstance(value, list)}
    return Answer(
        id=row.id,
        question=_question(row._mapping, "asked_"),
        status=AnswerStatus(row.status),
        text=row.text,
        body=row.body,
        candidate_id=row.candidate_id,
        comment_id=row.comment_id,
        created_at=row.created_at,
        posted_at=row.posted_at,
        **{**details, **lists},
    )
