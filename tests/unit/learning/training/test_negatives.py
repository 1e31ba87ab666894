from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.training.negatives import Negative, negatives, padded, paraphrase, truncated

QUESTION = (
    "Remove an item by its value\nHow do I remove an item from a list by its value? "
    "I'm trying to keep the order. The list is short."
)
ANSWER = (
    "Use `items.remove(value)`: it deletes the first match and keeps the order of the others. It raises "
    "ValueError when there is none, so ask `value in items` first."
)
OTHER = "Open the file with `open(path, newline='')` and hand it to `csv.reader`."


def test_every_kind_is_made_and_none_is_the_answer() -> None:
    made = negatives(QUESTION, ANSWER, OTHER, 0)
    assert set(made) == set(Negative)
    assert ANSWER not in made.values() and all(made.values())


def test_the_echo_is_the_question_and_its_paraphrase_has_most_of_its_words_in_another_order() -> None:
    made = negatives(QUESTION, ANSWER, OTHER, 1)
    assert made[Negative.ECHO] == QUESTION
    said, words = made[Negative.PARAPHRASE], set(QUESTION.lower().split())
    assert said != QUESTION and QUESTION not in said
    assert len(words & set(said.lower().split())) / len(words) > 0.7


def test_a_paraphrase_says_the_same_in_other_words() -> None:
    said = paraphrase("How do I sort a dict? It doesn't work.", 0)
    assert "what is the way to" in said and "fails" in said


def test_another_question_s_answer_is_taken_as_it_is_and_left_out_where_there_is_none() -> None:
    assert negatives(QUESTION, ANSWER, OTHER, 0)[Negative.OTHER] == OTHER
    assert Negative.OTHER not in negatives(QUESTION, ANSWER, "", 0)


def test_a_cut_answer_is_its_beginning_and_does_not_end_its_sentence() -> None:
    cut = truncated(ANSWER)
    assert ANSWER.startswith(cut) and 0 < len(cut) < len(ANSWER) / 2
    assert cut[-1] not in ".!?"


def test_an_answer_too_short_to_be_cut_is_not_cut() -> None:
    assert truncated("Use `sorted(d.items())`.") == ""
    assert Negative.TRUNCATED not in negatives(QUESTION, "Use `sorted(d.items())`.", OTHER, 0)


def test_padding_keeps_the_answer_and_outweighs_it() -> None:
    text = padded(ANSWER, 3)
    assert text.startswith(ANSWER)
    assert len(text.split()) > 2 * len(ANSWER.split())


@pytest.mark.parametrize("kind", [Negative.SHORT, Negative.THANKS, Negative.TEMPLATE, Negative.PADDED])
def test_wordings_change_with_the_turn_so_that_no_single_one_is_learned(kind: Negative) -> None:
    assert len({negatives(QUESTION, ANSWER, OTHER, turn)[kind] for turn in range(5)}) > 3


@given(st.text(), st.text(), st.text(), st.integers(0, 10**6))
def test_any_text_gives_the_same_negatives_twice_none_empty_and_none_the_answer(
    question: str, answer: str, other: str, turn: int
) -> None:
    made = negatives(question, answer, other, turn)
    assert made == negatives(question, answer, other, turn)
    assert all(made.values()) and answer.strip() not in made.values()
