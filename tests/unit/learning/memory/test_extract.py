"""The phrases of a text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from learning.memory.background import DEFAULT
from learning.memory.extract import LONGEST, PHRASES, extract, openings, shared_out
from learning.memory.text import STOP


def test_names_paths_and_code_are_whole() -> None:
    found = dict(extract("Call `client.get_all(x)` from src/a/io.py with --dry-run.", DEFAULT))
    assert {"client.get_all", "src/a/io.py", "--dry-run"} <= set(found)


def test_what_only_repeats_the_question_is_left_out() -> None:
    found = dict(extract("Frobnicate the gadget.", DEFAULT, "How do I frobnicate?"))
    assert "frobnicate" not in found
    assert "gadget" in found


def test_runs_do_not_cross_a_comma_or_code() -> None:
    assert not [
        t
        for t, _ in extract("rare alpha, beta `x_y` gamma", DEFAULT)
        if "alpha beta" in t or "beta gamma" in t
    ]


@given(st.text(alphabet="abcdefgh thewix.,`_\n", max_size=400))
def test_phrases_are_few_short_and_never_stop_words_alone(text: str) -> None:
    found = extract(text, DEFAULT)
    assert len(found) <= PHRASES
    assert len({phrase for phrase, _ in found}) == len(found)
    for phrase, says in found:
        assert 0.0 < says <= 1.0
        assert len(phrase.split()) <= LONGEST
        assert not all(word in STOP for word in phrase.split())


@given(st.lists(st.floats(0.01, 1.0), max_size=12), st.floats(-1, 1))
def test_mass_is_shared_out_and_none_is_made(says: list[float], mass: float) -> None:
    shared = shared_out([(str(n), s) for n, s in enumerate(says)], mass)
    assert sum(abs(part) for _, part in shared) <= abs(mass) + 1e-9


def test_how_a_text_opens_is_a_phrase() -> None:
    assert "here's an example" in dict(openings("Here's an example of how to do it:", DEFAULT))
    assert openings("It is the one", DEFAULT) == []
