from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.training.reward_terms import Bounds, Terms, terms
from storage.errors import ConfigurationError

BOUNDS = Bounds()
QUESTION = "How do I remove an item from a list by its value and keep the order of all the other items in it?"
GOOD = (
    "Use `items.remove(value)`: it deletes the first match and keeps the rest in order.\n\n"
    "```python\nitems = [1, 2, 3]\nitems.remove(2)\n```"
)


@pytest.mark.parametrize(
    "odd",
    [
        {"length": -0.4},
        {"no_end": float("nan")},
        {"shortest_words": -1},
        {"longest_words": 0},
        {"repeated_from": 1.0},
        {"copied_from": 1.0},
    ],
)
def test_bounds_by_which_something_would_be_earned_or_divided_by_nothing_are_refused(
    odd: dict[str, Any],
) -> None:
    with pytest.raises(ConfigurationError, match=f"The option {next(iter(odd))} is "):
        Bounds(**odd).check()
    BOUNDS.check()


def test_an_ordinary_answer_loses_nothing() -> None:
    assert terms(QUESTION, GOOD, True, BOUNDS) == Terms()
    assert terms(QUESTION, GOOD, None, BOUNDS).total == 0


def test_the_question_said_back_costs_the_whole_overlap() -> None:
    assert terms(QUESTION, QUESTION, True, BOUNDS).overlap == -BOUNDS.overlap


def test_quoting_part_of_the_question_costs_nothing() -> None:
    quoting = "> remove an item from a list by its value\n\nThat is what `list.remove` is for: try it."
    assert terms(QUESTION, quoting, True, BOUNDS).overlap == 0


@pytest.mark.parametrize("text", ["Yes", "No.", "", "   "])
def test_a_word_costs_most_of_the_length_term(text: str) -> None:
    assert terms(QUESTION, text, True, BOUNDS).length <= -0.8 * BOUNDS.length


def test_length_costs_nothing_within_its_dead_band_and_ever_more_outside() -> None:
    lengths = [terms(QUESTION, "word " * n, True, BOUNDS).length for n in range(0, 700)]
    assert all(value == 0 for value in lengths[BOUNDS.shortest_words : BOUNDS.longest_words + 1])
    assert lengths[: BOUNDS.shortest_words] == sorted(lengths[: BOUNDS.shortest_words])
    assert lengths[BOUNDS.longest_words :] == sorted(lengths[BOUNDS.longest_words :], reverse=True)
    assert lengths[0] == lengths[-1] == -BOUNDS.length


def test_saying_the_same_again_and_again_costs() -> None:
    again = "You can use the remove method. " * 10
    assert terms(QUESTION, again, True, BOUNDS).repetition < -0.5 * BOUNDS.repetition


def test_an_answer_that_never_ended_costs_and_so_does_an_open_code_block() -> None:
    assert terms(QUESTION, GOOD, False, BOUNDS).no_end == -BOUNDS.no_end
    assert terms(QUESTION, GOOD[: -len("```")], None, BOUNDS).no_end == -BOUNDS.no_end


@pytest.mark.parametrize(
    ("code", "lost"),
    [
        ("```python\nprint(1)\n```", 0.0),
        ("```python\nprint 1\n```", -BOUNDS.broken_code),
        ("```\nprint 1\n```", 0.0),
        ("```js\nlet x = {;\n```", 0.0),
        ("```py\n" + "(" * 5000 + "\n```", -BOUNDS.broken_code),
    ],
)
def test_only_a_block_that_calls_itself_python_must_parse(code: str, lost: float) -> None:
    assert terms(QUESTION, f"Do it like this, it is easy:\n\n{code}", None, BOUNDS).broken_code == lost


@given(st.text(), st.text(), st.sampled_from([True, False, None]))
def test_whatever_the_text_each_term_keeps_within_its_bound(
    question: str, answer: str, ended: bool | None
) -> None:
    found = terms(question, answer, ended, BOUNDS)
    for name in ("length", "repetition", "overlap", "no_end", "broken_code"):
        assert -getattr(BOUNDS, name) <= getattr(found, name) <= 0
