"""Of a small world's answers the right one is worth most, and a question of another world is refused."""

from __future__ import annotations

import pytest

from learning.training.small_world import DEEDS, MORE, THINGS, VAGUE, asked, judge, right


def test_the_right_answer_is_worth_more_than_any_other() -> None:
    every = [*DEEDS.values(), VAGUE]
    for deed, text in DEEDS.items():
        worth = dict(zip(every, judge([asked(deed, "list")] * len(every), every), strict=True))
        assert worth.pop(text) > max(worth.values())


def test_words_too_many_cost() -> None:
    text = right(asked("sort", "list"))
    one, other = judge([asked("sort", "list")] * 2, [text, f"{text} And so on and on."])
    assert other < one


def test_no_thing_is_known_and_unknown_and_each_question_has_its_deeds_answer() -> None:
    assert not set(THINGS) & set(MORE) and len({*THINGS, *MORE}) * len(DEEDS) == 370
    assert all(right(asked(deed, thing)) == DEEDS[deed] for deed in DEEDS for thing in (*THINGS, *MORE))


def test_a_question_of_another_world_is_refused() -> None:
    with pytest.raises(ValueError, match="small world"):
        right("How do I sing a song?")
