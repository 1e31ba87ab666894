"""Courses: what each repository is taught and examined with, and how a question becomes an issue's. Pure.

A course is kept by the ids of its questions, so that calibrating is done once. What is left out: how
its questions are found (`bot/bench/calibrate.py`), teaching (`bot/bench/trial.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.bench.questions import AskedQuestion
from bot.bench.rules import Rule, RuledRepository
from storage.errors import ConfigurationError
from storage.records import Actor, Post, PostKind, Question, Repository, Thread

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
ASKER = Actor(id=104, login="asker")


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """A question, the rules that it exercises, and what an untaught answer to it costs on average."""

    question: AskedQuestion
    rules: tuple[Rule, ...]
    untaught_cost: float


@dataclass(frozen=True, kw_only=True)
class Course:
    """What one repository is taught and examined with."""

    repository: RuledRepository
    teaching: tuple[Exercise, ...]
    unseen: tuple[Exercise, ...]
    controls: tuple[AskedQuestion, ...]
    tried: int
    """Questions of the topic that were looked at to find the exercises."""

    def as_json(self) -> dict[str, Any]:
        """The course by the ids of its questions and the names of its rules."""

        def ids(exercises: Sequence[Exercise]) -> list[list[Any]]:
            return [[one.question.id, [r.name for r in one.rules], one.untaught_cost] for one in exercises]

        return {
            "repository": self.repository.name,
            "teaching": ids(self.teaching),
            "unseen": ids(self.unseen),
            "controls": [asked.id for asked in self.controls],
            "tried": self.tried,
        }


def from_json(
    data: Mapping[str, Any], repository: RuledRepository, questions: Mapping[str, AskedQuestion]
) -> Course:
    """The course that `as_json` wrote; `questions` are those it was made of, by id."""

    def exercises(ids: Sequence[Sequence[Any]]) -> tuple[Exercise, ...]:
        return tuple(
            Exercise(
                question=questions[name],
                rules=tuple(rule for rule in repository.rules if rule.name in rules),
                untaught_cost=cost,
            )
            for name, rules, cost in ids
        )

    return Course(
        repository=repository,
        teaching=exercises(data["teaching"]),
        unseen=exercises(data["unseen"]),
        controls=tuple(questions[name] for name in data["controls"]),
        tried=data["tried"],
    )


@dataclass(frozen=True, kw_only=True)
class Size:
    """How many questions a course has, and how many of them each seed draws for its examinations."""

    teaching: int
    unseen: int
    unseen_asked: int
    controls: int
    controls_asked: int


def question_record(asked: AskedQuestion, repository: Repository) -> tuple[Question, Thread]:
    """The question as if somebody had asked it in an issue of the repository."""
    number = asked.hash % 100_000 + 1
    post = Post(
        id=asked.hash % 2**40,
        kind=PostKind.ISSUE,
        author=ASKER,
        body=asked.body,
        created_at=START,
        url=asked.url,
    )
    question = Question(
        repository_id=repository.id,
        full_name=repository.full_name,
        installation_id=repository.installation_id,
        number=number,
        post_id=post.id + 1,
        post_kind=PostKind.COMMENT,
        asker=ASKER,
        text=asked.title,
        asked_at=START,
    )
    thread = Thread(
        repository_id=repository.id,
        full_name=repository.full_name,
        number=number,
        title=asked.title,
        is_pull_request=False,
        locked=False,
        posts=(post,),
    )
    return question, thread


def check(repositories: Sequence[RuledRepository], questions: Sequence[AskedQuestion], size: Size) -> None:
    """Refuse, before any model is started, a repository about which too few questions are asked.

    Raises ConfigurationError that names it.
    """
    for repository in repositories:
        about = [
            asked
            for asked in questions
            if repository.about(asked.title) and any(rule.concerns(asked.title) for rule in repository.rules)
        ]
        teaching = sum(asked.teaches for asked in about)
        unseen = len(about) - teaching
        if teaching < size.teaching or unseen < size.unseen:
            raise ConfigurationError(
                f"repository `{repository.name}`: {teaching} teaching and {unseen} unseen questions match "
                f"its `topic` and a rule, but {size.teaching} and {size.unseen} are needed: widen `topic` "
                "or bring more questions with --questions FILE."
            )
