"""The index: bounded look-ups, the same answer whatever the order of its weights."""

from __future__ import annotations

from learning.memory.choice import choose
from learning.memory.index import PhraseIndex
from learning.memory.weights import weigh
from storage.records import Evidence, Permission, Phrase, PhraseKind, PhraseWeight
from tests.unit.learning.memory.people import NOW, taught, words


def many(count: int) -> list[PhraseWeight]:
    found = []
    for n in range(count):
        phrase = Phrase(
            id=f"p{n}",
            repository_id=1,
            kind=PhraseKind.CORRECTION,
            text=f"old_{n}",
            right=f"new_{n}",
            context="code",
        )
        row = Evidence(
            phrase_id=phrase.id,
            event_id=f"f{n}",
            answer_id=f"a{n}",
            actor_id=1,
            actor_login="w",
            permission=Permission.WRITE,
            mass=1.0,
            at=NOW,
            question=f"How is stanza{n % 50} told from gadget{n % 7}?",
        )
        found.append(weigh(phrase, [row], NOW))
    return found


def test_a_choice_does_not_depend_on_the_order_of_the_weights() -> None:
    weights = many(300)
    question = "stanza3 and gadget3, old_77?"
    one, two = (choose(PhraseIndex.build(w), question, 200, words) for w in (weights, weights[::-1]))
    assert one.phrase_ids == two.phrase_ids
    assert one.corrections[0].phrase.text == "old_77"


def test_scanning_finds_names_within_dots_plurals_and_versions() -> None:
    index = PhraseIndex.build(
        taught(
            ("q", "import logging\n\nlogging.info(x)", "import structlog\n\nstructlog.info(x)"),
            ("q", "Open the directory.", "Open the folder."),
            ("q", "Run `pip install x`.", "Run `uv add x`."),
        )
    )
    text = "logging.debug(x) lists directories; pip3 install y"
    assert {index.lessons[at].phrase.text for at in index.scan(text)} == {
        "logging",
        "directory",
        "pip install",
    }


def test_an_empty_index_knows_nothing() -> None:
    index = PhraseIndex.build(())
    assert index.scan("anything") == []
    assert index.near("anything") == {}
    assert not choose(index, "anything", 200, words)
