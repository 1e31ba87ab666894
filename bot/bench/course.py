"""Courses: for each repository the questions that exercise its rules, found by asking the untaught model.

A question belongs to a course when all `DRAWS` answers of the model without memory break a rule that
concerns it: so rules bite by measurement and not by hope. A control is a question that no rule
concerns, or whose untaught answers break none. The draws of this step are never those that are measured,
so the rate "after 0 teachings" in the report is a fresh one. What is left out: teaching
(`bot/bench/trial.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from statistics import fmean
from typing import Any

from bot.bench.maintainer import breaks, review
from bot.bench.questions import AskedQuestion
from bot.bench.rules import Rule, RuledRepository, RuleKind
from bot.compose import compose
from bot.memory import Memory
from bot.models import Models
from bot.plan import Mechanisms, Plan
from bot.rerank import tidy
from storage.errors import ConfigurationError
from storage.records import Actor, Post, PostKind, Question, Repository, Thread

DRAWS = 2
"""Untaught answers by which a question is judged."""

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
ASKER = Actor(id=104, login="asker")
_CALIBRATION = Repository(id=1, full_name="thumbprint/calibration", installation_id=1)


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


def prepare(
    repositories: Sequence[RuledRepository],
    questions: Sequence[AskedQuestion],
    models: Models,
    plan: Plan,
    size: Size,
    step: Callable[[str], None],
) -> list[Course]:
    """One course a repository. `step` is told what is being looked at.

    Raises ConfigurationError for a repository for which too few questions exercise a rule.
    """
    untaught = Untaught(models, plan)
    courses = []
    for repository in repositories:
        step(repository.name)
        about = [asked for asked in questions if repository.about(asked.title)]
        tried = [0]
        exercises = _exercises(repository, about, untaught, tried)
        teaching: list[Exercise] = []
        unseen: list[Exercise] = []
        while len(teaching) < size.teaching or len(unseen) < size.unseen:
            found = next(exercises, None)
            if found is None:
                raise ConfigurationError(
                    f"repository `{repository.name}`: only {len(teaching)} of {size.teaching} teaching and "
                    f"{len(unseen)} of {size.unseen} unseen questions break a rule without memory "
                    f"({tried[0]} of {len(about)} looked at): replace the rule or widen `topic`."
                )
            side, most = (teaching, size.teaching) if found.question.teaches else (unseen, size.unseen)
            if len(side) < most:
                side.append(found)
        elsewhere = [asked for asked in questions if not repository.about(asked.title)]
        courses.append(
            Course(
                repository=repository,
                teaching=tuple(teaching),
                unseen=tuple(unseen),
                controls=_controls(repository, elsewhere, untaught, size.controls),
                tried=tried[0],
            )
        )
    return courses


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
                f"repository `{repository.name}`: {teaching} teaching and {unseen} unseen questions match its "
                f"`topic` and a rule, but {size.teaching} and {size.unseen} are needed: widen `topic` or bring "
                "more questions with --questions FILE."
            )


class Untaught:
    """What the model writes without memory, as it would be posted: `DRAWS` draws a question."""

    def __init__(self, models: Models, plan: Plan) -> None:
        mechanisms = replace(Mechanisms.none(), best_of_n=True)
        self._plan = replace(plan, mechanisms=mechanisms, candidates=DRAWS, seed=2**20)
        self._models = models

    def __call__(self, asked: AskedQuestion) -> list[str]:
        """The usable ones among the draws."""
        question, thread = question_record(asked, _CALIBRATION)
        composed = compose(question, thread, Memory(), self._models, self._plan, START)
        return [tidy(one.text, one.finish_reason) for one in composed.candidates if not one.guards]


def _exercises(
    repository: RuledRepository,
    questions: Sequence[AskedQuestion],
    untaught: Untaught,
    tried: list[int],
) -> Iterator[Exercise]:
    """The questions that exercise a rule, in their order. `tried` counts those looked at."""
    for asked in questions:
        rules = [rule for rule in repository.rules if rule.concerns(asked.title)]
        if not rules:
            continue
        tried[0] += 1
        if all(rule.kind is RuleKind.SILENCE for rule in rules):
            yield Exercise(question=asked, rules=tuple(rules), untaught_cost=1.0)
            continue
        texts = untaught(asked)
        if len(texts) < DRAWS:
            continue
        bitten = tuple(rule for rule in rules if all(breaks(rule, text) for text in texts))
        if bitten:
            cost = fmean(review(rules, text).cost for text in texts)
            yield Exercise(question=asked, rules=bitten, untaught_cost=cost)


def _controls(
    repository: RuledRepository, questions: Sequence[AskedQuestion], untaught: Untaught, wanted: int
) -> tuple[AskedQuestion, ...]:
    """Questions where no rule applies; none where the rules apply to nearly everything."""
    found: list[AskedQuestion] = []
    for asked in questions[: wanted * 4]:
        if len(found) == wanted:
            break
        rules = [rule for rule in repository.rules if rule.concerns(asked.title)]
        if not rules:
            found.append(asked)
            continue
        texts = untaught(asked)
        if len(texts) == DRAWS and not any(breaks(rule, text) for rule in rules for text in texts):
            found.append(asked)
    return tuple(found)
