"""Which span of an edit is a replacement, and which is a removal and an addition. Pure.

Left out: how wide the replaced form must be (`widen.py`).
Run: `pytest tests/unit/learning/memory/test_edits.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from learning.memory import cosmetic
from learning.memory.cosmetic import codelike, same, slip
from learning.memory.text import PROGRAMS, STOP, Token, code_ranges
from learning.memory.widen import one_run, to_the_right, widened, with_program
from storage.records import Replacement

if TYPE_CHECKING:
    from learning.memory.pieces import Piece, Side

WORDS = 6
"""Atoms of prose that one side of a replacement has at most; more is a rewritten passage."""

CODE_ATOMS = 10
"""The same for code: a whole command."""


def replacement(old: Side, new: Side, piece: Piece) -> list[Replacement] | None:
    """The replacement that a piece is, widened; [] when it teaches nothing; None when it is none."""
    a, b, c, d = piece
    if a == b or c == d:
        return _inserted(old, new, piece)
    if slip(old.atoms[a:b], new.atoms[c:d]):
        return []
    piece = _trimmed(old, new, piece)
    a, b, c, d = piece
    if a == b or c == d:
        return None
    gone, come = old.atoms[a:b], new.atoms[c:d]
    words = [t.text for t in (*gone, *come) if not t.mark]
    if same(gone, come) or (max(map(len, words), default=0) == 1 and any(map(str.isalpha, words))):
        return []  # a name of one letter is a local one, whatever stands beside it
    mixed = any(t.code for t in gone) != all(t.code for t in gone) or any(t.code for t in come) != all(
        t.code for t in come
    )
    if mixed:
        inner = _code_only(old, new, piece)
        return None if inner is None else replacement(old, new, inner)
    most = CODE_ATOMS if all(codelike(t) for t in gone) else WORDS
    if max(b - a, d - c) > most or not (one_run(old, a, b) and one_run(new, c, d)):
        return None
    return widened(old, new, with_program(old, new, piece))


def reworded(old: Side, new: Side, piece: Piece) -> bool:
    """Whether a replacement only says this one sentence otherwise (`cosmetic.reworded`)."""
    a, b, c, d = _trimmed(old, new, piece)
    if a == b or c == d:
        return False
    written = f"{old.slice(a, b)}\n{new.slice(c, d)}"
    return cosmetic.reworded(old.atoms[a:b], new.atoms[c:d], written)


def _trimmed(old: Side, new: Side, piece: Piece) -> Piece:
    """Without the stop-words of prose at both ends of both sides."""
    a, b, c, d = piece
    while a < b and _stop(old.atoms[a]) and b - a > 1:
        a += 1
    while b > a and _stop(old.atoms[b - 1]) and b - a > 1:
        b -= 1
    while c < d and _stop(new.atoms[c]) and d - c > 1:
        c += 1
    while d > c and _stop(new.atoms[d - 1]) and d - c > 1:
        d -= 1
    if b - a == 1 and _stop(old.atoms[a]):
        return (a, a, c, d)
    if d - c == 1 and _stop(new.atoms[c]):
        return (a, b, c, c)
    return (a, b, c, d)


def _stop(token: Token) -> bool:
    return not token.code and token.text.casefold() in STOP and token.text not in PROGRAMS


def _code_only(old: Side, new: Side, piece: Piece) -> Piece | None:
    """The one run of code on each side of a piece that mixes it with prose."""
    a, b, c, d = piece
    runs = []
    for side, start, end in ((old, a, b), (new, c, d)):
        code = [at for at in range(start, end) if side.atoms[at].code]
        if not code or code[-1] - code[0] + 1 != len(code):
            return None
        runs += [code[0], code[-1] + 1]
    return (runs[0], runs[1], runs[2], runs[3])


def _inserted(old: Side, new: Side, piece: Piece) -> list[Replacement] | None:
    """Words put before or taken from the front of a command are a replacement of the command."""
    a, b, c, d = piece
    changed = old.atoms[a:b] or new.atoms[c:d]
    side, start = (old, a) if a < b else (new, c)
    if not changed[0].code or not _starts(side, start) or any(t.line != changed[0].line for t in changed):
        return None
    for _ in range(2):
        wider = to_the_right(old, new, (a, b, c, d)) if a < b and c < d else _first(old, new, (a, b, c, d))
        if wider is None:
            break
        a, b, c, d = wider
    if a == b or c == d or not any(t.text in PROGRAMS for t in (*old.atoms[a:b], *new.atoms[c:d])):
        return None
    return widened(old, new, (a, b, c, d))


def _first(old: Side, new: Side, piece: Piece) -> Piece | None:
    a, b, c, d = piece
    if b >= len(old.atoms) or d >= len(new.atoms) or old.atoms[b].key != new.atoms[d].key:
        return None
    grown = (a, b + 1, c, d + 1)
    return grown if one_run(old, a, b + 1) and one_run(new, c, d + 1) else None


def _starts(side: Side, at: int) -> bool:
    """Whether an atom opens a line of a fence or a code span."""
    if at == 0 or side.atoms[at - 1].line != side.atoms[at].line or not side.atoms[at - 1].code:
        return True
    between = side.text[side.atoms[at - 1].end : side.atoms[at].start]
    return "`" in between or any(a == side.atoms[at].start for a, _, _ in code_ranges(side.text))
