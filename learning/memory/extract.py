"""The phrases of a text that a thumb speaks about: few, specific, and not the question's own words. Pure.

Word runs of 1 to 4 within one clause, never stop-words at either end; names, paths and programs whole.
Left out: phrases with gaps. Run: `pytest tests/unit/learning/memory/test_extract.py`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from typing import TypeVar

from learning.memory.background import HALVES, RARE, Background
from learning.memory.text import PROGRAMS, STOP, normal, shaped, stem, terms, tokens

LONGEST = 4
"""Words of a run, at most."""

LEAST = 8.0
"""Specificity that an event's mass is shared by at least: one thumb on three words condemns none of them."""

PHRASES = 8
"""Phrases of one text, at most: an event's mass is shared by these."""

Said = TypeVar("Said")

_Found = dict[str, tuple[float, int, int]]  # phrase: what it says, and its atoms from … to before …
_Clause = tuple[int, list[str]]  # the place of its first atom, and its words
_Runs = dict[tuple[float, int], list[tuple[_Clause, int]]]  # (-what they say, words): where they start
_CLAUSE = re.compile(r"[,;:.!?\n`]")
_OVERLAP = 2  # phrases that may hold the same atom


def extract(
    text: str, background: Background, question: str = "", most: int = PHRASES, least: int = 1
) -> list[tuple[str, float]]:
    """The phrases of `text`, each with its specificity in (0, 1], the most specific first.

    Skips what only repeats the question. `least` is the fewest words of a run of prose.
    """
    asked = _asked(question)
    found: _Found = {}
    if least == 1:
        for run, says in openings(text, background)[:1]:
            if asked.isdisjoint(terms(run)):
                found[run] = (says, 0, 0)
    clauses: list[_Clause] = []
    words: list[str] = []
    line = -1
    for at, (word, _, _, where, code, mark) in enumerate(tokens(text)):
        if mark or where != line:
            line, words = where, []
        if mark:
            continue
        if code or shaped(word):
            _name(word, at, asked, found)
            words = []
            continue
        if not words:
            clauses.append((at, words))
        words.append(word.casefold())
    runs: _Runs = defaultdict(list)
    for clause in clauses:
        _runs(clause, background, asked, least, runs)
    return _best(found, runs, most)


@lru_cache(maxsize=64)
def _asked(question: str) -> frozenset[str]:
    return frozenset(terms(question))


def openings(text: str, background: Background) -> list[tuple[str, float]]:
    """How a text begins ("here's an example of …"), in three and in four words, with what that says.

    Set phrases are known by how they open, stop-words and all; never stop-words alone.
    """
    words = normal(_CLAUSE.split(text.strip()[:200], maxsplit=1)[0]).split()
    found: list[tuple[str, float]] = []
    for size in (3, 4):
        run = words[:size]
        plain = [background.shares.get(word, 0.001) for word in run if word not in STOP]
        if len(run) == size and plain:
            found.append((" ".join(run), background.specificity_of(min(plain) * 0.5 ** (size - 1))))
    return [(run, says) for run, says in found if says > 0.0]


def _name(text: str, at: int, asked: frozenset[str], found: _Found) -> None:
    if text.isdigit() or len(text) < 3 or stem(text.casefold()) in asked:
        return
    if shaped(text) or text in PROGRAMS:
        found.setdefault(text, (1.0, at, at + 1))


def _runs(clause: _Clause, background: Background, asked: frozenset[str], least: int, found: _Runs) -> None:
    """Note the runs of one clause by what they say; few of them are ever put together."""
    words = clause[1]
    stops = [word in STOP or word.isdigit() for word in words]
    new = [not stop and stem(word) not in asked for word, stop in zip(words, stops, strict=True)]
    if True not in new:
        return
    get, says_of, heads = background.shares.get, background.specificity_of, background.heads
    shares = [get(word, RARE) for word in words]
    last = len(words)
    for start, word in enumerate(words):
        if stops[start] or len(word) < 2:
            continue
        fresh, said, share, listed = False, 0, 1.0, word in heads
        for end in range(start, start + LONGEST if start + LONGEST < last else last):
            if stops[end]:
                continue
            fresh = fresh or new[end]
            said += 1
            if shares[end] < share:
                share = shares[end]
            size = end + 1 - start
            if not fresh or size < least:
                continue
            if listed:
                says = background.run(words[start : end + 1], share, said)
            else:
                says = says_of(share * HALVES[said])
            if says > 0.0:
                found[-says, size].append((clause, start))


def _best(found: _Found, runs: _Runs, most: int) -> list[tuple[str, float]]:
    """The phrases that say most, of equals the shortest; no atom is in more than _OVERLAP of them."""
    named: dict[tuple[float, int], dict[str, int]] = defaultdict(dict)
    for text, (says, start, end) in found.items():
        named[-says, end - start][text] = start
    taken: dict[int, int] = defaultdict(int)
    kept: list[tuple[str, float]] = []
    for key in sorted(named.keys() | runs.keys()):
        negative, size = key
        equals = named[key]
        for (first, words), start in runs.get(key, ()):
            text = " ".join(words[start : start + size])
            if text not in found:
                equals.setdefault(text, first + start)
        for text, start in sorted(equals.items()):
            if len(kept) == most:
                return kept
            if max(map(taken.__getitem__, range(start, start + size)), default=0) < _OVERLAP:
                for at in range(start, start + size):
                    taken[at] += 1
                kept.append((text, -negative))
    return kept


def shared_out(
    phrases: Iterable[tuple[Said, float]], mass: float, least: float = LEAST
) -> list[tuple[Said, float]]:
    """An event's mass over phrases by specificity; all of it, unless they say too little to carry it."""
    listed = list(phrases)
    total = max(least, sum(says for _, says in listed))
    return [(said, mass * says / total) for said, says in listed]
