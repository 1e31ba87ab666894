"""PhraseIndex: one repository's active lessons, laid out so that finding the few that matter is fast. Pure.

Two ways lead to a lesson: its own wording stands in a text (`scan`), or a question is near the questions that
taught it (`near`, `triggered`). None looks at more than a bounded number of lessons, so 100,000 phrases cost
what a thousand cost. An index is never changed: `changed` gives another one, in which only what new weights
concern is laid out anew: the same that `build` makes of all of them. Left out: approximate vector search;
cosines are the caller's. Run: `pytest tests/unit/learning/memory/test_index.py`.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from learning.memory.background import DEFAULT, Background
from learning.memory.commands import WINDOW
from learning.memory.conditions import topics
from learning.memory.forms import searched
from learning.memory.layout import (
    APART,
    EVERY,
    UNSEEN,
    Found,
    Ids,
    Key,
    by,
    called_by,
    contexts_of,
    patched,
    runs_of,
    unseen,
    words_of,
    wrong_form,
)
from learning.memory.questions import Questions
from learning.memory.text import PROGRAMS, atoms, terms
from learning.memory.weights import decayed, holds, lapsed, lapses_at, taught
from storage.records import PhraseKind, PhraseWeight

Similarity = Callable[[list[str]], list[float]]
"""Cosines of the question at hand with the given texts, in [-1, 1]."""

LEXICAL = 0.5
"""Overlap of weighted terms, of two at least, from which two questions are near without an encoder."""

COSINE = 0.55
"""Cosine from which two questions are near (all-MiniLM-L6-v2, calibrated on so_python: see ADR 0003)."""

ASKED = 24
"""Questions that the encoder is asked about, at most."""

NEAR, CALLED, ALWAYS = 1000, 200, 50
"""Questions near by their words, lessons that one word calls up, lessons for every question: at most."""

_QUESTION = 4000  # characters of a question that are compared; the rest of a long paste says little


@dataclass(frozen=True, eq=False)
class PhraseIndex:
    """One revision of one repository's weights, as of `now`; lessons go by their phrases' ids.

    `active` are the active weights as stored, `rivals` the corrections by wrong form; all else is about
    the lessons in `held`, which no newer one contradicts. `words`: a mention's condition, and what the
    question of a silence says.
    """

    now: datetime | None = None
    background: Background = field(default=DEFAULT, repr=False)
    active: dict[str, PhraseWeight] = field(default_factory=dict, repr=False)
    lapse: datetime | None = None
    rivals: dict[str, Ids] = field(default_factory=dict, repr=False)
    held: dict[str, PhraseWeight] = field(default_factory=dict, repr=False)
    runs: dict[Ids, Ids] = field(default_factory=dict, repr=False)
    lengths: dict[str, tuple[int, ...]] = field(default_factory=dict, repr=False)
    taught: dict[str, Ids] = field(default_factory=dict, repr=False)
    questions: Questions = field(default_factory=Questions, repr=False)
    words: dict[str, dict[str, float]] = field(default_factory=dict, repr=False)
    triggers: dict[str, Ids] = field(default_factory=dict, repr=False)
    silent: dict[PhraseKind, Ids] = field(default_factory=dict, repr=False)
    _faded: dict[str, PhraseWeight] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def build(
        cls, weights: Iterable[PhraseWeight], now: datetime | None = None, background: Background = DEFAULT
    ) -> PhraseIndex:
        """Lay out the active lessons among `weights`, decayed to `now` where that is given."""
        empty = cls(background=background, questions=Questions(background))
        return empty.changed({weight.phrase.id: weight for weight in weights}, now)

    def changed(self, weights: Mapping[str, PhraseWeight | None], now: datetime | None = None) -> PhraseIndex:
        """The index of a later moment; `weights` are what changed, by phrase id, None for what is no more."""
        active, lapse, stale = self._active(weights, now)
        wrongs = (
            by((w for name in stale if (w := self.active.get(name))), wrong_form),
            by((w for name in stale if (w := active.get(name))), wrong_form),
        )
        rivals = patched(self.rivals, *wrongs, str)

        def newest(wrong: str) -> PhraseWeight | None:
            return max((active[name] for name in rivals.get(wrong, ())), key=taught, default=None)

        forms = wrongs[0].keys() | wrongs[1].keys()
        opposed = {self.active[name].phrase.right for form in forms for name in self.rivals.get(form, ())}
        opposed |= {active[name].phrase.right for form in forms for name in rivals.get(form, ())}
        stale.update(name for form in forms | opposed for name in rivals.get(form, ()))
        held, gone, come = dict(self.held), list[PhraseWeight](), list[PhraseWeight]()
        for name in stale:
            old, new = held.pop(name, None), active.get(name)
            if new and (new.phrase.kind is not PhraseKind.CORRECTION or holds(new, newest)):
                held[name] = new
            if old != held.get(name):
                gone += [old] if old else []
                come += [held[name]] if name in held else []
        found = replace(self, now=now, active=active, lapse=lapse, rivals=rivals, held=held)
        return found._laid_out(gone, come) if gone or come else found

    @property
    def lessons(self) -> tuple[PhraseWeight, ...]:
        """All that hold, as of `now`, the heaviest as stored first."""
        return tuple(self.lesson(name) for name in sorted(self.held, key=self._order))

    def lesson(self, name: str) -> PhraseWeight:
        """One that holds, as of `now`. Most are never asked for, so they fade when they are."""
        faded = self._faded.get(name)
        if faded is None:
            stored = self.held[name]
            faded = self._faded[name] = stored if self.now is None else decayed(stored, self.now)
        return faded

    def scan(self, text: str) -> list[str]:
        """Lessons (CORRECTION, WORDING) whose atoms stand in a text in a row; each once, in reading order."""
        found: dict[str, None] = {}
        words = [searched(atom) for atom in atoms(text)]
        for at, word in enumerate(words):
            for size in self.lengths.get(word, ()):
                found.update(dict.fromkeys(self.runs.get(tuple(words[at : at + size]), ())))
            for later in words[at + 1 : at + WINDOW] if word in PROGRAMS else ():
                found.update(dict.fromkeys(self.runs.get((APART, word, later), ())))
            for part in word.split(".") if "." in word else ():
                if part in self.lengths:
                    found.update(dict.fromkeys(self.runs.get((part,), ())))
        return list(found)

    def near(self, question: str, similarity: Similarity | None = None) -> dict[str, float]:
        """Questions that taught something and are near this one, with their relevance in (0, 1]."""
        scores = self.questions.overlap(question[:_QUESTION])
        found = self.questions.best(scores, LEXICAL, NEAR)
        asked = [*self.questions.best(scores, 0.0, ASKED), *self._standing] if similarity else []
        asked = list(dict.fromkeys(asked))[:ASKED]
        if similarity and asked:
            for text, cosine in zip(asked, similarity(asked), strict=True):
                if cosine >= COSINE:
                    found[text] = max(found.get(text, 0.0), min(1.0, cosine))
        return found

    def triggered(self, question: str) -> dict[str, float]:
        """Lessons whose learned condition the question meets: what the questions that taught them shared."""
        share: dict[str, float] = defaultdict(float)
        for term in dict.fromkeys(terms(question[:_QUESTION])):
            called = self.triggers.get(term, ())[:CALLED]
            if term in self._topics:
                called = tuple(sorted((*called, *self._silences), key=self._order)[:CALLED])
            for name in called:
                said = self.held[name].phrase.kind is PhraseKind.MENTION
                share[name] += self.words[name][term] if said else 1.0
        return {name: min(1.0, total) for name, total in share.items() if total >= 0.5}

    @cached_property
    def always(self) -> Ids:
        """The heaviest lessons that concern every question."""
        every = self.triggers.get(EVERY, ())
        return tuple(heapq.nsmallest(ALWAYS, every, key=lambda name: (-abs(self.lesson(name).weight), name)))

    @cached_property
    def limits(self) -> tuple[PhraseWeight, ...]:
        """Every limit of length that was taught."""
        return tuple(map(self.lesson, self.silent.get(PhraseKind.LENGTH, ())))

    @cached_property
    def _topics(self) -> frozenset[str]:
        """Words that mark a question to leave alone."""
        silences = [self.held[name] for name in self.silent.get(PhraseKind.SILENCE, ())]
        asked = {w.contexts[0]: self.words[w.phrase.id] for w in silences if w.contexts}
        return frozenset(topics(asked.values(), self.questions.said))

    @cached_property
    def _silences(self) -> Ids:
        """The heaviest lessons that one such word calls up."""
        return self.silent.get(PhraseKind.SILENCE, ())[:CALLED]

    @cached_property
    def _standing(self) -> Ids:
        """Newest questions of the lessons that no text shows: the encoder is always asked about these."""
        silent = (self.held[name] for kind in UNSEEN for name in self.silent.get(kind, ()))
        newest = heapq.nlargest(4 * ASKED, silent, key=lambda w: (w.taught_at or w.as_of, w.phrase.id))
        return tuple(dict.fromkeys(text for w in newest for text in w.contexts[:2] if text))[:ASKED]

    def _order(self, name: str) -> tuple[float, str]:
        return (-abs(self.held[name].weight), name)

    def _active(
        self, weights: Mapping[str, PhraseWeight | None], now: datetime | None
    ) -> tuple[dict[str, PhraseWeight], datetime | None, set[str]]:
        """The weights that act `now`, until when all of them do, and the ids of those that changed."""
        active, stale = dict(self.active), set(weights)
        ends = [self.lapse] if self.lapse else []
        for name, weight in weights.items():
            if weight and weight.active:
                active[name] = weight
                ends.append(lapses_at(weight))
            else:
                active.pop(name, None)
        lapse = min(ends, default=None)
        if now and lapse and lapse < now:
            old = [name for name, weight in active.items() if lapsed(weight, now)]
            stale.update(old)
            for name in old:
                del active[name]
            lapse = min(map(lapses_at, active.values()), default=None)
        return active, lapse, stale

    def _laid_out(self, gone: Sequence[PhraseWeight], come: Sequence[PhraseWeight]) -> PhraseIndex:
        """The same with its parts brought from the lessons that were held to those that are."""
        words = dict(self.words)
        for lesson in gone:
            words.pop(lesson.phrase.id, None)
        words.update(
            (lesson.phrase.id, words_of(lesson, self.background)) for lesson in come if unseen(lesson)
        )

        def keyed(keys: Callable[[PhraseWeight], Iterable[Key]]) -> tuple[Found[Key], Found[Key]]:
            return by(gone, keys), by(come, keys)

        runs, contexts = keyed(runs_of), keyed(contexts_of)
        taught = patched(self.taught, *contexts, self._order)
        lengths = dict(self.lengths)  # one that no run has any more finds nothing, and so may stay
        for run in runs[1]:
            if len(run) not in lengths.get(run[0], ()):
                lengths[run[0]] = tuple(sorted((*lengths.get(run[0], ()), len(run))))
        called = by(gone, called_by(self.words)), by(come, called_by(words))
        return replace(
            self,
            runs=patched(self.runs, *runs, self._order),
            lengths=lengths,
            taught=taught,
            questions=self.questions.changed(
                [text for text in contexts[0] if text not in taught],
                [text for text in contexts[1] if text not in self.taught],
            ),
            words=words,
            triggers=patched(self.triggers, *called, self._order),
            silent=patched(self.silent, *keyed(unseen), self._order),
        )
