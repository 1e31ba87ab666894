"""Words, code atoms, sentences, borders: the one tokeniser that the memory uses. Pure.

An atom is the least thing that a person corrects as a whole: a word, a dotted name, a path, a URL, a
flag, a number, an operator. Where an atom stands (prose, code span, fence) is part of it, because the
same letters are a word in one and a name in the other. Left out: Markdown as a tree (tables, nested
lists, HTML); only fences and backticks matter here. Run: `pytest tests/unit/learning/memory/test_text.py`.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Container, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

from learning.memory import common
from learning.memory.chunks import CHUNK, cut, cut_short

STOP = frozenset(common.STOP.split())
"""Words that say nothing alone: no phrase starts or ends with one, no correction consists of them."""

PROGRAMS = frozenset(common.PROGRAMS.split())
"""Command-line programs: a line of code or prose that starts with one is a command."""

_START, _FIRST = itemgetter(1), itemgetter(0)
_FENCE = re.compile(r" {0,3}(`{3,}+(?!.*`)|~{3,})")  # what opens one has no backtick after it: that is a span
_SPAN = re.compile(r"(?<!`)(`{1,4}+)(?!`)([^\n]+?)(?<!`)\1(?!`)")
_SHAPE = re.compile(
    r"[_\\/=(){}\[\]<>]|\w\.\w|^\.\w|^@\w|^--?[A-Za-z]|[a-z][A-Z]|\d[A-Za-z]|[A-Za-z]\d|::|\+\+|#$"
)
_SHORT = ("e.g.", "i.e.", "etc.", "vs.", "cf.", "approx.", "No.", "Dr.", "Mr.", "Ms.")
_END = re.compile(r"(?<=[.!?…])([\"')\]*_]*)[ \t]+(?=[\"'(\[*_`]*[^\s\W]|`)|\n+")


class Token(NamedTuple):
    """One atom of a text: characters `start` to `end`. `code` is True within a span or a fence.

    `mark` is True for punctuation and operators. `line` counts from 0.
    """

    text: str
    start: int
    end: int
    line: int
    code: bool
    mark: bool

    @property
    def key(self) -> str:
        """What the atom is compared by: names keep their case, words do not."""
        return self.text if self.code or shaped(self.text) else self.text.casefold()


@lru_cache(maxsize=64)
def code_ranges(text: str) -> tuple[tuple[int, int, bool], ...]:
    """Where code stands: (start, end, is fence) without the backticks' lines, in order.

    A fence that nobody closed runs to the end of the text, as GitHub shows it.
    """
    found: list[tuple[int, int, bool]] = []
    position = 0
    for start, end in _fences(text) if "```" in text or "~~~" in text else ():
        found += [(m.start(2), m.end(2), False) for m in _SPAN.finditer(text, position, start)]
        found.append((start, end, True))
        position = end
    if "`" in text:
        found += [(m.start(2), m.end(2), False) for m in _SPAN.finditer(text, position)]
    return tuple(found)


def _fences(text: str) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    opened, mark, position = -1, "", 0
    for line in text.split("\n"):
        match = _FENCE.match(line)
        if opened < 0 and match:
            opened, mark = position, match.group(1)
        elif opened >= 0 and match and match.group(1).startswith(mark) and not line[match.end() :].strip():
            found.append((opened, position + len(line)))
            opened = -1
        position += len(line) + 1
    return [*found, (opened, len(text))] if opened >= 0 else found


@lru_cache(maxsize=64)
def tokens(text: str) -> tuple[Token, ...]:
    """The atoms of a text in reading order. The lines that open and close a fence are left out.

    Kept for the last texts: one answer's events read the same texts many times.
    """
    result: list[Token] = []
    make, find, position = tuple.__new__, text.find, 0  # a third of the time of Token(...)
    for line, row in enumerate(text.split("\n")):
        for chunk in row.split():
            at = find(chunk, position)
            position = at + len(chunk)
            for atom, start, end, mark in cut_short(chunk) if len(chunk) <= CHUNK else cut(chunk):
                result.append(make(Token, (atom, at + start, at + end, line, False, mark)))
    ranges = code_ranges(text)
    for first, last, _ in ranges:
        a = bisect_left(result, first, key=_START)
        b = bisect_left(result, last, a, key=_START)
        result[a:b] = [make(Token, (*token[:4], True, token[5])) for token in result[a:b]]
    fences = [found for found in ranges if found[2]]
    spans = {end for _, end, fence in ranges if not fence}
    if fences or "```" in text:
        return tuple(token for token in result if not _fence_mark(text, token, fences, spans))
    return tuple(result)


@lru_cache(maxsize=65536)
def shaped(text: str) -> bool:
    """Whether the letters alone show code: a dotted name, a path, a flag, `snake_case`, `camelCase`."""
    return _SHAPE.search(text) is not None and not _proper(text)


def command(text: str) -> bool:
    """Whether a wording is a command: its first word is a known program and another follows."""
    head, _, rest = text.partition(" ")
    return head in PROGRAMS and bool(rest.strip())


def is_code(text: str) -> bool:
    """Whether a wording is code wherever it stands."""
    return command(text) or shaped(text)


def terms(text: str) -> list[str]:
    """The words and names that carry meaning, folded: no stop-words, no punctuation, plurals cut."""
    return [stem(t) for t in (a.casefold() for a in atoms(text)) if t not in STOP]


def atoms(text: str) -> list[str]:
    """The atoms that are not punctuation, as written."""
    return [
        atom
        for chunk in text.split()
        for atom, _, _, mark in (cut_short(chunk) if len(chunk) <= CHUNK else cut(chunk))
        if not mark
    ]


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """A word without its regular endings: enough to see that two forms are one word."""
    if len(word) > 4 and word.isalpha():
        for ending, instead in _ENDINGS:
            if word.endswith(ending) and len(word) - len(ending) >= 3:
                cut = word[: -len(ending)] + instead
                return (
                    cut[:-1]
                    if len(cut) > 3 and cut[-1] == cut[-2] and cut[-1] in "bdgmnprt"
                    else cut.rstrip("e")
                )
        return word.rstrip("e")
    return (
        word[:-1] if len(word) == 4 and word.isalpha() and word[-1] == "s" and word[-2] not in "su" else word
    )


_ENDINGS = (
    ("ies", "y"),
    ("sses", "ss"),
    ("ing", ""),
    ("edly", ""),
    ("ed", ""),
    ("ly", ""),
    ("ss", "ss"),
    ("s", ""),
)


def count_words(text: str) -> int:
    """Words as a reader counts them: what stands between white space."""
    return len(text.split())


def normal(text: str) -> str:
    """The form by which two wordings are the same: atoms by their keys, one space between."""
    return " ".join([t.key for t in tokens(text) if not t.mark])


def sentences(text: str) -> list[tuple[int, int]]:
    """Ranges of the sentences of a text; a fence is one whole, a line break ends a sentence."""
    result: list[tuple[int, int]] = []
    position = 0
    for start, end, fence in [*code_ranges(text), (len(text), len(text), True)]:
        if fence:
            result += _sentences(text, position, start)
            if end > start:
                result.append((start, end))
            position = end
    return result


@lru_cache(maxsize=65536)
def borders(wording: str, fold: bool = False, gap: str = r"\s+") -> re.Pattern[str]:
    """A pattern that finds a wording as a whole: never inside a longer word, name or path.

    `gap` is the pattern between its words.
    """
    parts = [re.escape(part) for part in wording.split()]
    left = (
        r"(?<![\w\\-])(?<!\w[./])"
        if re.match(r"\w", wording)
        else (r"(?<![\w-])" if wording[:1] == "-" else r"(?<!\w)")
    )
    right = r"(?!\w)(?![./:-]\w)(?!/)" if re.search(r"\w\Z", wording) else ""
    return re.compile(left + gap.join(parts) + right, re.IGNORECASE if fold else 0)


def _proper(text: str) -> bool:
    """Brand-like capitals (GitHub, NumPy, MacOS) and and/or are prose; so are e.g. and i.e."""
    return (
        text.isalpha() and text[:1].isupper() and len(text) < 12 and sum(c.isupper() for c in text) < 4
    ) or (
        text.casefold()
        in ("and/or", "e.g", "i.e", "yes/no", "true/false", "either/or", "input/output", "i/o")
    )


def _fence_mark(
    text: str, token: Token, fences: Sequence[tuple[int, int, bool]], spans: Container[int]
) -> bool:
    """Whether an atom belongs to the lines that open or close a fence; one in a list or a quote, too.

    `spans` are the ends of what stands between backticks in a line.
    """
    at = token.start
    ahead = text[max(0, at - 4) : at]
    ticks = at - len(ahead) + len(ahead.rstrip("`"))
    if not token.code and ahead.endswith("```") and ticks not in spans:
        return True
    before = bisect_right(fences, at, key=_FIRST)
    if not before:
        return False
    start, end, _ = fences[before - 1]
    return at < end and _fence_line(text, at, start, end)


def _fence_line(text: str, at: int, start: int, end: int) -> bool:
    first = text.find("\n", start, end)
    if first < 0 or at <= first:
        return True
    last = text.rfind("\n", start, end)
    return at > last > first - 1 and text[last + 1 : end].strip()[:3] in ("```", "~~~")


def _sentences(text: str, start: int, end: int) -> list[tuple[int, int]]:
    result = []
    position = start
    for gap in _END.finditer(text, start, end):
        if text.endswith(_SHORT, start, gap.start()) and "\n" not in gap.group():
            continue
        result.append((position, gap.start() if gap[1] is None else gap.end(1)))
        position = gap.end()
    result.append((position, end))
    return [(a, b) for a, b in result if text[a:b].strip()]
