"""Which atoms of a text became which of another: the changed runs, before anything is read from them. Pure.

Lines are paired by the unified diff (unidiff reads difflib's), atoms within them by difflib; runs that
belong together are joined, neighbours with a counterpart each are parted, rewritten sentences taken whole.
Left out: what a run teaches (`edits.py`, `spans.py`). Run: `pytest tests/unit/learning/memory/test_edits.py`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher, unified_diff
from itertools import pairwise
from operator import attrgetter

from unidiff.patch import PatchSet

from learning.memory.cosmetic import alike, codelike, operator, same
from learning.memory.text import STOP, Token, sentences, shaped, tokens

PAIRS = 4_000_000
"""Pairs of atoms above which a block is taken as rewritten instead of being compared."""

KEPT = 0.4
"""Share of a sentence that must stand for a change in it to be a replacement; below, it was rewritten."""


_LINE = attrgetter("line")
_WRITTEN = attrgetter("text", "code")


@dataclass(frozen=True)
class Side:
    """One of the two texts, cut up once: its atoms that count, and its sentences."""

    text: str
    atoms: tuple[Token, ...]
    sentences: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, text: str) -> Side:
        """Atoms are words and names, and operators within code."""
        kept = [t for t in tokens(text) if not t[5] or (t.code and operator(t.text))]
        return cls(text, tuple(kept), tuple(sentences(text)))

    def slice(self, start: int, end: int) -> str:
        """The text from atom `start` to before atom `end`, as written."""
        return self.text[self.atoms[start].start : self.atoms[end - 1].end]


Piece = tuple[int, int, int, int]
"""Atoms [a, b) of the former text that became atoms [c, d) of the latter."""


def blocks(before: str, after: str) -> list[tuple[range, range]]:
    """Which lines of `before` became which lines of `after`, counted from 0; either may be empty."""
    if "\n" not in before and "\n" not in after:
        return [(range(1), range(1))] if before != after else []
    old, new = ([line + "\n" for line in text.split("\n")] for text in (before, after))
    patch = PatchSet("".join(unified_diff(old, new, "before", "after", n=0)))
    return [
        (_lines(hunk.source_start, hunk.source_length), _lines(hunk.target_start, hunk.target_length))
        for changed in patch
        for hunk in changed
    ]


def _lines(start: int, length: int) -> range:
    return range(start - 1, start - 1 + length) if length else range(start, start)


def pieces(old: Side, new: Side) -> list[Piece]:
    """The changed runs of atoms, those that belong together joined, rewritten sentences whole."""
    found: list[Piece] = []
    for gone, come in blocks(old.text, new.text):
        a, b = _within(old.atoms, gone)
        c, d = _within(new.atoms, come)
        if (b - a) * (d - c) > PAIRS:
            found.append((a, b, c, d))
            continue
        start, end = alike([*map(_WRITTEN, old.atoms[a:b])], [*map(_WRITTEN, new.atoms[c:d])])
        p, q = a + start, c + start
        keys = [t.key for t in old.atoms[p : b - end]], [t.key for t in new.atoms[q : d - end]]
        codes = SequenceMatcher(None, *keys, autojunk=False).get_opcodes()
        pieces = [(p + i, p + j, q + k, q + m) for tag, i, j, k, m in codes if tag != "equal"]
        pieces = [_slid(old, new, piece) for piece in pieces]
        pieces = [part for piece in _joined(old, pieces) for part in _parted(old, new, piece)]
        found += _rewritten(old, new, pieces, (a, b))
    return [
        piece
        for piece in found
        if not _cosmetic(old.atoms[piece[0] : piece[1]], new.atoms[piece[2] : piece[3]])
    ]


def _within(atoms: Sequence[Token], lines: range) -> tuple[int, int]:
    start = bisect_left(atoms, lines.start, key=_LINE)
    return start, bisect_left(atoms, lines.stop, start, key=_LINE)


def _slid(old: Side, new: Side, piece: Piece) -> Piece:
    """Move a pure insertion or deletion to begin where a sentence begins, if the same atoms allow it."""
    a, b, c, d = piece
    side, start, end = (new, c, d) if a == b else (old, a, b)
    if (a != b and c != d) or opens(side, start):
        return piece
    for step in range(1, end - start + 1):
        if (
            start - step < 0
            or side.atoms[start - step].key != side.atoms[end - step].key
            or min(a, c) - step < 0
        ):
            break
        if opens(side, start - step):
            return (a - step, b - step, c - step, d - step)
    return piece


def opens(side: Side, at: int) -> bool:
    """Whether a sentence begins with an atom."""
    return at == 0 or any(side.atoms[at - 1].start < a <= side.atoms[at].start for a, _ in side.sentences)


def _joined(old: Side, pieces: list[Piece]) -> list[Piece]:
    """Join pieces that only stop-words of prose part, when they are no tidy replacements by themselves."""
    result: list[Piece] = []
    for piece in pieces:
        if result:
            last = result[-1]
            between = old.atoms[last[1] : piece[0]]
            stops = all(t.text.casefold() in STOP and not t.code for t in between)
            if len(between) <= 2 and stops and not (_tidy(last) and _tidy(piece)):
                result[-1] = (last[0], piece[1], last[2], piece[3])
                continue
        result.append(piece)
    return result


def _parted(old: Side, new: Side, piece: Piece) -> list[Piece]:
    """Neighbours that changed together, each with its own counterpart: lines, code spans, names in a list.

    `import logging` and `logging.info` on the line below are one run of changed atoms and two replacements.
    """
    a, b, c, d = piece
    if a == b or c == d:
        return [piece]
    gone, come = _lines_of(old, a, b), _lines_of(new, c, d)
    pairs = zip(gone, come, strict=True) if len(gone) == len(come) > 1 else [((a, b), (c, d))]
    found: list[Piece] = []
    for (p, q), (r, s) in pairs:
        if q - p != s - r:
            found.append((p, q, r, s))
            continue
        cuts = [at for at in range(1, q - p) if _apart(old, p + at) and _apart(new, r + at)]
        found += [(p + at, p + end, r + at, r + end) for at, end in pairwise([0, *cuts, q - p])]
    return found


def _lines_of(side: Side, start: int, end: int) -> list[tuple[int, int]]:
    """The ranges of atoms from `start` to before `end` that stand on one line each."""
    firsts = [at for at in range(start, end) if at == start or side.atoms[at].line != side.atoms[at - 1].line]
    return list(zip(firsts, [*firsts[1:], end], strict=True))


def _apart(side: Side, at: int) -> bool:
    """Whether an atom and the one before it are two things: two code spans, or two names listed in prose."""
    before, after = side.atoms[at - 1], side.atoms[at]
    between = side.text[before.end : after.start]
    listed = between.strip() == "," and not (before.code or after.code)
    return "`" in between or (listed and shaped(before.text) and shaped(after.text))


def _tidy(piece: Piece) -> bool:
    return 0 < piece[1] - piece[0] <= 3 and 0 < piece[3] - piece[2] <= 3


def _rewritten(old: Side, new: Side, pieces: list[Piece], block: tuple[int, int]) -> list[Piece]:
    """Split the replacements within rewritten sentences of prose into a removal and an addition."""
    changed = {at for a, b, _, _ in pieces for at in range(a, b)}
    result: list[Piece] = []
    for a, b, c, d in pieces:
        sentence = _sentence(old, a) if a < b else range(0)
        kept = len(sentence) - len(changed.intersection(sentence))
        code = all(codelike(t) for t in (*old.atoms[a:b], *new.atoms[c:d]))
        if a < b and c < d and not code and len(sentence) > 4 and kept < KEPT * len(sentence):
            result += [(a, b, c, c), (b, b, c, d)]
        else:
            result.append((a, b, c, d))
    return result


def _sentence(side: Side, at: int) -> range:
    position = side.atoms[at].start
    a, b = next(((a, b) for a, b in side.sentences if a <= position < b), (position, position))
    inside = [
        n for n in range(max(0, at - 200), min(len(side.atoms), at + 200)) if a <= side.atoms[n].start < b
    ]
    return range(inside[0], inside[-1] + 1) if inside else range(at, at + 1)


def _cosmetic(gone: Sequence[Token], come: Sequence[Token]) -> bool:
    """Nothing but stop-words, or the same words in another case, form or typography."""
    prose = [t for t in (*gone, *come) if not (t.code or t.text.casefold() not in STOP)]
    if len(prose) == len(gone) + len(come):
        return True
    return same(gone, come)
