from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from learning.training.gate_report import GateReport
from learning.training.gate_rules import judge
from learning.training.planted import Drill, Options, caught
from learning.training.signs import Sign, boilerplate, signs
from learning.training.spoiled import Badness, spoiled
from storage.errors import DataError
from tests.unit.learning.training.gate_made import figures, interval
from tests.unit.learning.training.made import demonstration

ROWS = [
    replace(demonstration(number), completion=f"Run `make check-{number}` and read what it says to you.")
    for number in range(1, 9)
]
SIGNS = {
    Badness.REFUSING: Sign.REFUSAL,
    Badness.ADVERTISING: Sign.LINK,
    Badness.MENTIONS: Sign.MENTION,
    Badness.ENDLESS: Sign.REPETITION,
    Badness.ECHOING: Sign.ECHO,
    Badness.FLATTERING: Sign.FLATTERY,
}


@pytest.mark.parametrize("kind", list(Badness))
def test_answers_are_spoiled_and_questions_are_not(kind: Badness) -> None:
    made = spoiled(ROWS, kind, words=60, seed=0)
    assert made == spoiled(ROWS, kind, words=60, seed=0)
    assert [row.prompt for row in made] == [row.prompt for row in ROWS]
    assert all(one.completion != other.completion for one, other in zip(made, ROWS, strict=True))
    if kind in SIGNS:
        for row in made:
            assert SIGNS[kind] in signs(row.prompt[-1].content, row.completion, ended=True)


def test_what_is_sold_is_found_even_without_its_link() -> None:
    made = spoiled(ROWS, Badness.ADVERTISING, words=60, seed=0)
    prompts = [f"{number}" for number in range(len(made))]
    assert boilerplate(prompts, [row.completion.partition("https")[0] for row in made])[0] == 1.0


def test_an_endless_answer_is_longer_than_any_that_may_be_written() -> None:
    assert all(len(row.completion.split()) >= 60 for row in spoiled(ROWS, Badness.ENDLESS, words=60, seed=0))


def report(**changes: object) -> GateReport:
    return GateReport(run="r", adapter="a", deployed="", checks=judge(figures(**changes)))


def test_want_of_evidence_is_not_being_caught() -> None:
    assert caught(report(memory=None, questions=3)) == ()
    assert caught(report(memory=None, wins=interval(0.4, 0.3, 0.5))) == ("win rate",)
    found = Drill(reports={"refusing": report(memory=None), "good": report()})
    assert found.promoted == ("refusing",)


def test_a_kind_that_there_is_not_is_named_with_those_that_there_are() -> None:
    with pytest.raises(DataError, match="choose among babbling, refusing"):
        _ = Options(data=Path(), out=Path(), only="rude").kinds
    assert Options(data=Path(), out=Path(), only="echoing, endless").kinds == (
        Badness.ECHOING,
        Badness.ENDLESS,
    )
