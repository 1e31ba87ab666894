"""Atoms, code, sentences and borders of a text."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.memory.text import (
    atoms,
    borders,
    code_ranges,
    command,
    is_code,
    sentences,
    shaped,
    stem,
    terms,
    tokens,
)
from tests.clock import works_within

TEXT = st.text(alphabet=st.sampled_from("ab. `\n_/-~X#"), max_size=120)


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("call requests.get(url)", "requests.get"),
        ("in ./src/a_b/io.py now", "./src/a_b/io.py"),
        ("in .github/workflows/ci.yml now", ".github/workflows/ci.yml"),
        ("see https://a.org/b?c=d#e.", "https://a.org/b?c=d#e"),
        ("with --no-cache-dir on", "--no-cache-dir"),
        ("pin foo-bar now", "foo-bar"),
        ("I don't know", "don't"),
        ("in C++ too", "C++"),
        ("use @property here", "@property"),
        ("since 3.11.2 only", "3.11.2"),
    ],
)
def test_what_is_corrected_as_a_whole_is_one_atom(text: str, whole: str) -> None:
    assert whole in atoms(text)


@pytest.mark.parametrize(
    "text", ["snake_case", "camelCase", "a.b", "x/y.py", "--flag", "f(x)", "python3", "pip install"]
)
def test_code_shows_by_its_letters(text: str) -> None:
    assert is_code(text)


@pytest.mark.parametrize("text", ["GitHub", "NumPy", "e.g", "and/or", "Directory", "it"])
def test_prose_with_odd_letters_is_prose(text: str) -> None:
    assert not shaped(text)


def test_a_command_is_a_program_and_what_follows() -> None:
    assert command("pip install")
    assert not command("pip")
    assert not command("install pip")


def test_code_is_between_backticks_and_fences_and_an_open_fence_runs_to_the_end() -> None:
    text = "a `b` c\n```py\nd\n```\ne ``f`g`` h\n~~~\ni"
    assert [text[a:b] for a, b, fence in code_ranges(text) if not fence] == ["b", "f`g"]
    assert [text[a:b] for a, b, fence in code_ranges(text) if fence] == ["```py\nd\n```", "~~~\ni"]
    assert [t.text for t in tokens(text) if t.code and not t.mark] == ["b", "d", "f", "g", "i"]


def test_three_backticks_with_more_of_them_on_the_line_are_a_span_and_no_fence() -> None:
    text = "```make run``` starts it\nthen ````a ``` b```` and\n```py\nc\n```"
    assert [text[a:b] for a, b, fence in code_ranges(text) if not fence] == ["make run", "a ``` b"]
    assert [text[a:b] for a, b, fence in code_ranges(text) if fence] == ["```py\nc\n```"]
    assert [t.text for t in tokens(text) if t.code and not t.mark] == ["make", "run", "a", "b", "c"]
    assert [t.text for t in tokens(text) if not t.code and not t.mark] == ["starts", "it", "then", "and"]


def test_a_word_right_after_a_span_of_three_backticks_is_kept_and_a_fences_language_is_not() -> None:
    assert [t.text for t in tokens("```make run```then ````a````b") if not t.mark] == [
        *("make", "run", "then", "a", "b")
    ]
    assert [t.text for t in tokens("- ```py\n  c\n  ```") if not t.mark] == ["c"]


def test_sentences_end_at_stops_and_lines_and_a_fence_is_one() -> None:
    text = "One. Two e.g. this! `Three`?\n\n```\na. b.\n```\nFour"
    assert [text[a:b] for a, b in sentences(text)] == [
        "One.",
        "Two e.g. this!",
        "`Three`?",
        "```\na. b.\n```",
        "Four",
    ]


@given(TEXT)
def test_tokens_and_sentences_stand_where_they_say(text: str) -> None:
    assert all(text[t.start : t.end] == t.text for t in tokens(text))
    assert all(text.count("\n", 0, t.start) == t.line for t in tokens(text))
    spans = sentences(text)
    assert spans == sorted(spans)
    assert all(a < b for a, b in spans)
    covered = "".join(text[a:b] for a, b in spans)
    assert "".join(covered.split()) == "".join(text.split())


@given(TEXT)
def test_code_ranges_are_in_order_and_apart(text: str) -> None:
    ranges = code_ranges(text)
    assert all(one[1] <= two[0] for one, two in pairwise(ranges))


def test_a_strings_prefix_is_no_part_of_its_first_word() -> None:
    assert atoms("run(f'pip install x', rb'tar')") == ["run", "f", "pip", "install", "x", "rb", "tar"]
    assert atoms("don't say o'clock, u're") == ["don't", "say", "o'clock", "u're"]


def test_terms_fold_endings_and_leave_stop_words_out() -> None:
    assert terms("How do I install the directories?") == terms("installing a directory")
    assert stem("classes") == stem("class")


def test_borders_never_cut_a_name() -> None:
    assert borders("os.path").search("os.path.join") is None
    assert borders("get").search("requests.get") is None
    assert borders("setup.py").search("It is in setup.py.")
    assert borders("pip install").search("pip\n  install")


def test_hostile_text_is_read_in_linear_time() -> None:
    for text in (
        "`" * 60_000,
        "`" * 60_000 + "a`",
        " ".join("`" * length for length in range(1, 350)),
        "```\n" * 15_000,
        "a." * 30_000,
        "/" * 60_000,
        "-" * 60_000,
        "a/" * 30_000,
        "`a" * 30_000,
    ):
        with works_within(2.0):
            tokens(text)
            sentences(text)


@pytest.mark.parametrize("part", ["a+", "1+", "a.-", "a@", "-.a", "a@b."])
def test_no_text_takes_the_square_of_its_length(part: str) -> None:
    with works_within(2.0):
        tokens(part * (60_000 // len(part)))
