"""How wide a replaced form must be to mean the same elsewhere. Pure.

A word of a command takes its program along; a form that still stands uncorrected in the new text is no
error by itself and takes its call or a neighbour along; a dotted name that changed at its head is about it.
Left out: two forms that must change together.
Run: `pytest tests/unit/learning/memory/test_edits.py`.
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
from learning.memory.common import SUBJECTS as SUBJECT_NAMES
from learning.memory.forms import CODE, PROSE, WORD, file_name, matches, name
from learning.memory.text import PROGRAMS, STOP, Token, code_ranges, command, is_code, shaped
from storage.records import Phrase, PhraseKind, Replacement

if TYPE_CHECKING:
    from learning.memory.pieces import Piece, Side

MODULES = sys.stdlib_module_names | frozenset(MODULE_NAMES.split())
"""Names that are modules wherever they stand before a dot."""

INSTANCES = frozenset(INSTANCE_NAMES.split())
"""Names that are objects, and so never the module that takes another's place."""

SUBJECTS = frozenset(SUBJECT_NAMES.split())
"""Words behind which `make` and `go` are verbs."""

SPAN = 10
"""Atoms of a code span that is one phrase, at most: a whole command."""

WIDER = 3
"""Neighbours that a form takes along at most, to be told from where it stands uncorrected."""


def place(wrong: str, code: bool = False) -> str:
    """Where a correction of `wrong` holds: in code (`code`: it was taught there), or in prose."""
    if code or is_code(wrong) or wrong[-1] in ".(`":
        return CODE
    known = wrong in MODULES or wrong in PROGRAMS
    return CODE if known and not DEFAULT.ordinary(wrong) else PROSE


def one_run(side: Side, start: int, end: int) -> bool:
    """Whether atoms stand on one line, in one code span, with no sentence's end between them."""
    first, last = side.atoms[start], side.atoms[end - 1]
    between = side.text[first.start : last.end]
    if first.line != last.line or "`" in between or re.search(r"[.!?]\s", between):
        return False
    return first.code or not re.search(r"[\[\]<>|]", between)


def with_program(old: Side, new: Side, piece: Piece) -> Piece:
    """Take the program along when words of a command changed that mean nothing without it."""
    a, b, c, d = piece
    if old.atoms[a].text in PROGRAMS or all(shaped(t.text) for t in old.atoms[a:b]):
        return piece
    for back in range(1, WIDER + 2):
        if min(a, c) - back < 0 or old.atoms[a - back].key != new.atoms[c - back].key:
            return piece
        if not (one_run(old, a - back, b) and one_run(new, c - back, d)):
            return piece
        head = old.atoms[a - back]
        sure = head.code or head.text not in STOP or (back == 1 and not _verb(old, a - 1))
        if head.text in PROGRAMS and head.code == old.atoms[a].code and sure:
            return (a - back, b, c - back, d)
    return piece


def _verb(side: Side, at: int) -> bool:
    """Whether a program's name (`make`, `go`) is a verb here: "to make lists", "you go home"."""
    return at > 0 and one_run(side, at - 1, at + 1) and side.atoms[at - 1].text.casefold() in SUBJECTS


def widened(old: Side, new: Side, piece: Piece) -> list[Replacement]:
    """What a piece replaced: the smallest span around it that is specific and nowhere stands uncorrected."""
    return _widened(old, new, _once(old, new, piece)) or _whole(old, new, piece)


def _widened(old: Side, new: Side, piece: Piece) -> list[Replacement]:
    a, b, c, d = piece
    for _ in range(WIDER + 1):
        wrong, right = old.slice(a, b), new.slice(c, d)
        if _specific(old.atoms[a:b]):
            called = ((wrong + "(", right + "("),) if _called(old, b) and _called(new, d) else ()
            for bad, good in ((wrong, right), *called):
                if not _stands(bad, good, old.atoms[a], new):
                    found = Replacement(wrong=bad, right=good, context=_line(new, c))
                    return [found, *_general(found, old.atoms[a], new, bool(called))]
        wider = _left(old, new, (a, b, c, d)) or to_the_right(old, new, (a, b, c, d))
        if wider is None:
            return []
        a, b, c, d = wider
    return []


def _once(old: Side, new: Side, piece: Piece) -> Piece:
    """The same word replaced twice in a row is one word replaced."""
    a, b, c, d = piece
    keys = {t.key for t in old.atoms[a:b]}, {t.key for t in new.atoms[c:d]}
    return (a, a + 1, c, c + 1) if b - a == d - c and len(keys[0]) == len(keys[1]) == 1 else piece


def _whole(old: Side, new: Side, piece: Piece) -> list[Replacement]:
    """The code spans around a piece as one phrase: `-r` or `y = 2` means nothing without its ticks."""
    a, b, c, d = piece
    (first, last), (start, end) = _span(old, a, b), _span(new, c, d)
    inside = [t for t in old.atoms if first <= t.start < last]
    words = [t.text for t in inside if re.match(r"-{0,2}[^\W\d]", t.text) and not keyword.iskeyword(t.text)]
    alone = len(inside) == 1 and not old.atoms[a].text.startswith("-")
    if alone or not 0 < len(inside) <= SPAN or not words or all(w.casefold() in STOP for w in words):
        return []
    bad, good = f"`{old.text[first:last]}`", f"`{new.text[start:end]}`"
    if end <= start or _stands(bad, good, old.atoms[a], new):
        return []
    return [Replacement(wrong=bad, right=good, context=_line(new, c))]


def _span(side: Side, start: int, end: int) -> tuple[int, int]:
    """The characters of the code span in single ticks that holds some atoms; (0, 0) where none does."""
    first, last = side.atoms[start].start, side.atoms[end - 1].end
    ranges = ((a, b) for a, b, fence in code_ranges(side.text) if not fence and a <= first and last <= b)
    return next(((a, b) for a, b in ranges if side.text[a - 2 : a] != "``"), (0, 0))


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


def _general(found: Replacement, token: Token, new: Side, called: bool) -> list[Replacement]:
    """`logging.info` → `structlog.info` is about `logging`, when nothing in the new text says otherwise.

    The bare module where both are modules, else the head before a dot; never `self` or a plain word's.
    What is not called is the name of a file (`logging.yaml`) or a host, unless both heads are modules.
    """
    wrong, right = found.wrong.split("."), found.right.split(".")
    if len(wrong) < 2 or len(wrong) != len(right) or wrong[0] == right[0]:
        return []
    if not all(map(name, (*wrong, *right))) or [right[0] if p == wrong[0] else p for p in wrong] != right:
        return []
    module = wrong[0] in MODULES
    if not called and (file_name(found.wrong) or not (module and right[0] in MODULES)):
        return []
    if wrong[0] in ("self", "cls", "this", "super") or (len(wrong[0]) < 3 and not module):
        return []
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
    return (a - 1, b, c - 1, d) if one_run(old, a - 1, b) and one_run(new, c - 1, d) else None


def to_the_right(old: Side, new: Side, piece: Piece) -> Piece | None:
    """The piece with the atom after it, if that is the same on both sides and in one run with it."""
    a, b, c, d = piece
    if b >= len(old.atoms) or d >= len(new.atoms) or old.atoms[b].key != new.atoms[d].key:
        return None
    return (a, b + 1, c, d + 1) if one_run(old, a, b + 1) and one_run(new, c, d + 1) else None


def _line(side: Side, at: int) -> str:
    start = side.text.rfind("\n", 0, side.atoms[at].start) + 1
    end = side.text.find("\n", start)
    return side.text[start : end if end >= 0 else len(side.text)].strip()[:200]
