"""Which span of an edit is a replacement, and which is a removal and an addition. Pure.

Left out: how wide the replaced form must be (`widen.py`).
Run: `pytest tests/unit/learning/memory/test_edits.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import compress, count
from operator import ne
from typing import TYPE_CHECKING

from learning.memory.background import DEFAULT
from learning.memory.text import PROGRAMS, STOP, Token, code_ranges, shaped, stem
from learning.memory.widen import one_run, to_the_right, widened, with_program
from storage.records import Replacement

if TYPE_CHECKING:
    from learning.memory.edits import Piece, Side

WORDS = 6
"""Atoms of prose that one side of a replacement has at most; more is a rewritten passage."""

CODE_ATOMS = 10
"""The same for code: a whole command."""

_SPELLINGS = (("our", "or"), ("ise", "ize"), ("yse", "yze"), ("isa", "iza"), ("ll", "l"), ("tre", "ter"))


def alike(one: Sequence[object], two: Sequence[object]) -> tuple[int, int]:
    """How many items two sequences share at their start, and of the rest at their end."""
    most = min(len(one), len(two))
    start = next(compress(count(), map(ne, one, two)), most)
    end = next(compress(count(), map(ne, reversed(one), reversed(two))), most)
    return start, min(end, most - start)


def operator(text: str) -> bool:
    """Whether a mark of code is an operator, and so worth comparing; brackets and quotes are not."""
    return bool(re.fullmatch(r"[-+*/=<>!&|^%]+", text))


def codelike(token: Token) -> bool:
    """Whether an atom is code by its place or its letters."""
    return token.code or shaped(token.text)


def same(gone: Sequence[Token], come: Sequence[Token]) -> bool:
    """Whether two runs are the same words in another case, inflection, hyphenation or quoting."""
    if not gone or not come:
        return False
    if all(t.code for t in (*gone, *come)):
        return [t.text for t in gone] == [t.text for t in come]
    left, right = _letters(gone), _letters(come)
    if left == right and not any(re.search(r"[_./]", t.text) for t in (*gone, *come)):
        return True
    if any(codelike(t) for t in (*gone, *come)):
        return left == right and [t.text for t in gone] == [t.text for t in come]
    words = [[stem(t.text.casefold()) for t in run if t.text.casefold() not in STOP] for run in (gone, come)]
    return words[0] == words[1]


def replacement(old: Side, new: Side, piece: Piece) -> list[Replacement] | None:
    """The replacement that a piece is, widened; [] when it teaches nothing; None when it is none."""
    a, b, c, d = piece
    if a == b or c == d:
        return _inserted(old, new, piece)
    if _slip(old.atoms[a:b], new.atoms[c:d]):
        return []
    piece = _trimmed(old, new, piece)
    a, b, c, d = piece
    if a == b or c == d:
        return None
    gone, come = old.atoms[a:b], new.atoms[c:d]
    if same(gone, come) or all(len(t.text) == 1 and t.text.isalpha() for t in (*gone, *come) if not t.mark):
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


def _slip(gone: Sequence[Token], come: Sequence[Token]) -> bool:
    """Whether one letter made one common word of another (`three` for `tree`): elsewhere it is right.

    Of two spellings of one word (`behaviour`, `behavior`) neither is a slip: which is wanted can be taught.
    """
    if len(gone) != 1 or len(come) != 1 or codelike(gone[0]) or codelike(come[0]):
        return False
    wrong, right = gone[0].text.casefold(), come[0].text.casefold()
    if not (DEFAULT.ordinary(wrong) and right.isalpha()) or _spelling(wrong) == _spelling(right):
        return False
    start, end = alike(wrong, right)
    one, two = wrong[start : len(wrong) - end], right[start : len(right) - end]
    return max(len(one), len(two)) == 1 or (len(one) == 2 and one == two[::-1])


def _spelling(word: str) -> str:
    """A word as it is spelt in America."""
    for british, american in _SPELLINGS:
        word = word.replace(british, american)
    return word


def _letters(run: Sequence[Token]) -> str:
    return "".join(re.sub(r"[-'’_]", "", t.text.casefold()) for t in run)


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
