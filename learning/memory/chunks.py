"""What stands between white space, cut into atoms, and kept: most words of a text were met before. Pure.

No atom reaches across white space or looks behind it, so that a text's atoms are those of its chunks in
turn. Left out: where a chunk stands (`text.py`).
Run: `pytest tests/unit/learning/memory/test_text.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

from learning.memory.common import ENDINGS, SUFFIXES

# Lengths are bounded, so that no text takes the square of its length.
_PLAIN = r"[A-Za-z]++(?![\w/@+#'’-]|[.:]\w|:/)"  # most words: no other form need be tried
_URL = r"https?://[^\s<>()\[\]`\"']*[^\s<>()\[\]`\"'.,;:!?*_]"
_PATH = r"(?:~|\.{1,2}|\.?[\w@-]{1,80}+(?:\.[\w-]{1,80}+){0,8}+)?"
_PATH += r"(?:/[\w@-]+(?:\.[\w-]+)*|/\.[\w-]+(?:\.[\w-]+)*)+/?"
_MAIL = r"[\w.+-]{1,64}+@[^\W\d][\w-]{0,63}(?:\.[\w-]{1,63}){0,4}\.[A-Za-z]{2,24}(?![\w-]|\.\w)"
_SUFFIX = "|".join((SUFFIXES + ENDINGS).split())
_FILE = rf"\w[\w-]{{0,80}}+(?:\.[\w-]{{1,40}}+){{0,4}}?\.(?:{_SUFFIX})(?![\w(-]|\.\w)"
_DOTTED = r"@?\.?[^\W\d]\w*(?:\.\w+)+(?:-\w+(?:\.\w+)*)*|@[^\W\d]\w*|\.[a-z][\w-]+(?:\.\w+)*"
_FLAG = r"(?<![\w-])--?[A-Za-z][\w-]*"
_NUMBER = r"\d+(?:[.,:]\d+)*(?:[^\W\d]\w*)?"
_PREFIX = r"(?<!\w)(?i:[fb]|[fb]?r|r[fb])(?='\w)"  # of a string in code: f'pip install' holds the word pip
_WORD = r"[^\W_]\w*(?:['’]\w+)*(?:-\w+(?:['’]\w+)*)*(?:\+\+|#(?!\w))?|_\w+"
_MARKS = r"[-+*/=<>!&|^%@:~]+|[^\w\s]"
ATOM = re.compile(
    "|".join((_PLAIN, _URL, _PATH, _MAIL, _FILE, _DOTTED, _FLAG, _NUMBER, _PREFIX, _WORD, _MARKS))
)

CHUNK = 40
"""Characters up to which a chunk's atoms are kept for the next time."""

Atom = tuple[str, int, int, bool]
"""An atom's text, where it starts and ends within its chunk, whether it is punctuation or an operator."""

Found = TypeVar("Found")


class PerChunk(dict[str, Found]):
    """What a function finds in each chunk, asked once for each: for many texts at a time, then let go."""

    def __init__(self, find: Callable[[str], Found]) -> None:
        super().__init__()
        self._find = find

    def __missing__(self, chunk: str) -> Found:
        """Ask, and keep."""
        found = self[chunk] = self._find(chunk)
        return found


def cut(chunk: str) -> tuple[Atom, ...]:
    """The atoms of a text without white space, in order."""
    whole = ATOM.match(chunk)
    if whole and whole.end() == len(chunk):
        return ((chunk, 0, len(chunk), _mark(chunk)),)
    return tuple([(m.group(), *m.span(), _mark(m.group())) for m in ATOM.finditer(chunk)])


cut_short = lru_cache(maxsize=65536)(cut)
"""The same, kept: for chunks of at most CHUNK characters."""


def _mark(atom: str) -> bool:
    return not (atom[0].isalnum() or (len(atom) > 1 and any(c.isalnum() or c == "_" for c in atom)))
