"""Where the form that a lesson is about stands in a text, and what to write there instead. Pure.

A correction holds where it was taught. CODE: in code, and in prose where the form can only be code. PROSE: in
prose in any case and in the plural, and in code as a variable or comment. WORD: the same without the plural,
because the person who taught it left the plural alone. Left out: verbs ("using X" for "use X").
Run: `pytest tests/unit/learning/memory/test_repair.py`.
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Sequence
from functools import lru_cache, partial

from learning.memory import commands
from learning.memory.background import DEFAULT
from learning.memory.commands import program
from learning.memory.common import ATTRIBUTES, SUFFIXES
from learning.memory.text import PROGRAMS, borders, code_ranges, command, is_code, shaped
from storage.records import Phrase, PhraseKind

CODE = "code"
PROSE = "prose"
WORD = "word"

_SUFFIX = "|".join(SUFFIXES.split())
_FILE = re.compile(rf"\.?\w[\w.-]*\.(?:{_SUFFIX})")
_REST = re.compile(rf"(?:\.[\w-]{{1,40}}+){{0,4}}?\.({_SUFFIX})(?![\w(-]|\.\w)")
_ATTRIBUTES = frozenset(ATTRIBUTES.split())
_NAME = re.compile(r"[^\W\d]\w*")
_NOUN = re.compile(r"[`*]*\s(library|package|module|function|method|class|command|statement)\b")


def matches(phrase: Phrase, text: str) -> list[tuple[int, int]]:
    """Ranges of a phrase in a text, in order, without those that already stand within the right form."""
    if _start(phrase) not in text.casefold():
        return []
    pattern = _pattern(phrase)
    if pattern is None:
        return []
    found = [m.span() for m in pattern.finditer(text)]
    if not found or phrase.kind is not PhraseKind.CORRECTION:
        return found
    ranges = code_ranges(text)
    found = [(a, b) for a, b in found if _belongs(phrase, text, a, b, any(s <= a < e for s, e, _ in ranges))]
    if phrase.context == CODE and name(phrase.text.removesuffix(".")):
        fences = [(s, e) for s, e, fence in ranges if fence]
        stem = partial(_in_file_name, text, fences)
        found = [(a, b) for a, b in found if not stem(a, b)]
    if phrase.context == CODE and _located(phrase.text) and phrase.right[:1] in "./~":
        found = [(a - 2 if text[a - 2 : a] == "./" else a, b) for a, b in found]
    if command(phrase.right):
        right = [m.span() for m in commands.pattern(phrase.right, phrase.text).finditer(text)]
        found = [(a, b) for a, b in found if not any(s <= a and b <= e for s, e in right)]
    if phrase.text.casefold() in phrase.right.casefold():
        folded = phrase.text.casefold() != phrase.right.casefold()
        right = [m.span() for m in borders(phrase.right, folded).finditer(text)]
        found = [(a, b) for a, b in found if not any(s <= a and b <= e for s, e in right)]
    return found


def replacement(phrase: Phrase, text: str, start: int, end: int) -> str | None:
    """The right form for what was found: its plural for a plural, a capital for a capital.

    None for a command that would not surely run as corrected: it is noticed, and stays.
    """
    right, found = phrase.right, text[start:end]
    if phrase.context == CODE:
        ran = command(phrase.text) or phrase.text in PROGRAMS
        return commands.rewritten(phrase.text, right, text, start, end) if ran else right
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


def searched(atom: str) -> str:
    """What an atom of a text is looked up by."""
    return program(atom.casefold().removeprefix("./"))


def name(text: str) -> bool:
    """Whether a form is one bare identifier."""
    return _NAME.fullmatch(text) is not None


def file_name(text: str) -> bool:
    """Whether a form is a file's name by its ending, if it is not called."""
    return _FILE.fullmatch(text) is not None


def plurals(text: str) -> tuple[str, ...]:
    """The regular plural of a wording whose last word is a plain one."""
    head, space, word = text.rpartition(" ")
    if not word.isalpha() or len(word) < 3 or word.endswith("s"):
        return ()
    if word.endswith("y") and word[-2] not in "aeiou":
        return (f"{head}{space}{word[:-1]}ies",)
    return (f"{head}{space}{word}{'es' if word.endswith(('x', 'ch', 'sh', 'z')) else 's'}",)


def _start(phrase: Phrase) -> str:
    """What no text lacks that holds the phrase: most texts need no pattern to be told from such."""
    first = phrase.text.split(None, 1)[0].casefold() if phrase.text.strip() else ""
    if phrase.context == CODE:
        return program(first)
    return re.split(r"[,;:*_]", first)[0][:-1] if len(first) > 3 else ""


