"""When a lesson applies."""

from __future__ import annotations

from learning.memory.background import DEFAULT
from learning.memory.conditions import condition


def terms(*questions: str, said: str = "") -> set[str]:
    return {term for term, _ in condition(questions, said, DEFAULT).terms}


def test_one_question_gives_no_condition_unless_the_lesson_repeats_its_word() -> None:
    assert terms("How do I parse a stanza?") == set()
    assert terms("How do I parse a stanza?", said="For a stanza see docs/x.md.") == {"stanza"}
    assert not condition(["How do I parse a stanza?"], "", DEFAULT).always


def test_what_all_questions_share_is_the_condition() -> None:
    found = terms("How do I parse a stanza?", "Why is my stanza empty?", "A stanza is too long")
    assert found == {"stanza"}


def test_three_questions_with_nothing_in_common_mean_always() -> None:
    found = condition(["parse a stanza", "sort some widgets", "why is the socket closed"], "", DEFAULT)
    assert (found.terms, found.always) == ((), True)


def test_a_word_that_chance_puts_into_two_questions_is_no_condition() -> None:
    assert terms("print a file", "open a file") == set()


def test_the_same_question_twice_is_one() -> None:
    assert not condition(["parse a stanza", "parse a stanza"], "", DEFAULT).always
