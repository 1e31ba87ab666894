"""Which span of an edit is a replacement, and how wide it must be to mean the same elsewhere. Pure.

Left out: two spans that must change together. Run: `pytest tests/unit/learning/memory/test_edits.py`.
"""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from learning.memory.background import DEFAULT
from learning.memory.common import INSTANCES as INSTANCE_NAMES
from learning.memory.common import MODULES as MODULE_NAMES
from learning.memory.forms import CODE, PROSE, WORD, matches, name
from learning.memory.text import PROGRAMS, STOP, Token, code_ranges, command, is_code, shaped, stem
from storage.records import Phrase, PhraseKind, Replacement

if TYPE_CHECKING:
    from learning.memory.edits import Piece, Side

WORDS = 6
"""Atoms of prose that one side of a replacement has at most; more is a rewritten passage."""

CODE_ATOMS = 10
"""The same for code: a whole command."""

MODULES = sys.stdlib_module_names | frozenset(MODULE_NAMES.split())
"""Names that are modules wherever they stand before a dot."""

INSTANCES = frozenset(INSTANCE_NAMES.split())
"""Names that are objects, and so never the module that takes another's place."""

WIDER = 3
"""Neighbours that a form takes along at most, to be told from where it stands uncorrected."""


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
    piece = _trimmed(old, new, piece)
    a, b, c, d = piece
    if a == b or c == d:
        return None
    gone, come = old.atoms[a:b], new.atoms[c:d]
    if same(gone, come):
        return []
    mixed = any(t.code for t in gone) != all(t.code for t in gone) or any(t.code for t in come) != all(
        t.code for t in come
    )
    if mixed:
        inner = _code_only(old, new, piece)
        return None if inner is None else replacement(old, new, inner)
    most = CODE_ATOMS if all(codelike(t) for t in gone) else WORDS
    if max(b - a, d - c) > most or not (_one_run(old, a, b) and _one_run(new, c, d)):
        return None
    return _widened(old, new, _program(old, new, piece))


def place(wrong: str, code: bool = False) -> str:
    """Where a correction of `wrong` holds: in code (`code`: it was taught there), or in prose."""
    if code or is_code(wrong) or wrong[-1] in ".(":
        return CODE
    known = wrong in MODULES or wrong in PROGRAMS
    return CODE if known and not DEFAULT.ordinary(wrong) else PROSE


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


def _one_run(side: Side, start: int, end: int) -> bool:
    """Whether atoms stand on one line, in one code span, with no sentence's end between them."""
    first, last = side.atoms[start], side.atoms[end - 1]
    between = side.text[first.start : last.end]
    if first.line != last.line or "`" in between or re.search(r"[.!?]\s", between):
        return False
    return first.code or not re.search(r"[\[\]<>|]", between)


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


def _program(old: Side, new: Side, piece: Piece) -> Piece:
    """Take the program along when words of a command changed that mean nothing without it."""
    a, b, c, d = piece
    if old.atoms[a].text in PROGRAMS or all(shaped(t.text) for t in old.atoms[a:b]):
        return piece
    for back in range(1, WIDER + 2):
        if min(a, c) - back < 0 or old.atoms[a - back].key != new.atoms[c - back].key:
            return piece
        if not (_one_run(old, a - back, b) and _one_run(new, c - back, d)):
            return piece
        if old.atoms[a - back].text in PROGRAMS and old.atoms[a - back].code == old.atoms[a].code:
            return (a - back, b, c - back, d)
    return piece


def _widened(old: Side, new: Side, piece: Piece) -> list[Replacement]:
    """The smallest span around a piece that is specific, and stands corrected everywhere in the new text."""
    a, b, c, d = _once(old, new, piece)
    for _ in range(WIDER + 1):
        wrong, right = old.slice(a, b), new.slice(c, d)
        if _specific(old.atoms[a:b]):
            called = ((wrong + "(", right + "("),) if _called(old, b) and _called(new, d) else ()
            for bad, good in ((wrong, right), *called):
                if not _stands(bad, good, old.atoms[a], new):
                    found = Replacement(wrong=bad, right=good, context=_line(new, c))
                    return [found, *_general(found, old.atoms[a], new)]
        wider = _left(old, new, (a, b, c, d)) or _right(old, new, (a, b, c, d))
        if wider is None:
            return []
        a, b, c, d = wider
    return []


def _once(old: Side, new: Side, piece: Piece) -> Piece:
    """The same word replaced twice in a row is one word replaced."""
    a, b, c, d = piece
    keys = {t.key for t in old.atoms[a:b]}, {t.key for t in new.atoms[c:d]}
    return (a, a + 1, c, c + 1) if b - a == d - c and len(keys[0]) == len(keys[1]) == 1 else piece


