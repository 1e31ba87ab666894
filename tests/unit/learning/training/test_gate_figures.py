from __future__ import annotations

from typing import Any

from learning.intervals import ratio
from learning.prompt import build
from learning.training import gate_figures
from learning.training.canaries import SUITE, Kind
from learning.training.gate_figures import Said
from learning.training.gate_rules import Share
from learning.training.signs import Sign


def said(number: int, text: str = "Use `open` for it.", **changes: Any) -> Said:
    made = {
        "group": f"github/{number % 2}/{number}",
        "question": "How? " * (number + 1),
        "prompt": f"Question: how {number}?",
        "text": text,
        "tokens": 10,
        "ended": True,
    }
    return Said(**{**made, **changes})


def test_signs_canaries_and_lengths_are_counted_a_side() -> None:
    texts = [said(1), said(2, "Ask @nobody."), said(3, "cut", ended=False, tokens=40)]
    canaries = [(one, "Run `make docs` and wait.", one.id != "ends-0") for one in SUITE]
    canaries = [
        (one, f"{one.fact.wanted}." if one.fact and one.id != "facts-0" else text, ended)
        for one, text, ended in canaries
    ]
    found, faults = gate_figures.side(texts, canaries)
    assert found.signs[Sign.MENTION] == Share(count=1, of=3)
    assert found.signs[Sign.NO_END] == Share(count=1, of=3)
    assert found.tokens == 20.0
    assert found.passed[Kind.ENDS.value] == Share(count=7, of=8)
    assert found.passed[Kind.SECRETS.value] == Share(count=8, of=8)
    assert found.passed[Kind.FACTS.value] == Share(count=31, of=32)
    assert [(one.canary, one.what) for one in faults] == [
        ("ends-0", "does not end"),
        ("facts-0", "does not say what the thread says"),
    ]


def test_an_answer_that_quotes_its_thread_is_no_echo() -> None:
    prompt = build("Which command runs the tests?", "ana wrote:\nTo run the tests use `make check` twice.")
    one = said(1, "To run the tests use `make check` twice.", prompt=prompt[-1].content)
    found, _ = gate_figures.side([one], [])
    assert found.signs[Sign.ECHO].count == 0


def test_a_side_that_wrote_nothing_has_shares_of_nothing() -> None:
    found, faults = gate_figures.side([], [])
    assert found.passed[Kind.ENDS.value].of == 0 and faults == []


def test_the_better_answer_wins_and_a_tie_is_a_half() -> None:
    assert gate_figures.wins([1.0, 0.0, 0.5], [0.0, 1.0, 0.5]) == [1.0, 0.0, 0.5]


def test_answers_are_compared_over_all_by_repository_and_by_length() -> None:
    texts = [said(number) for number in range(9)]
    ours = [1.0 if one.group.startswith("github/1/") else 0.0 for one in texts]
    wins, reward, slices = gate_figures.compared(texts, ours, [0.5] * 9)
    assert (wins.value, wins.groups) == (4 / 9, 9)
    assert abs(reward.value - (4 * 0.5 - 5 * 0.5) / 9) < 1e-12
    assert slices["repository 1"].value == 1.0 and slices["repository 0"].high == 0.0
    assert {name: one.groups for name, one in slices.items() if "questions" in name} == dict.fromkeys(
        gate_figures.LENGTHS, 3
    )


def test_published_questions_are_one_slice_by_where_they_are_from() -> None:
    assert gate_figures.slices([said(1, group="123")])[0][0] == "corpus"


def test_lengths_are_compared_as_a_ratio_of_means_with_an_interval() -> None:
    ours, theirs = [said(n, tokens=10 + n) for n in range(8)], [said(n, tokens=5) for n in range(8)]
    found = gate_figures.lengths(ours, theirs)
    assert found.value == (10 + 3.5) / 5 and found.low < found.value < found.high
    none = ratio([1.0], [0.0], ["a"])
    assert none.value != none.value, "nothing to compare with is no number"
    assert ratio([], [], []).groups == 0
