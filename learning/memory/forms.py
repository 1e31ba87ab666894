"""Where the form that a lesson is about stands in a text, and what to write there instead. Pure.

A correction taught in code holds in code, and in prose where the form can only be code; one taught in prose
holds in prose, in any case and in the plural. Left out: verbs ("using X" for "use X").
Run: `pytest tests/unit/learning/memory/test_forms.py`.
"""

from __future__ import annotations

import re
from functools import lru_cache

from learning.memory.background import DEFAULT
from learning.memory.text import borders, code_ranges, is_code, shaped
from storage.records import Phrase, PhraseKind

CODE = "code"
PROSE = "prose"


def matches(phrase: Phrase, text: str) -> list[tuple[int, int]]:
    """Ranges of a phrase in a text, in order, without those that already stand within the right form."""
    pattern = _pattern(phrase)
    if pattern is None:
        return []
    found = [m.span() for m in pattern.finditer(text)]
    if not found or phrase.kind is not PhraseKind.CORRECTION:
        return found
    ranges = code_ranges(text)
    found = [(a, b) for a, b in found if _belongs(phrase, text, a, b, any(s <= a < e for s, e, _ in ranges))]
    if phrase.text.casefold() in phrase.right.casefold():
        right = [m.span() for m in borders(phrase.right, True).finditer(text)]
        found = [(a, b) for a, b in found if not any(s <= a and b <= e for s, e in right)]
    return found


def replacement(phrase: Phrase, found: str) -> str:
    """The right form for what was found: its plural for a plural, a capital for a capital."""
    right = phrase.right
    if phrase.context == CODE:
        return right
    if found.casefold() != phrase.text.casefold() and found.casefold() in plurals(phrase.text.casefold()):
        right = plurals(right)[0] if plurals(right) else right
    if (
        found[:1].isupper()
        and right[:1].islower()
        and not shaped(right.split()[0])
        and phrase.text[:1].islower()
    ):
        right = right.upper() if found.isupper() and len(found) > 2 else right[0].upper() + right[1:]
    return right


@lru_cache(maxsize=65536)
def _pattern(phrase: Phrase) -> re.Pattern[str] | None:
    text = phrase.text.strip()
    if not text:
        return None
    if phrase.kind is PhraseKind.WORDING:
        return borders(text) if is_code(text) else borders(text, True, r"[\s,;:*_]+")
    if phrase.context == CODE:
        return _head(text) if _module(phrase) else borders(text)
    forms = sorted({text, *plurals(text)}, key=len, reverse=True)
    return re.compile("|".join(borders(form, True).pattern for form in forms), re.IGNORECASE)


def _module(phrase: Phrase) -> bool:
    """A bare name for a bare name (`requests` → `httpx`) holds for the head of a dotted name too."""
    return all(re.fullmatch(r"[^\W\d]\w*", form) for form in (phrase.text, phrase.right))


def _head(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w\\-])(?<!\w[./]){re.escape(name)}(?![\w-])(?![/:]\w)")


def _belongs(phrase: Phrase, text: str, start: int, end: int, inside: bool) -> bool:
    if phrase.context != CODE:
        return not inside
    if inside or not DEFAULT.ordinary(phrase.text):
        return True
    return bool(re.match(r"\W*(library|package|module|function|method|command)\b", text[end : end + 12]))


def plurals(text: str) -> tuple[str, ...]:
    """The regular plural of a wording whose last word is a plain one."""
    head, space, word = text.rpartition(" ")
    if not word.isalpha() or len(word) < 3 or word.endswith("s"):
        return ()
    if word.endswith("y") and word[-2] not in "aeiou":
        return (f"{head}{space}{word[:-1]}ies",)
    return (f"{head}{space}{word}{'es' if word.endswith(('x', 'ch', 'sh', 'z')) else 's'}",)
