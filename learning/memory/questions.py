"""Questions: the texts that taught something, laid out so that those like a new one are found fast. Pure.

An inverted index that is never changed: `changed` gives another one, which shares with it what stayed the
same, so that a few new questions among 200,000 cost milliseconds. Left out: approximate vector search.
Run: `pytest tests/unit/learning/memory/test_questions.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise

import numpy as np

from learning.memory.background import DEFAULT, Background
from learning.memory.chunks import PerChunk
from learning.memory.conditions import topic_terms
from learning.memory.text import atoms, stem

POSTINGS = 30_000
"""Entries of the inverted index that one look-up reads, at most."""

_BLOCK = 4096  # texts that are cut up at a time
_NOBODY = np.empty(0, dtype=np.int32)


@dataclass(frozen=True)
class Questions:
    """Texts by place ("" where none is), and for each term the places that hold it.

    `norms` are the lengths of the texts' vectors, by place. `said` counts the texts that hold each word which
    may mark a topic (`conditions.topics`).
    """

    background: Background = field(default=DEFAULT, repr=False)
    texts: tuple[str, ...] = ()
    places: dict[str, int] = field(default_factory=dict, repr=False)
    free: tuple[int, ...] = field(default=(), repr=False)
    postings: dict[str, np.ndarray] = field(default_factory=dict, repr=False)
    norms: np.ndarray = field(default_factory=lambda: np.ones(0, dtype=np.float32), repr=False)
    said: dict[str, int] = field(default_factory=dict, repr=False)

    def changed(self, gone: Sequence[str], come: Sequence[str]) -> Questions:
        """The same without the texts `gone`, which are in it, and with `come`, which are not."""
        if not gone and not come:
            return self
        texts, places = list(self.texts), dict(self.places)
        left = [places.pop(text) for text in gone]
        for place in left:
            texts[place] = ""
        free = [*self.free, *left]
        for text in come:
            if free:
                places[text] = free.pop()
                texts[places[text]] = text
            else:
                places[text] = len(texts)
                texts.append(text)
        taken = np.array([places[text] for text in come], dtype=np.int32)
        norms = np.ones(len(texts), dtype=np.float32)
        norms[: len(self.norms)] = self.norms
        before, after = _read(gone, self.background), _read(come, self.background)
        norms[left], norms[taken] = 1.0, after.norms
        postings, said = dict(self.postings), dict(self.said)
        for term, holders in before.holders.items():
            there = postings.pop(term)
            kept = there[~np.isin(there, np.take(left, holders))]
            if len(kept):
                postings[term] = kept
        for term, holders in after.holders.items():
            postings[term] = np.concatenate((postings.get(term, _NOBODY), taken[holders]))
        for term, texts_ in before.said.items():
            said[term] -= texts_
            if not said[term]:
                del said[term]
        for term, count in after.said.items():
            said[term] = said.get(term, 0) + count
        return Questions(self.background, tuple(texts), places, tuple(free), postings, norms, said)

    def overlap(self, question: str) -> np.ndarray:
        """How alike each text is to a question, by place: cosine of weighted terms, 0 for fewer than two."""
        own = term_weights(question, self.background)
        scores = np.zeros(len(self.texts), dtype=np.float32)
        shared = np.zeros(len(self.texts), dtype=np.int16)
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

    def best(self, scores: np.ndarray, least: float, most: int) -> dict[str, float]:
        """The texts that score `least` and more (and more than nothing), best first, at most so many."""
        at = np.flatnonzero(scores >= max(least, 1e-9))
        if len(at) > most:
            edge = np.partition(scores[at], len(at) - most)[len(at) - most]
            at = at[scores[at] >= edge]
        found = sorted((-float(scores[place]), self.texts[place]) for place in at.tolist())
        return {text: -score for score, text in found[:most]}


@dataclass(frozen=True)
class _Read:
    """Which of some texts hold each term, by their numbers; their norms; how many hold each topic's word."""

    holders: dict[str, np.ndarray]
    norms: np.ndarray
    said: dict[str, int]