def _specific(run: Sequence[Token]) -> bool:
    """Whether a form means something without its neighbours: no number, keyword or one-letter name alone."""
    words = [t.text for t in run if not t.mark]
    return any(
        not w.isdigit()
        and len(w) > (2 if t.code else 1)
        and not keyword.iskeyword(w)
        and w.casefold() not in STOP
        for w, t in zip(words, (t for t in run if not t.mark), strict=True)
        if not re.fullmatch(r"[\d.,:]+", w)
    ) or any(command(" ".join(words[at:])) for at in range(len(words)))


def _stands(wrong: str, right: str, token: Token, new: Side) -> bool:
    """Whether the edit left a form alone elsewhere, so that it cannot be wrong by itself."""
    context = CODE if place(wrong, token.code) == CODE else WORD
    kind = PhraseKind.CORRECTION
    phrase = Phrase(id="", repository_id=0, kind=kind, text=wrong, right=right, context=context)
    return bool(matches(phrase, new.text))


def _called(side: Side, at: int) -> bool:
    """Whether the atom before `at` is code that is called."""
    token = side.atoms[at - 1]
    return side.text[token.end : token.end + 1] == "(" and (token.code or shaped(token.text))


def _general(found: Replacement, token: Token, new: Side) -> list[Replacement]:
    """`logging.info` → `structlog.info` is about `logging`, when nothing in the new text says otherwise.

    The bare module where both are modules, else the head before a dot; never `self` or a plain word's.
    """
    wrong, right = found.wrong.split("."), found.right.split(".")
    if len(wrong) < 2 or len(wrong) != len(right) or wrong[0] == right[0]:
        return []
    if not all(map(name, (*wrong, *right))) or [right[0] if p == wrong[0] else p for p in wrong] != right:
        return []
    if wrong[0] in ("self", "cls", "this", "super") or len(wrong[0]) < 3:
        return []
    module = wrong[0] in MODULES
    forms = [(wrong[0], right[0])] if module and right[0] not in INSTANCES else []
    if module or not DEFAULT.ordinary(wrong[0]):
        forms.append((wrong[0] + ".", right[0] + "."))
    for bad, good in forms:
        if not _stands(bad, good, token, new):
            return [Replacement(wrong=bad, right=good, context=found.context)]
    return []


def _left(old: Side, new: Side, piece: Piece) -> Piece | None:
    a, b, c, d = piece
    if min(a, c) < 1 or old.atoms[a - 1].key != new.atoms[c - 1].key:
        return None
    return (a - 1, b, c - 1, d) if _one_run(old, a - 1, b) and _one_run(new, c - 1, d) else None


def _right(old: Side, new: Side, piece: Piece) -> Piece | None:
    a, b, c, d = piece
    if b >= len(old.atoms) or d >= len(new.atoms) or old.atoms[b].key != new.atoms[d].key:
        return None
    return (a, b + 1, c, d + 1) if _one_run(old, a, b + 1) and _one_run(new, c, d + 1) else None


def _inserted(old: Side, new: Side, piece: Piece) -> list[Replacement] | None:
    """Words put before or taken from the front of a command are a replacement of the command."""
    a, b, c, d = piece
    changed = old.atoms[a:b] or new.atoms[c:d]
    side, start = (old, a) if a < b else (new, c)
    if not changed[0].code or not _starts(side, start) or any(t.line != changed[0].line for t in changed):
        return None
    for _ in range(2):
        wider = _right(old, new, (a, b, c, d)) if a < b and c < d else _first(old, new, (a, b, c, d))
        if wider is None:
            break
        a, b, c, d = wider
    if a == b or c == d or not any(t.text in PROGRAMS for t in (*old.atoms[a:b], *new.atoms[c:d])):
        return None
    return _widened(old, new, (a, b, c, d))


def _first(old: Side, new: Side, piece: Piece) -> Piece | None:
    a, b, c, d = piece
    if b >= len(old.atoms) or d >= len(new.atoms) or old.atoms[b].key != new.atoms[d].key:
        return None
    grown = (a, b + 1, c, d + 1)
    return grown if _one_run(old, a, b + 1) and _one_run(new, c, d + 1) else None


def _starts(side: Side, at: int) -> bool:
    """Whether an atom opens a line of a fence or a code span."""
    if at == 0 or side.atoms[at - 1].line != side.atoms[at].line or not side.atoms[at - 1].code:
        return True
    between = side.text[side.atoms[at - 1].end : side.atoms[at].start]
    return "`" in between or any(a == side.atoms[at].start for a, _, _ in code_ranges(side.text))


def _line(side: Side, at: int) -> str:
    start = side.text.rfind("\n", 0, side.atoms[at].start) + 1
    end = side.text.find("\n", start)
    return side.text[start : end if end >= 0 else len(side.text)].strip()[:200]
