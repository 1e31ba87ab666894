"""A file is read with its lines, and what a few keys never need is refused in a sentence, at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.yaml_file import LARGEST, Refused, read


def test_values_and_their_lines_are_those_of_yaml_1_2() -> None:
    text = (
        "# first\n"
        "learning: on\nlanguage: no\nquiet_hours:\n"
        "  - {from: 22:00, to: 07:00}\nn: 3\nb: true\nf: .5\nq: '3'\n"
    )
    found = read(text)
    assert found.values == {
        "learning": "on",
        "language": "no",
        "quiet_hours": [{"from": "22:00", "to": "07:00"}],
        "n": 3,
        "b": True,
        "f": 0.5,
        "q": "3",
    }
    assert found.lines["learning",] == 2 and found.lines["quiet_hours", 0, "to"] == 5


@pytest.mark.parametrize("text", ["", "~", "# only a comment\n", "---\n"])
def test_an_empty_file_chooses_nothing(text: str) -> None:
    assert read(text).values == {}


@pytest.mark.parametrize(
    ("text", "reason", "line"),
    [
        ("a: &x 1\nb: *x", "anchor", 1),
        ("a: *x", "anchor", 1),
        ("a: 1\nb: !!python/object/apply:os.system ['true']", "tag", 2),
        ("a: 1\n---\nb: 2", "several documents", 2),
        ("a:\n\tb: 1", "tab", 2),
        ("a: [", "no YAML", 1),
        ("- a list", "no mapping", 1),
        ("just words", "no mapping", 1),
        ("? [a]\n: 1", "a key is a word", 1),
        ("a: {b: {c: {d: {e: {f: 1}}}}}", "deep", 1),
        ("{" * 16_000, "brackets", 0),
        ("[" * 16_000, "brackets", 0),
        ("a: 1\n" * LARGEST, "characters", 0),
        ("a: \x00", "character", 0),
        ("".join(f"k{n}: 1\n" for n in range(1500)), "values", 1000),
    ],
)
def test_what_is_no_configuration_is_refused_with_its_line(text: str, reason: str, line: int) -> None:
    with pytest.raises(Refused, match=reason) as refused:
        read(text)
    assert refused.value.line == line


def test_a_bomb_is_refused_before_it_is_built() -> None:
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 10)]
    with pytest.raises(Refused, match="anchor"):
        read("\n".join(["l0: &l0 lol", *levels]))


def test_a_key_said_twice_is_told_with_its_line() -> None:
    assert read("a: 1\nb: {c: 1, c: 2}\na: 3").twice == ((("b", "c"), 2), (("a",), 3))


@given(st.text(alphabet="ab:- \n\t{}[],&*!'\"#|>?%@`1~\ufeff\u2028é", max_size=60))
def test_whatever_stands_there_is_read_or_refused(text: str) -> None:
    try:
        assert isinstance(read(text).values, dict)
    except Refused as refused:
        assert str(refused)