def _read(texts: Sequence[str], background: Background) -> _Read:
    """Read many texts at once: each different chunk is looked at once, the rest is sorting of numbers."""
    if not texts:
        return _Read({}, np.ones(0, dtype=np.float32), {})
    chunks, read, text_of = _chunks(texts)
    holders, norms = _holders(
        [term_weights(chunk, background) for chunk in chunks], read, text_of, len(texts)
    )
    numbers: dict[str, int] = {}
    words = [[numbers.setdefault(term, len(numbers)) for term in topic_terms(chunk)] for chunk in chunks]
    at, owner = _spread([len(found) for found in words], read, text_of)
    flat = np.array(list(chain.from_iterable(words)), dtype=np.int64)
    held = np.sort(owner * len(numbers) + flat[at])
    held = held[np.append(held[1:] != held[:-1], True)] if len(held) else held
    counts = np.bincount(held % max(1, len(numbers)), minlength=len(numbers)).tolist()
    return _Read(holders, norms, dict(zip(numbers, counts, strict=True)))


def _chunks(texts: Sequence[str]) -> tuple[list[str], np.ndarray, np.ndarray]:
    """The different chunks of some texts, and for each chunk as it is read its number and its text's."""
    numbers: PerChunk[int] = PerChunk(lambda _: len(numbers))
    read, sizes = [], list[int]()
    for start in range(0, len(texts), _BLOCK):
        cut = [text.split() for text in texts[start : start + _BLOCK]]
        sizes += map(len, cut)
        read.append(np.fromiter(map(numbers.__getitem__, chain.from_iterable(cut)), dtype=np.int64))
    return list(numbers), np.concatenate(read), np.repeat(np.arange(len(texts)), sizes)


def _spread(sizes: Sequence[int], read: np.ndarray, text_of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where in a flat list of what the chunks hold stands all that is read, and in which text it is read."""
    size = np.array(sizes, dtype=np.int64)
    each = size[read]
    first = (np.cumsum(size) - size)[read] - (np.cumsum(each) - each)
    at = np.repeat(first, each)
    return at + np.arange(len(at)), np.repeat(text_of, each)


def _holders(
    chunks: Sequence[dict[str, float]], read: np.ndarray, text_of: np.ndarray, count: int
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """For each term the texts that hold it, ascending; for each text the length of its vector."""
    numbers: dict[str, int] = {}
    forms = [numbers.setdefault(term, len(numbers)) for found in chunks for term in found]
    if not forms:
        return {}, np.ones(count, dtype=np.float32)
    at, owner = _spread([len(found) for found in chunks], read, text_of)
    weights, rank = np.unique([w for found in chunks for w in found.values()], return_inverse=True)
    # One number for text, term and weight: sorting puts a term's greatest weight in a text last.
    packed = (owner * len(numbers) + np.array(forms, dtype=np.int64)[at]) * len(weights) + rank[at]
    packed.sort()
    pairs = packed // len(weights)
    last = np.append(pairs[1:] != pairs[:-1], True)
    pairs, squares = pairs[last], np.square(weights)[packed[last] % len(weights)]
    owner, term_of = np.divmod(pairs, len(numbers))
    borders = np.searchsorted(owner, np.arange(count + 1)).tolist()
    listed = squares.tolist()
    norms = [math.sqrt(math.fsum(listed[a:b])) or 1.0 for a, b in pairwise(borders)]
    order = np.argsort(term_of, kind="stable")
    starts = np.searchsorted(term_of[order], np.arange(len(numbers) + 1)).tolist()
    holders = owner[order]
    found = {term: holders[starts[n] : starts[n + 1]] for term, n in numbers.items()}
    return found, np.array(norms, dtype=np.float32)


def term_weights(text: str, background: Background) -> dict[str, float]:
    """Terms of a text, each with how much it says: what questions are compared by."""
    found: dict[str, float] = {}
    for word in dict.fromkeys(atom.casefold() for atom in atoms(text)):
        weight = background.single(word) if len(word) > 1 else 0.0
        if weight > 0.0:
            term = stem(word)
            found[term] = max(found.get(term, 0.0), weight)
    return found
