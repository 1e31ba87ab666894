"""Which changes are no lesson: cosmetics, slips of the pen, and one sentence said otherwise. Pure.

What only a typographer or a grammarian sees is no change at all. A word that was put otherwise where it stood
(`know` → `doubt as to the fact`) is a change, but none that means anything in another sentence.
Left out: irregular verbs (`spoke`, `spoken`), which no ending shows.
Run: `pytest tests/unit/learning/memory/test_cosmetic.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import compress, count
from operator import ne

from learning.memory import common
from learning.memory.background import DEFAULT
from learning.memory.text import STOP, Token, shaped, stem

_SPELLINGS = (("our", "or"), ("ise", "ize"), ("yse", "yze"), ("isa", "iza"), ("ll", "l"), ("tre", "ter"))
_KNOWN = frozenset((*common.NAMES.split(), *common.MODULES.split(), *common.PROGRAMS.split()))
"""Names of software, of which a word of the language may be one letter away (`http`, `httpx`)."""

_LEAST = 4  # letters of a root that "-ion" is taken from


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
    """Whether two runs are the same words in another case, inflection, hyphenation, spacing or quoting."""
    if not gone or not come:
        return False
    if all(t.code for t in (*gone, *come)):
        return [t.text for t in gone] == [t.text for t in come]
    left, right = _letters(gone), _letters(come)
    if left == right and not any(re.search(r"[_./]", t.text) for t in (*gone, *come)):
        return True
    if _spaced(gone, come) or _spaced(come, gone):
        return True
    if any(codelike(t) for t in (*gone, *come)):
        return left == right and [t.text for t in gone] == [t.text for t in come]
    return _roots(gone) == _roots(come)


def slip(gone: Sequence[Token], come: Sequence[Token]) -> bool:
    """Whether one letter made one common word of another (`three` for `tree`): elsewhere it is right.

    Of two spellings of one word (`behaviour`, `behavior`) neither is a slip: which is wanted can be taught.
    What became a stop-word was one, misspelt.
    """
    if len(gone) != 1 or len(come) != 1 or codelike(gone[0]) or codelike(come[0]):
        return False
    wrong, right = gone[0].text.casefold(), come[0].text.casefold()
    if not (wrong.isalpha() and right.isalpha()) or {wrong, right} & _KNOWN:
        return False
    if _spelling(wrong) == _spelling(right):
        return False
    if not (_ordinary(wrong) or _ordinary(right) or right in STOP):
        return False
    start, end = alike(wrong, right)
    one, two = wrong[start : len(wrong) - end], right[start : len(right) - end]
    return max(len(one), len(two)) == 1 or (len(one) == 2 and one == two[::-1])


def reworded(gone: Sequence[Token], come: Sequence[Token], written: str) -> bool:
    """Whether prose says one sentence otherwise, and names nothing that has to be called otherwise elsewhere.

    `written` are both runs as they stand. It is one where a run holds all words of the other in another form,
    one goes on behind a comma, an ordinary word became a clause, or an address became prose.
    """
    if any("://" in t.text for t in gone) and not any(map(codelike, come)):
        return True
    if any(codelike(t) for t in (*gone, *come)):
        return False
    if re.search(r"[,;:(]\s|\s[(–—]", written):
        return True
    one, two = set(_roots(gone)), set(_roots(come))
    if one and two and (one < two or two < one):
        return True
    clause = any(t.text.casefold() in STOP and t.text.casefold() != "of" for t in come)
    return len(gone) == 1 and len(come) > 2 and clause and _ordinary(gone[0].text.casefold())


def _roots(run: Sequence[Token]) -> list[str]:
    """The words that are no stop-words, without possessives and grammatical endings."""
    return [_root(t.text.casefold()) for t in run if t.text.casefold() not in STOP]


@lru_cache(maxsize=65536)
def _root(word: str) -> str:
    word = re.sub(r"['’]s?$", "", word)
    while (cut := stem(word)) != word:
        word = cut
    return word[:-3] if word.isalpha() and word.endswith("ion") and len(word) >= _LEAST + 3 else word


@lru_cache(maxsize=65536)
def _ordinary(word: str) -> bool:
    """Whether a word, or another form of it, is one of the language's own."""
    return DEFAULT.ordinary(word) or (word.isalpha() and word not in _KNOWN and _root(word) in _families())


@lru_cache(maxsize=1)
def _families() -> frozenset[str]:
    return frozenset(_root(word) for word in DEFAULT.shares if DEFAULT.ordinary(word))


def _spaced(one: Sequence[Token], two: Sequence[Token]) -> bool:
    """Whether a lost space after a full stop (`rules.Then`) made one dotted name of two words."""
    if len(one) != 1 or one[0].code or len(two) < 2 or any(map(codelike, two)):
        return False
    return one[0].text.count(".") == len(two) - 1 and one[0].text.split(".") == [t.text for t in two]


def _spelling(word: str) -> str:
    """A word as it is spelt in America."""
    for british, american in _SPELLINGS:
        word = word.replace(british, american)
    return word


def _letters(run: Sequence[Token]) -> str:
    return "".join(re.sub(r"[-'’_]", "", t.text.casefold()) for t in run)
