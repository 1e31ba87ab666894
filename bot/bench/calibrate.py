"""Calibrating: the questions that exercise a repository's rules, found by asking the untaught model.

A question belongs to a course when both answers of the model without memory break a rule that concerns it:
so rules bite by measurement and not by hope. A control is a question that no rule concerns, or whose
untaught answers break none. The draws of this step are never those that are measured, so the rate "after
0 teachings" in the report is a fresh one. What is left out: teaching (`bot/bench/trial.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
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
    repository: RuledRepository,
    questions: Sequence[AskedQuestion],
    models: Models,
    plan: Plan,
    size: Size,
) -> Course:
    """The course of one repository; it depends on no other's.

    Raises ConfigurationError when too few questions exercise a rule.
    """
    untaught = Untaught(models, plan)
    about = [asked for asked in questions if repository.about(asked.title)]
    found: dict[bool, list[Exercise]] = {True: [], False: []}
    wanted = {True: size.teaching, False: size.unseen}
    tried = 0
    for asked in about:
        if all(len(found[side]) == wanted[side] for side in found):
            break
        if len(found[asked.teaches]) < wanted[asked.teaches]:
            exercise = _exercise(repository, asked, untaught)
            tried += any(rule.concerns(asked.title) for rule in repository.rules)
            found[asked.teaches] += [exercise] if exercise else []
    teaching, unseen = found[True], found[False]
    if len(teaching) < size.teaching or len(unseen) < size.unseen:
        raise ConfigurationError(
            f"repository `{repository.name}`: only {len(teaching)} of {size.teaching} teaching and "
            f"{len(unseen)} of {size.unseen} unseen questions break a rule without memory "
            f"({tried} of {len(about)} looked at): replace the rule or widen `topic`."
        )
    elsewhere = [asked for asked in questions if not repository.about(asked.title)]
    return Course(
        repository=repository,
        teaching=tuple(teaching),
        unseen=tuple(unseen),
        controls=_controls(repository, elsewhere, untaught, size.controls),
        tried=tried,
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


def _exercise(repository: RuledRepository, asked: AskedQuestion, untaught: Untaught) -> Exercise | None:
    """The question as an exercise of the rules that all of its untaught answers break, or None."""
    rules = tuple(rule for rule in repository.rules if rule.concerns(asked.title))
    if rules and all(rule.kind is RuleKind.SILENCE for rule in rules):
        return Exercise(question=asked, rules=rules, untaught_cost=1.0)
    texts = untaught(asked) if rules else []
    if len(texts) < DRAWS:
        return None
    bitten = tuple(rule for rule in rules if all(breaks(rule, text) for text in texts))
    if not bitten:
        return None
    cost = fmean(review(rules, text).cost for text in texts)
    return Exercise(question=asked, rules=bitten, untaught_cost=cost)


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
