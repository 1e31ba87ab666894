"""PhraseIndex: one repository's active lessons, laid out so that finding the few that matter is fast. Pure.

Two ways lead to a lesson: its own wording stands in a text (`scan`), or a question is near the
questions that taught it (`near`). Neither looks at more than a bounded number of lessons, so 100,000
phrases cost what a thousand cost. Left out: approximate vector search; cosines are the caller's, asked
for a bounded number of questions. Run: `pytest tests/unit/learning/memory/test_index.py`.
"""

from __future__ import annotations

import math
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, pairwise

import numpy as np

from learning.memory.background import DEFAULT, Background
from learning.memory.chunks import PerChunk
from learning.memory.conditions import Condition, condition, topics
from learning.memory.forms import PROSE, plurals, program
from learning.memory.text import atoms, stem, terms
from learning.memory.weights import current
from storage.records import PhraseKind, PhraseWeight

Similarity = Callable[[list[str]], list[float]]
"""Cosines of the question at hand with the given texts, in [-1, 1]."""

LEXICAL = 0.5
"""Overlap of weighted terms, of two at least, from which two questions are near without an encoder."""

COSINE = 0.55
"""Cosine from which two questions are near (all-MiniLM-L6-v2, calibrated on so_python: see ADR 0003)."""

ASKED = 24
"""Questions that the encoder is asked about, at most."""

POSTINGS = 30_000
"""Entries of the inverted index that one look-up reads, at most."""

_QUESTION = 4000  # characters of a question that are compared; the rest of a long paste says little