@lru_cache(maxsize=65536)
def _pattern(phrase: Phrase) -> re.Pattern[str] | None:
    text = phrase.text.strip()
    if not text:
        return None
    if phrase.kind is PhraseKind.WORDING:
        return borders(text) if is_code(text) else borders(text, True, r"[\s,;:*_]+")
    if phrase.context == CODE:
        return _code(text, phrase.right)
    forms = [*plurals(text), text] if phrase.context == PROSE else [text]
    if name(text):
        kinds = "|".join(re.escape(form) for form in forms)
        end = rf"(?!\w|[/:-]\w|/|\.(?:{_SUFFIX})\b)"
        return re.compile(rf"(?<![\w\\-])(?<!\w[./])(?:{kinds}){end}", re.IGNORECASE)
    return re.compile("|".join(borders(form, True).pattern for form in forms), re.IGNORECASE)


def _code(text: str, right: str) -> re.Pattern[str]:
    """A bare name for a bare name (`json` → `orjson`) holds for the head of a dotted name too.

    One that nothing else is called by (`get_user`) holds for its tail as well.
    """
    if text.endswith(".") and name(text[:-1]):
        return re.compile(rf"(?<![\w\\-])(?<!\w[./]){re.escape(text)}(?=[^\W\d])")
    if command(text):
        return commands.pattern(text, right)
    if _located(text):  # `./io.py` is `io.py`; one in another folder is another file
        here = r"(?:(?<![./])|(?<=\./)(?<![\w./~}]\./))"
        return re.compile(rf"(?<![\w\\-]){here}{re.escape(text)}(?!\w)(?![./:-]\w)(?![/(])")
    if not (name(text) and name(right)):
        if text not in PROGRAMS:
            return borders(text)
        start = rf"(?:{commands.LAUNCHER}|{commands.START})"
        return re.compile(rf"{start}{re.escape(text)}(?!\w)(?![./:-]\w)(?!/)")
    own = re.search(r"\w_\w|[a-z][A-Z]", text) is not None
    chained = (
        r"(?<!\w/)" if own else rf"(?:(?<!\w[./])|(?<=\b{re.escape(text)}\.)|(?<=\b{re.escape(right)}\.))"
    )
    form = re.escape(text)
    if text in PROGRAMS and not DEFAULT.ordinary(text):
        form = rf"{commands.spelt(text, right)}(?<!\.)"  # people say PIP, Pip and pip3, and mean the same
        return re.compile(rf"(?:{commands.LAUNCHER}|(?<![\w\\-]){chained}){form}(?!\w|-\w|/|::)")
    elif text.islower() and len(text) > 3 and not DEFAULT.ordinary(text):
        form = f"(?:{form}|{re.escape(text.capitalize())})"
    return re.compile(rf"(?<![\w\\-]){chained}{form}(?!\w|-\w|/|::)")


def _located(text: str) -> bool:
    """Whether a form is a file's name or a path that starts nowhere in particular."""
    return (
        re.match(r"\w", text) is not None
        and text[-1] != "/"
        and "://" not in text
        and (file_name(text) or re.fullmatch(r"[\w.-]+(?:/[\w.-]+)+", text) is not None)
    )


def _belongs(phrase: Phrase, text: str, start: int, end: int, inside: bool) -> bool:
    if phrase.context != CODE:
        return not inside or _renames(phrase, text, start, end)
    after = text[end : end + 14]
    used = re.match(r"\(|\.[^\W\d]", after) is not None
    if inside:
        said = text[start:end] != phrase.text and name(phrase.text) and phrase.text not in PROGRAMS
        return not said and (not _remark(text, start) or not DEFAULT.ordinary(phrase.text) or used)
    return used or not DEFAULT.ordinary(phrase.text) or bool(_NOUN.match(after))


def _in_file_name(text: str, fences: Sequence[tuple[int, int]], start: int, end: int) -> bool:
    """Whether a name is the stem of a file's (`json.txt`), and no object with an attribute of that name."""
    rest = _REST.match(text, end - 1 if text[end - 1] == "." else end)
    if rest is None or rest[1] not in _ATTRIBUTES or _remark(text, start):
        return rest is not None
    return not any(a <= start < b for a, b in fences)


def _renames(phrase: Phrase, text: str, start: int, end: int) -> bool:
    """Whether a term of prose that stands in code is a remark or a variable, which may be renamed with it."""
    found = text[start:end]
    if _remark(text, start):
        return True
    if found != phrase.text or not name(phrase.text) or not name(phrase.right) or _reserved(found):
        return False
    if re.search(rf"^\W*(?:from|import)\b.*\b{re.escape(found)}\b", text, re.MULTILINE):
        return False
    return not re.match(r"\(|=(?!=)", text[end : end + 2]) and text[start - 1 : start] not in (
        ".",
        "/",
        "-",
    )


def _reserved(word: str) -> bool:
    return keyword.iskeyword(word) or hasattr(builtins, word) or word in PROGRAMS


def _remark(text: str, at: int) -> bool:
    """Whether a place in code is within a comment or a string, as far as its line tells."""
    line = text[text.rfind("\n", 0, at) + 1 : at]
    tick = line.rfind("`") + 1
    line = line[tick:]
    return any(line.count(quote) % 2 for quote in "\"'") or "#" in line or "//" in line
