"""Targets are decided by intervals: met, not met, undecided, or not measured."""

from __future__ import annotations

from dataclasses import replace

import pytest

from learning.intervals import Interval
from learning.training.evaluate_figures import Comparison, Line
from learning.training.evaluate_targets import Target, Verdict, targets

GOOD = {"ended": 1.0, "yes_no": 0.0, "echo": 0.01, "distinct_2": 0.9}


def interval(value: float, half: float = 0.0, groups: int = 600) -> Interval:
    return Interval(value=value, low=value - half, high=value + half, groups=groups)


def line(system: str, groups: int = 600, **figures: float) -> Line:
    made = {name: interval(value, groups=groups) for name, value in {**GOOD, **figures}.items()}
    return Line(system=system, answers=groups, figures=made, corpus_bleu=0.1, by_seed={})


def duel(ours: str, theirs: str, by: str, value: float, half: float = 0.01) -> Comparison:
    gap = interval(value, half)
    return Comparison(ours=ours, theirs=theirs, by=by, wins=interval(0.6), difference=gap, by_seed=(value,))


def verdicts(found: list[Target]) -> list[str]:
    return [one.verdict.value for one in found]


def all_of(**values: float) -> list[Comparison]:
    given = {"sft": 0.1, "ppo": 0.1, "rouge": 0.02, "trained": 0.2, **values}
    return [
        duel("sft", "base", "independent", given["sft"]),
        duel("ppo", "sft", "independent", given["ppo"]),
        duel("ppo", "sft", "rouge_1", given["rouge"]),
        duel("ppo", "sft", "reward", given["trained"]),
    ]


SYSTEMS = [line("base"), line("sft"), line("ppo")]


def test_all_are_met_by_a_policy_that_is_clearly_better() -> None:
    assert set(verdicts(targets(SYSTEMS, all_of(), 600, 3))) == {"met"}


@pytest.mark.parametrize(
    ("value", "verdict"), [(0.1, "met"), (0.005, "undecided"), (-0.005, "undecided"), (-0.1, "not met")]
)
@pytest.mark.parametrize(("place", "name"), [(0, "sft"), (1, "ppo"), (2, "rouge")])
def test_an_interval_that_holds_zero_decides_nothing(
    place: int, name: str, value: float, verdict: str
) -> None:
    assert verdicts(targets(SYSTEMS, all_of(**{name: value}), 600, 3))[place] == verdict


@pytest.mark.parametrize(
    ("rate", "groups", "verdict"),
    [(1.0, 600, "met"), (1.0, 5, "undecided"), (0.98, 600, "undecided"), (0.9, 600, "not met")],
)
def test_ends_are_held_by_an_interval_that_few_questions_make_wide(
    rate: float, groups: int, verdict: str
) -> None:
    found = targets([line("base"), line("ppo", groups, ended=rate)], [], groups, 3)
    assert found[3].verdict.value == verdict


@pytest.mark.parametrize(
    ("place", "figures"),
    [(4, {"yes_no": 0.5}), (5, {"echo": 0.5}), (6, {"ended": 0.2}), (7, {"distinct_2": 0.05})],
)
def test_each_alarm_names_a_collapse(place: int, figures: dict[str, float]) -> None:
    found = targets([line("base"), line("ppo", **figures)], [], 600, 3)
    assert found[place].verdict is Verdict.NOT_MET
    assert sum(one.verdict is Verdict.NOT_MET for one in found[4:8]) == 1
    assert "+" not in found[place].found  # a rate, not a difference


def test_what_the_base_does_as_often_is_no_collapse_of_the_policy() -> None:
    found = targets([line("base", yes_no=0.5), line("ppo", yes_no=0.5)], [], 600, 3)
    assert found[4].verdict is Verdict.UNDECIDED


def test_a_reward_that_rises_alone_is_a_collapse() -> None:
    assert verdicts(targets(SYSTEMS, all_of(ppo=-0.1), 600, 3))[8] == "not met"
    assert verdicts(targets(SYSTEMS, all_of(ppo=-0.1, trained=0.0), 600, 3))[8] == "undecided"


def test_a_handful_of_questions_decides_no_difference() -> None:
    few = [
        replace(one, difference=replace(one.difference, groups=29))
        for one in all_of()  # all clearly met, were there more
    ]
    found = verdicts(targets(SYSTEMS, few, 29, 3))
    assert [found[place] for place in (0, 1, 2, 8)] == ["undecided"] * 4


def test_what_is_not_there_is_said_to_be_not_measured() -> None:
    found = targets([line("base")], [], 600, 3)
    assert verdicts(found)[:-1] == ["not measured"] * 9
    assert "it needs the system" in found[0].found


@pytest.mark.parametrize(("questions", "seeds"), [(499, 3), (500, 2)])
def test_a_small_evaluation_is_no_headline(questions: int, seeds: int) -> None:
    assert targets(SYSTEMS, all_of(), questions, seeds)[-1].verdict is Verdict.NOT_MET