@dataclass(frozen=True)
class PhraseIndex:
    """Made by `build`; one revision of one repository's weights. Only active lessons are in it."""

    lessons: tuple[PhraseWeight, ...]
    background: Background = field(repr=False)
    runs: dict[tuple[str, ...], tuple[int, ...]] = field(repr=False)
    lengths: dict[str, tuple[int, ...]] = field(repr=False)
    contexts: tuple[str, ...] = field(repr=False)
    taught: tuple[tuple[int, ...], ...] = field(repr=False)
    postings: dict[str, np.ndarray] = field(repr=False)
    norms: np.ndarray = field(repr=False)
    standing: tuple[int, ...] = field(repr=False)
    triggers: dict[str, tuple[tuple[int, float], ...]] = field(repr=False)
    always: tuple[int, ...] = field(repr=False)
    limits: tuple[PhraseWeight, ...] = field(repr=False)

    @classmethod
    def build(
        cls, weights: Iterable[PhraseWeight], now: datetime | None = None, background: Background = DEFAULT
    ) -> PhraseIndex:
        """Lay out the active lessons among `weights`, decayed to `now` where that is given."""
        lessons = tuple(current(weights, now))
        runs: dict[tuple[str, ...], list[int]] = defaultdict(list)
        taught: dict[str, list[int]] = defaultdict(list)
        for at, lesson in enumerate(lessons):
            for context in lesson.contexts:
                taught[context].append(at)
            if lesson.phrase.kind in (PhraseKind.CORRECTION, PhraseKind.WORDING):
                for run in _keys(lesson):
                    runs[run].append(at)
        lengths: dict[str, set[int]] = defaultdict(set)
        for run in runs:
            lengths[run[0]].add(len(run))
        postings, norms = _invert(list(taught), background)
        triggers, always = _conditions(lessons, background)
        return cls(
            lessons=lessons,
            background=background,
            runs={run: tuple(found) for run, found in runs.items()},
            lengths={first: tuple(sorted(sizes)) for first, sizes in lengths.items()},
            contexts=tuple(taught),
            taught=tuple(tuple(found) for found in taught.values()),
            postings=postings,
            norms=norms,
            standing=_standing(lessons, list(taught)),
            triggers=triggers,
            always=always,
            limits=tuple(w for w in lessons if w.phrase.kind is PhraseKind.LENGTH),
        )

    def scan(self, text: str) -> list[int]:
        """Lessons (CORRECTION, WORDING) whose atoms stand in a text in a row; each once, in reading order."""
        found: dict[int, None] = {}
        words = [program(atom.casefold()) for atom in atoms(text)]
        for at, word in enumerate(words):
            for size in self.lengths.get(word, ()):
                found.update(dict.fromkeys(self.runs.get(tuple(words[at : at + size]), ())))
            for part in word.split(".") if "." in word else ():
                if part in self.lengths:
                    found.update(dict.fromkeys(self.runs.get((part,), ())))
        return list(found)

    def near(self, question: str, similarity: Similarity | None = None) -> dict[int, float]:
        """Questions (by their place in `contexts`) near this one, with their relevance in (0, 1]."""
        if not self.contexts:
            return {}
        scores = self._overlap(question)
        found = {int(at): float(scores[at]) for at in np.flatnonzero(scores >= LEXICAL)[:1000]}
        if similarity is not None:
            best = np.argsort(-scores, kind="stable")[:ASKED] if len(scores) <= 4096 else _top(scores, ASKED)
            asked = list(dict.fromkeys([*(int(at) for at in best if scores[at] > 0), *self.standing]))[:ASKED]
            for at, cosine in zip(asked, similarity([self.contexts[a] for a in asked]), strict=True):
                if cosine >= COSINE:
                    found[at] = max(found.get(at, 0.0), min(1.0, cosine))
        return found

    def triggered(self, question: str) -> dict[int, float]:
        """Lessons whose learned condition the question meets: what the questions that taught them shared."""
        share: dict[int, float] = defaultdict(float)
        for term in dict.fromkeys(terms(question[:_QUESTION])):
            for lesson, part in self.triggers.get(term, ()):
                share[lesson] += part
        return {lesson: min(1.0, total) for lesson, total in share.items() if total >= 0.5}

    def _overlap(self, question: str) -> np.ndarray:
        own = term_weights(question[:_QUESTION], self.background)
        scores = np.zeros(len(self.contexts), dtype=np.float32)
        shared = np.zeros(len(self.contexts), dtype=np.int16)
        read = 0
        for term, weight in sorted(own.items(), key=lambda item: (-item[1], item[0])):
            posting = self.postings.get(term)
            if posting is None or read + len(posting) > POSTINGS:
                continue
            read += len(posting)
            scores[posting] += weight * weight
            shared[posting] += 1
        norm = math.sqrt(math.fsum(weight * weight for weight in own.values()))
        return np.where(shared > 1, scores / (self.norms * norm), 0.0) if norm else scores


def term_weights(text: str, background: Background) -> dict[str, float]:
    """Terms of a text, each with how much it says: what questions are compared by."""
    found: dict[str, float] = {}
    for word in dict.fromkeys(atom.casefold() for atom in atoms(text)):
        weight = background.single(word) if len(word) > 1 else 0.0
        if weight > 0.0:
            term = stem(word)
            found[term] = max(found.get(term, 0.0), weight)
    return found


def _top(scores: np.ndarray, count: int) -> np.ndarray:
    part = np.argpartition(-scores, count)[:count]
    return part[np.lexsort((part, -scores[part]))]


def _keys(lesson: PhraseWeight) -> list[tuple[str, ...]]:
    """The atoms by which a text is searched; a word of prose is searched in its plural too."""
    run = tuple(program(atom.casefold()) for atom in atoms(lesson.phrase.text))
    if not run:
        return []
    if lesson.phrase.kind is PhraseKind.CORRECTION and lesson.phrase.context == PROSE:
        return [run, *(tuple(form.split()) for form in plurals(" ".join(run)))]
    return [run]


