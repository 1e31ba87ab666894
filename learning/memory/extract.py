"""The phrases of a text that a thumb speaks about: few, specific, and not the question's own words. Pure.

Word runs of 1 to 4 within one clause, never stop-words at either end; names, paths and programs whole.
Left out: phrases with gaps. Run: `pytest tests/unit/learning/memory/test_extract.py`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from learning.memory.background import RARE, Background
from learning.memory.text import PROGRAMS, STOP, Token, normal, shaped, stem, terms, tokens

LONGEST = 4
"""Words of a run, at most."""

LEAST = 8.0
"""Specificity that an event's mass is shared by at least: one thumb on three words condemns none of them."""

PHRASES = 8
"""Phrases of one text, at most: an event's mass is shared by these."""

_Found = dict[str, tuple[float, int, int]]  # phrase: what it says, and its atoms from … to before …
_CLAUSE = re.compile(r"[,;:.!?\n`]")
_OVERLAP = 2  # phrases that may hold the same atom


def extract(
    text: str, background: Background, question: str = "", most: int = PHRASES, least: int = 1
) -> list[tuple[str, float]]:
    """The phrases of `text`, each with its specificity in (0, 1], the most specific first.

    Skips what only repeats the question. `least` is the fewest words of a run of prose.
    """
    asked = frozenset(terms(question)) if question else frozenset()
    found: _Found = {}
    if least == 1:
        found.update(
            (run, (says, 0, 0)) for run, says in openings(text, background)[:1] if not asked & {*terms(run)}
        )
    clauses: list[list[tuple[int, str]]] = [[]]
    line = -1
    for at, token in enumerate(tokens(text)):
        if token.line != line:
            line = token.line
            clauses.append([])
        if token.mark:
            if clauses[-1]:
                clauses.append([])
        elif token.code or shaped(token.text):
            _name(token, at, asked, found)
            clauses.append([])
        else:
            clauses[-1].append((at, token.text.casefold()))
    for clause in clauses:
        _runs(clause, background, asked, least, found)
    return _best(found, most)


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


def _name(token: Token, at: int, asked: frozenset[str], found: _Found) -> None:
    text = token.text
    if token.mark or text.isdigit() or len(text) < 3 or stem(text.casefold()) in asked:
        return
    if shaped(text) or text in PROGRAMS:
        found.setdefault(text, (1.0, at, at + 1))


def _runs(
    clause: list[tuple[int, str]],
    background: Background,
    asked: frozenset[str],
    least: int,
    found: _Found,
) -> None:
    words = [word for _, word in clause]
    stops = [word in STOP or word.isdigit() for word in words]
    new = [not stop and stem(word) not in asked for word, stop in zip(words, stops, strict=True)]
    if not any(new):
        return
    shares = [background.shares.get(word, RARE) for word in words]
    for start, word in enumerate(words):
        if stops[start] or len(word) < 2:
            continue
        fresh, said, share = False, 0, 1.0
        for end in range(start + 1, min(start + LONGEST, len(words)) + 1):
            fresh = fresh or new[end - 1]
            if stops[end - 1]:
                continue
            said, share = said + 1, min(share, shares[end - 1])
            if not fresh or end < start + least:
                continue
            run = words[start:end]
            says = background.run(run, share, said)
            if says > 0.0:
                found.setdefault(" ".join(run), (says, clause[start][0], clause[end - 1][0] + 1))


def _best(found: _Found, most: int) -> list[tuple[str, float]]:
    taken: Counter[int] = Counter()
    kept: list[tuple[str, float]] = []
    ranked = sorted((-says, end - start, text, start, end) for text, (says, start, end) in found.items())
    for negative, _, text, start, end in ranked:
        if len(kept) == most:
            break
        if all(taken[at] < _OVERLAP for at in range(start, end)):
            taken.update(range(start, end))
            kept.append((text, -negative))
    return kept


def shared_out(
    phrases: Iterable[tuple[str, float]], mass: float, least: float = LEAST
) -> list[tuple[str, float]]:
    """An event's mass over phrases by specificity; all of it, unless they say too little to carry it."""
    listed = list(phrases)
    total = max(least, sum(says for _, says in listed))
    return [(text, mass * says / total) for text, says in listed]
