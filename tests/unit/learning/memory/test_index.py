"""The index: bounded look-ups, the same answer whatever the order of its weights."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

import pytest

from learning.memory.choice import assess, choose
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
    assert {index.lesson(name).phrase.text for name in index.scan(text)} == {
        "logging",
        "directory",
        "pip install",
    }


def test_an_empty_index_knows_nothing() -> None:
    index = PhraseIndex.build(())
    assert index.scan("anything") == []
    assert index.near("anything") == {}
    assert not choose(index, "anything", 200, words)


TEXTS = ("alpha_x", "beta_x", "gamma_x", "directory", "folder", "logging", "simply put")
ASKED = (
    "stanza of a gadget",
    "gadget without stanza",
    "my widget broke",
    "why is the socket closed",
    "sort it",
)
KINDS = (*PhraseKind, PhraseKind.CORRECTION, PhraseKind.CORRECTION, PhraseKind.MENTION, PhraseKind.SILENCE)


def drawn(random: Random, number: int, at: datetime) -> PhraseWeight:
    """A weight of any kind; few words and questions, so that lessons meet and contradict each other."""
    kind = KINDS[number % len(KINDS)]
    text, right = Random(number).sample(TEXTS, 2)
    asked = tuple(random.choice(ASKED) for _ in range(random.randint(1, 4)))
    phrase = Phrase(
        id=f"p{number}",
        repository_id=1,
        kind=kind,
        text={PhraseKind.SILENCE: asked[0], PhraseKind.LENGTH: ""}.get(kind, text),
        right=f"See `docs/{right}`." if kind is PhraseKind.MENTION else right,
        context=("code", "prose")[number % 2] if kind is PhraseKind.CORRECTION else "",
        limit_words=10 + number if kind is PhraseKind.LENGTH else 0,
    )
    rows = [
        Evidence(
            phrase_id=phrase.id,
            event_id=f"f{number}{n}",
            answer_id=f"a{number}{n}",
            actor_id=n,
            actor_login="w",
            permission=random.choice((Permission.WRITE, Permission.READ)),
            mass=random.choice((1.0, 0.5, -1.0) if kind is PhraseKind.WORDING else (1.0, 0.5)),
            at=at - timedelta(days=random.randint(0, 3)),
            question=question,
        )
        for n, question in enumerate(asked)
    ]
    return weigh(phrase, rows, at)


def says(index: PhraseIndex) -> object:
    """Everything that an index can be asked, and what it is made of; not where it keeps it."""
    cosine = {text: Random(text).random() for text in ASKED}
    choices = [
        choose(index, question, 60, words, similarity)
        for question in (*ASKED, "alpha_x or beta_x?", "a directory", "stanza")
        for similarity in (None, lambda texts: [cosine[text] for text in texts])
    ]
    judged = [
        assess(index, f"Use `{text}` in the {text}. " * 9, choices[n % 5]) for n, text in enumerate(TEXTS)
    ]
    asked = index.questions
    terms = {t: sorted(asked.texts[place] for place in found) for t, found in asked.postings.items()}
    norms = {text: float(asked.norms[place]) for text, place in asked.places.items()}
    parts = (index.held, index.rivals, index.runs, index.taught, index.words, index.triggers, index.silent)
    return choices, judged, index.lessons, parts, terms, norms, asked.said


@pytest.mark.parametrize("seed", range(12))
def test_an_index_brought_up_to_date_is_the_one_built_anew(seed: int) -> None:
    random = Random(seed)
    stored: dict[str, PhraseWeight] = {}
    now, index = NOW, PhraseIndex.build((), NOW)
    for _ in range(25):
        now += timedelta(days=random.choice((0, 0, 1, 30, 400)))
        touched = {f"p{n}": drawn(random, n, now) for n in random.sample(range(40), random.randint(0, 6))}
        dropped = random.sample(sorted(stored), min(len(stored), random.randint(0, 2)))
        before = says(index)
        news = {**touched, **dict.fromkeys(dropped)}
        later = index.changed(news, now)
        assert says(index) == before, "an index that somebody reads is never changed"
        stored = {name: one for name, one in {**stored, **news}.items() if one is not None}
        shuffled = random.sample(sorted(stored), len(stored))
        assert says(later) == says(PhraseIndex.build([stored[name] for name in shuffled], now))
        index = later


def test_a_correction_that_a_newer_one_silenced_holds_again_once_that_is_taken_back() -> None:
    old, new = (
        taught(("q", "Call `load_all(x)`.", f"Call `{name}(x)`."))[0] for name in ("load_some", "load_few")
    )
    new = replace(new, taught_at=NOW + timedelta(days=1))
    index = PhraseIndex.build([old, new])
    assert [one.phrase.right for one in index.lessons] == ["load_few"]
    assert [one.phrase.right for one in index.changed({new.phrase.id: None}).lessons] == ["load_some"]


def test_what_lapses_while_nobody_teaches_leaves_the_index() -> None:
    index = PhraseIndex.build(taught(("q", "Do simply it.", "Do it.")), NOW + timedelta(days=1))
    assert index.lessons
    later = index.changed({}, NOW + timedelta(days=361))
    assert not later.lessons
    assert not later.questions.places
