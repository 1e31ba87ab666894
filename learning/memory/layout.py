"""What a lesson is found by: its words in a text, its questions, the words of a new one. Pure.

A table is a dict from such a key to the ids of the lessons, never changed: `patched` gives another one.
Left out: looking anything up (`index.py`). Run: `pytest tests/unit/learning/memory/test_index.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from learning.memory.background import Background
from learning.memory.conditions import condition, shares_of
from learning.memory.forms import PROSE, plurals, searched
from learning.memory.text import atoms, command
from storage.records import PhraseKind, PhraseWeight

UNSEEN = (PhraseKind.MENTION, PhraseKind.SILENCE, PhraseKind.LENGTH)
"""Lessons that no text shows."""

APART = ""
"""Opens the run of a command's first two words, which options may part."""

EVERY = ""
"""The word that every question holds: a lesson without a condition waits for it."""

Key = TypeVar("Key", bound=Hashable)
Ids = tuple[str, ...]
Found = dict[Key, list[str]]


def by(lessons: Iterable[PhraseWeight], keys: Callable[[PhraseWeight], Iterable[Key]]) -> Found[Key]:
    """The ids of lessons by what they are found by."""
    found: dict[Key, list[str]] = {}
    for lesson in lessons:
        for key in keys(lesson):
            found.setdefault(key, []).append(lesson.phrase.id)
    return found


def patched(
    part: dict[Key, Ids],
    less: Mapping[Key, Sequence[str]],
    more: Mapping[Key, Sequence[str]],
    order: Callable[[str], Any],
) -> dict[Key, Ids]:
    """A part with some ids taken out and others put in, those of one key in order."""
    result = dict(part)
    for key in less.keys() | more.keys():
        ids = {*result.pop(key, ())}.difference(less.get(key, ())).union(more.get(key, ()))
        if ids:
            result[key] = tuple(sorted(ids, key=order)) if len(ids) > 1 else tuple(ids)
    return result


def wrong_form(lesson: PhraseWeight) -> Ids:
    """The form that a correction is about."""
    return (lesson.phrase.text,) if lesson.phrase.kind is PhraseKind.CORRECTION else ()


def contexts_of(lesson: PhraseWeight) -> list[str]:
    """The questions that taught a lesson, each once."""
    return list(dict.fromkeys(text for text in lesson.contexts if text))


def unseen(lesson: PhraseWeight) -> tuple[PhraseKind, ...]:
    """Its kind, for a lesson that no text shows."""
    return (lesson.phrase.kind,) if lesson.phrase.kind in UNSEEN else ()


def runs_of(lesson: PhraseWeight) -> list[Ids]:
    """The atoms by which a text is searched; a word of prose is searched in its plural too."""
    if lesson.phrase.kind not in (PhraseKind.CORRECTION, PhraseKind.WORDING):
        return []
    run = tuple(searched(atom) for atom in atoms(lesson.phrase.text))
    if not run:
        return []
    if lesson.phrase.kind is PhraseKind.CORRECTION and lesson.phrase.context == PROSE:
        return [run, *(tuple(form.split()) for form in plurals(" ".join(run)))]
    if lesson.phrase.kind is PhraseKind.CORRECTION and len(run) > 1 and command(lesson.phrase.text):
        return [run, (APART, *run[:2])]
    return [run]


def words_of(lesson: PhraseWeight, background: Background) -> dict[str, float]:
    """What a mention waits for, each word with its part; what a silence's question says, with shares."""
    if lesson.phrase.kind is PhraseKind.SILENCE:
        return shares_of(next(iter(lesson.contexts), ""), background)
    if lesson.phrase.kind is PhraseKind.MENTION:
        found = condition(lesson.contexts, lesson.phrase.right, background)
        return {EVERY: 1.0} if found.always else dict(found.terms)
    return {}


def called_by(words: Mapping[str, Mapping[str, float]]) -> Callable[[PhraseWeight], Iterable[str]]:
    """The words that call up a lesson."""
    return lambda one: words[one.phrase.id] if one.phrase.kind is PhraseKind.MENTION else ()
