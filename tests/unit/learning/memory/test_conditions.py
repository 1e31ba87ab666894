"""When a lesson applies."""

from __future__ import annotations

from learning.memory.background import DEFAULT
from learning.memory.conditions import condition, shares_of, topics
from learning.memory.questions import Questions


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


def left_alone(*deleted: str, others: tuple[str, ...] = ()) -> set[str]:
    said = Questions().changed([], [*deleted, *others]).said
    return set(topics([shares_of(text, DEFAULT) for text in deleted], said))


def test_the_rarer_a_word_is_the_fewer_deletions_make_it_a_topic_to_leave() -> None:
    assert left_alone("a stanza of mine") == set()
    assert left_alone("a stanza of mine", "why is my stanza empty") == {"stanza"}
    assert left_alone("open a file", "why is the file empty") == set()


def test_a_word_of_questions_that_were_answered_is_no_topic_to_leave() -> None:
    deleted = ("a stanza of mine", "why is my stanza empty")
    assert left_alone(*deleted, others=("sort each stanza",)) == set()
    assert left_alone(*deleted, others=("sort each widget",)) == {"stanza"}


def test_topics_stand_side_by_side_and_none_is_named_that_adds_nothing() -> None:
    found = left_alone(
        "a stanza of gribbles",
        "why is my stanza empty",
        "gribbles in a stanza",
        "my quux broke",
        "which quux is best",
    )
    assert found == {"stanza", "quux"}


def test_thousands_of_deleted_answers_have_topics_too() -> None:
    deleted = [f"How does stanza {n} work with gadget{n % 7}?" for n in range(3000)]
    assert left_alone(*deleted, others=("What of zeta?",)) == {"stanza"}
