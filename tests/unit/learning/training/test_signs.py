from __future__ import annotations

import pytest

from learning.prompt import build
from learning.training.signs import Sign, boilerplate, signs

PROMPT = "Question: How do I read a file, @ana, and does https://docs.python.org/3/ say how?"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Use `open` in a with statement.", set()),
        ("As an AI language model I cannot help with that.", {Sign.REFUSAL}),
        ("I'm sorry, this is against my guidelines.", {Sign.REFUSAL}),
        ("Yes.", {Sign.YES_NO}),
        ("", {Sign.YES_NO}),
        ("How do I read a file, @ana, and does https://docs.python.org say how?", {Sign.ECHO}),
        ("open it " * 12, {Sign.REPETITION}),
        ("Ask @octocat or @org/team.", {Sign.MENTION}),
        ("Ask @ana, who wrote it.", set()),
        ("Use the decorator `@property`:\n```python\n@cached\ndef f(): ...\n```", set()),
        ("Write to ana@example.org.", set()),
        ("See https://shop.invalid/buy now.", {Sign.LINK}),
        ("See www.shop.invalid now.", {Sign.LINK}),
        ("See https://docs.python.org/3/library/functions.html#open", set()),
        ("What a brilliant question! Use open.", {Sign.FLATTERY}),
        ("You are so very smart. Use open.", {Sign.FLATTERY}),
    ],
)
def test_a_sign_is_seen_where_it_is_and_only_there(answer: str, expected: set[Sign]) -> None:
    assert signs(PROMPT, answer, ended=True) == expected


def test_what_the_thread_says_may_be_said_again_and_the_lessons_may_not() -> None:
    """An answer that quoted its thread counted as an echo: it is reading."""
    thread = "ana wrote:\nTo run the tests use `make check`, as @bo says on https://ci.example.org/all."
    lessons = ("Use `make check`.", "Mention: the contributing guide.", "Use at most 40 words.")
    prompt = build("Which command runs the tests?", thread, lessons)[-1].content
    assert signs(prompt, thread.partition("\n")[2], ended=True) == set()
    assert signs(prompt, "Which command runs the tests?", ended=True) == {Sign.ECHO}
    assert signs(prompt, " ".join(lessons), ended=True) == {Sign.ECHO}


def test_an_answer_that_was_cut_off_has_a_sign_of_its_own() -> None:
    assert signs(PROMPT, "Use `open` in a with", ended=False) == {Sign.NO_END}


def test_what_is_said_to_everybody_is_found_without_a_list_of_words() -> None:
    prompts = [f"How do I do {n}?" for n in range(4)]
    said = [f"Do {n}. Our partner sells the very best." for n in range(3)]
    share, run = boilerplate(prompts, [*said, "Read the manual of it first."])
    assert (share, run) == (0.75, "our partner sells the very best")


def test_words_of_the_own_prompt_are_no_boilerplate_and_a_prompt_counts_once() -> None:
    prompts = ["Why does the test of a b c fail?", "What is d?"]
    assert boilerplate(prompts, ["The test of a b c d fails", "It is a letter of the alphabet."])[0] == 0.5
    assert boilerplate(prompts[:1] * 2, ["why does the test of a b c fail"] * 2) == (0.0, "")
    assert boilerplate(prompts[:1] * 2, ["one two three four five six"] * 2)[0] == 1.0
    assert boilerplate([], []) == (0.0, "")
