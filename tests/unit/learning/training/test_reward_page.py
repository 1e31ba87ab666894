from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from learning.training.reward_figures import Figure
from learning.training.reward_page import FEWEST, GATES, Adversarial, Gate, Report, markdown, unjudged


def figure(mean: float, wide: float = 0.02, questions: int = 900) -> Figure:
    return Figure(mean=mean, low=mean - wide, high=mean + wide, questions=questions)


GOOD = Report(
    about={"data": "d1", "encoder": "packaged", "seed": 0, "questions": 900, "left_out_as_seen": 7},
    accuracy=figure(0.66),
    network=figure(0.67),
    untrained=figure(0.6),
    length_only=figure(0.61),
    gain=figure(0.06),
    same_length=figure(0.63),
    same_length_untrained=figure(0.55),
    by_source={"corpus": figure(0.66), "edit": figure(0.7, questions=0)},
    by_model={"model 1": figure(0.65, questions=450)},
    with_values=figure(0.2),
    with_length=figure(-0.1),
    adversarial={"echo": Adversarial(below=figure(0.95), gap=figure(0.5))},
)


def test_a_good_model_passes_every_gate_and_its_page_has_every_figure() -> None:
    assert all(GOOD.gates.values())
    page = markdown(GOOD)
    assert "| reward | 66.0% | 64.0% to 68.0% | 900 |" in page
    assert "| echo | 95.0% | 0.500 | 0.480 to 0.520 | 900 |" in page
    assert "| model 1 | 65.0% | 63.0% to 67.0% | 450 |" in page
    assert "7 that it had seen" in page and "| source edit | none | | 0 |" in page
    assert "failed" not in page


@pytest.mark.parametrize(
    ("changed", "gate"),
    [
        ({"accuracy": figure(0.51)}, "accuracy above chance"),
        ({"accuracy": figure(0.6)}, "accuracy above length alone"),
        ({"with_length": figure(-0.4)}, "rank correlation with length below 0.3"),
        ({"with_length": figure(float("nan"))}, "rank correlation with length below 0.3"),
        (
            {"adversarial": {"thanks": Adversarial(below=figure(0.6), gap=figure(0.01))}},
            "every adversarial kind below the real answer",
        ),
    ],
)
def test_one_failing_figure_fails_its_gate(changed: dict[str, object], gate: str) -> None:
    report = dataclasses.replace(GOOD, **changed)  # type: ignore[arg-type]
    assert report.gates[gate] is False
    assert "| failed |" in markdown(report)


def gate(number: int, **changes: Any) -> Gate:
    return dataclasses.replace(GOOD, **changes).judged[number]


def test_a_gate_says_its_figure_and_over_how_many_questions() -> None:
    assert [one.name for one in GOOD.judged] == list(GATES)
    assert all(one.passed is True for one in GOOD.judged)
    assert gate(0).found == "66.0% (64.0% to 68.0%) over 900 questions"
    assert gate(1).found == "66.0% against 61.0% over 900 questions"
    assert gate(3).found == "echo by 0.500 (0.480 to 0.520) over 900 questions"


@pytest.mark.parametrize("mean", [0.66, 0.4])
def test_over_too_few_questions_a_gate_is_neither_passed_nor_failed(mean: float) -> None:
    enough, few = (gate(0, accuracy=figure(mean, questions=number)) for number in (FEWEST, FEWEST - 1))
    assert enough.passed is (mean > 0.5)
    assert few.passed is None
    assert few.found == f"only {FEWEST - 1} questions, and {FEWEST} are needed"


def test_questions_with_two_answers_each_judge_no_rank_correlation() -> None:
    nothing = Figure(mean=float("nan"), low=float("nan"), high=float("nan"), questions=0)
    assert gate(2, with_length=nothing).passed is None
    assert [one.passed for one in unjudged()] == [None] * len(GATES)


def kind(low: float, questions: int) -> Adversarial:
    return Adversarial(below=figure(0.9), gap=figure(low + 0.02, questions=questions))


@pytest.mark.parametrize(
    ("kinds", "passed"),
    [
        ({"echo": kind(0.1, 40), "thanks": kind(0.2, 40)}, True),
        ({"echo": kind(0.1, 40), "thanks": kind(0.2, 29)}, None),
        ({"echo": kind(0.1, 40), "thanks": kind(-0.2, 29)}, None),
        ({"echo": kind(-0.1, 40), "thanks": kind(0.2, 29)}, False),
        ({"echo": kind(-0.1, 40), "thanks": kind(-0.2, 29)}, False),
        ({}, None),
    ],
)
def test_one_adversarial_kind_may_fail_the_gate_and_all_must_be_seen_to_pass_it(
    kinds: dict[str, Adversarial], passed: bool | None
) -> None:
    assert gate(3, adversarial=kinds).passed is passed
