"""Questions are found by what they say, best first, and the same whatever was there before."""

from __future__ import annotations

from learning.memory.questions import Questions

TEXTS = ["parse a stanza of gribbles", "sort widgets by gadget", "stanza without gribbles", "", "the of"]


def near(questions: Questions, question: str, most: int = 9) -> dict[str, float]:
    return questions.best(questions.overlap(question), 0.0, most)


def test_one_shared_word_does_not_make_two_questions_alike() -> None:
    questions = Questions().changed([], TEXTS)
    assert list(near(questions, "a stanza of widgets")) == []
    found = near(questions, "gribbles in a stanza")
    assert list(found) == ["stanza without gribbles", "parse a stanza of gribbles"]
    assert 0.9 < found["parse a stanza of gribbles"] < found["stanza without gribbles"] <= 1.0 + 1e-6


def test_of_equals_the_same_are_found_in_whatever_order_they_came() -> None:
    texts = [f"stanza gribbles {n}" for n in range(10, 60)]
    found = [near(Questions().changed([], some), "stanza gribbles", 5) for some in (texts, texts[::-1])]
    assert list(found[0]) == list(found[1]) == sorted(texts)[:5]


def test_a_question_that_was_taken_out_leaves_nothing_behind_but_its_place() -> None:
    questions = Questions().changed([], TEXTS).changed(TEXTS[:3], ["zeta of omicron"])
    assert near(questions, "gribbles in a stanza") == {}
    assert list(near(questions, "omicron zeta")) == ["zeta of omicron"]
    assert set(questions.said) == {"zeta", "omicron"}
    assert len(questions.texts) == len(TEXTS), "places are used again"
    assert Questions().changed([], TEXTS).changed(TEXTS, []).postings == {}