def _invert(contexts: Sequence[str], background: Background) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """For each term the questions that hold it, ascending; for each question the length of its vector."""
    numbers: dict[str, int] = {}
    forms: list[tuple[int, float]] = []  # a term, and what one of its forms says

    def said(chunk: str) -> tuple[int, ...]:
        found = term_weights(chunk, background)
        forms.extend((numbers.setdefault(term, len(numbers)), weight) for term, weight in found.items())
        return tuple(range(len(forms) - len(found), len(forms)))

    known = PerChunk(said)
    read, ends = array("q"), array("q", [0])
    for context in contexts:
        read.extend(chain.from_iterable(map(known.__getitem__, context.split())))
        ends.append(len(read))
    if not forms:
        return {}, np.ones(len(contexts), dtype=np.float32)
    found = np.array(read, dtype=np.int64)
    term_of = np.array([term for term, _ in forms], dtype=np.int64)[found]
    weights, rank = np.unique([weight for _, weight in forms], return_inverse=True)
    context_of = np.repeat(np.arange(len(contexts)), np.diff(ends))
    # One number for question, term and weight: sorting puts a term's greatest weight in a question last.
    packed = np.sort((context_of * len(numbers) + term_of) * len(weights) + rank[found])
    pairs = packed // len(weights)
    last = np.append(pairs[1:] != pairs[:-1], True)
    pairs, squares = pairs[last], np.square(weights)[packed[last] % len(weights)]
    context_of, term_of = np.divmod(pairs, len(numbers))
    borders = np.searchsorted(context_of, np.arange(len(contexts) + 1)).tolist()
    listed = squares.tolist()
    norms = [math.sqrt(math.fsum(listed[a:b])) or 1.0 for a, b in pairwise(borders)]
    order = np.argsort(term_of, kind="stable")
    places = context_of[order].astype(np.int32)
    starts = np.searchsorted(term_of[order], np.arange(len(numbers) + 1))
    postings = {term: places[starts[n] : starts[n + 1]] for term, n in numbers.items()}
    return postings, np.array(norms, dtype=np.float32)


def _standing(lessons: Sequence[PhraseWeight], contexts: Sequence[str]) -> tuple[int, ...]:
    """Newest questions of the lessons that no text shows: these the encoder is asked about in any case."""
    place = {context: at for at, context in enumerate(contexts)}
    silent = [
        w for w in lessons if w.phrase.kind in (PhraseKind.MENTION, PhraseKind.SILENCE, PhraseKind.LENGTH)
    ]
    silent.sort(key=lambda w: (w.taught_at or w.as_of, w.phrase.id), reverse=True)
    return tuple(dict.fromkeys(place[c] for w in silent[: 4 * ASKED] for c in w.contexts[:2]))[:ASKED]


def _asked(lessons: Sequence[PhraseWeight]) -> tuple[list[str], list[str]]:
    """The questions whose answers were deleted, and the others that taught something."""
    deleted = {c: None for w in lessons if w.phrase.kind is PhraseKind.SILENCE for c in w.contexts[:1]}
    others = {c: None for w in lessons for c in w.contexts if c not in deleted} if deleted else {}
    return list(deleted), list(others)


def _conditions(
    lessons: Sequence[PhraseWeight], background: Background
) -> tuple[dict[str, tuple[tuple[int, float], ...]], tuple[int, ...]]:
    triggers: dict[str, list[tuple[int, float]]] = defaultdict(list)
    always: list[int] = []
    silence = topics(*_asked(lessons), background)
    for at, lesson in enumerate(lessons):
        kind = lesson.phrase.kind
        found = Condition((), False)
        if kind is PhraseKind.MENTION:
            found = condition(lesson.contexts, lesson.phrase.right, background)
        elif kind is PhraseKind.SILENCE:
            found = Condition(silence, False)
        if found.always:
            always.append(at)
        for term, part in found.terms:
            triggers[term].append((at, part))
    always.sort(key=lambda at: (-abs(lessons[at].weight), lessons[at].phrase.id))
    return {term: tuple(found[:200]) for term, found in triggers.items()}, tuple(always[:50])
