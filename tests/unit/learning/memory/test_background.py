"""How specific a wording is."""

from __future__ import annotations

import pytest

from learning.memory.background import DEFAULT, Background


def test_what_everybody_writes_says_nothing_and_a_rare_name_says_all() -> None:
    assert DEFAULT.specificity(["the"]) == DEFAULT.specificity(["list"]) == 0.0
    assert DEFAULT.specificity(["frobnicator"]) == 1.0
    assert 0.0 < DEFAULT.specificity(["directory"]) < DEFAULT.specificity(["folder"]) < 1.0


def test_a_run_is_no_commoner_than_its_rarest_word() -> None:
    assert DEFAULT.specificity(["directory", "listing"]) >= DEFAULT.specificity(["directory"])


def test_a_repositorys_own_answers_make_its_words_common() -> None:
    own = Background.of(["The frobnicator does it."] * 30)
    assert own.specificity(["frobnicator"]) == 0.0
    assert own.specificity(["folder"]) == DEFAULT.specificity(["folder"])


def test_a_handful_of_texts_is_no_background() -> None:
    assert Background.of(["The frobnicator does it."] * 5).specificity(["frobnicator"]) == 1.0


@pytest.mark.parametrize(
    ("word", "ordinary"), [("directory", True), ("numpy", False), ("load_all", False), ("pip", False)]
)
def test_words_of_the_language_are_told_from_names(word: str, ordinary: bool) -> None:
    assert DEFAULT.ordinary(word) is ordinary
