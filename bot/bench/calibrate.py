"""Calibrating: the questions that exercise a repository's rules, found by asking the untaught model.

A question belongs to a course when both answers of the model without memory (in a small run: one) break a
rule that concerns it: so rules bite by measurement and not by hope. A control is a question that no rule
concerns, or whose untaught answers break none. The draws of this step are never those that are measured,
so the rate "after 0 teachings" in the report is a fresh one. What is left out: teaching
(`bot/bench/trial.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from statistics import fmean

from bot.bench.course import START, Course, Exercise, Size, question_record
from bot.bench.maintainer import breaks, review
from bot.bench.questions import AskedQuestion
from bot.bench.rules import RuledRepository, RuleKind
from bot.compose import compose
from bot.memory import Memory
from bot.models import Models
from bot.plan import Mechanisms, Plan
from bot.rerank import tidy
from storage.errors import ConfigurationError
from storage.records import Repository

DRAWS = 2
"""Untaught answers by which a question is judged."""

_CALIBRATION = Repository(id=1, full_name="thumbprint/calibration", installation_id=1)


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
        exercises = _exercises(repository, about, untaught, size.breaking, tried)
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
    breaking: int,
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
        bitten = tuple(rule for rule in rules if sum(breaks(rule, text) for text in texts) >= breaking)
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
