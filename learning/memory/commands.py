"""Commands in a text: a program, its words, the options between them, and what starts it. Pure.

`python -m pip -q install`, `pip3 install` and `pip \\` with `install` on the next line are one command. What
was taught is carried out where the result surely runs; elsewhere it is noticed, and left (ADR 0003).
Left out: what an option means to another program. Run: `pytest tests/unit/learning/memory/test_commands.py`.
"""

from __future__ import annotations

import re
import sys
from functools import lru_cache

from learning.memory.common import MANAGERS as MANAGER_NAMES
from learning.memory.text import PROGRAMS, command

MANAGERS = frozenset(MANAGER_NAMES.split())
"""Programs that manage an environment from without: run within one, they manage another or none."""

WINDOW = 10
"""Words behind a program within which the next word of its command may stand."""

LAUNCHER = (
    r"(?:(?<![\w\\./~-])(?:[\w.~-]{0,40}/){0,12}+(?:python[\d.]*|py|\{sys\.executable\})"
    r"(?:[ \t]+-(?!m)[\w.]+){0,6}[ \t]+-m[ \t]*"
    r"|(?<![\w%])%)"
)
"""What runs a module as a program: `python -m`, or a notebook's `%`."""

START = r"(?<![\w\\-])(?<!\w[./])"
_VALUE = r"(?:\d+|[\w~+-]*[/.:@~][\w./:@~+-]*)(?=[\s\\])"
_OPTION = rf"(?:-C[ \t]+[\w./~-]+|--?[A-Za-z][\w-]*(?:=[^\s`;|&]+|[ \t]+{_VALUE})?)"
_SPACE = r"(?:\s|\\\n)+"
_GAP = rf"{_SPACE}(?:{_OPTION}{_SPACE}){{0,4}}?"
_HOST = re.compile(
    r"\b(?:conda|mamba|micromamba|poetry|pipenv|pdm|hatch|rye|uv|docker|podman|kubectl|docker-compose)[ \t]+"
    r"(?:compose[ \t]+)?(?:run|exec)\b[^;|&\n`]*$"
)
_ONCE = re.compile(r"-\w\d+|-[qsvk]|--(?:quiet|silent|verbose)|--[a-z][\w-]*=\S+")
_MODULE = re.compile(r"(?:^|\s)-m[ \t]*$")


def program(word: str) -> str:
    """A program without its version and what starts it: `pip3` and `-mpip` are `pip`."""
    bare = word.removeprefix("-m").rstrip("0123456789.")
    return bare if bare in PROGRAMS and (word[:1].isalpha() or word[:2] == "-m") else word


def spelt(word: str, other: str) -> str:
    """The pattern of a program in any version, unless its version is what tells it from the `other`."""
    if word != other and program(word) == program(other):
        return rf"(?i:{re.escape(word)})(?![\d.]*\d)"
    return rf"(?i:{re.escape(program(word))})[\d.]*"


@lru_cache(maxsize=65536)
def pattern(form: str, other: str) -> re.Pattern[str]:
    """Where one form of a corrected command stands, each word a group, options between them allowed."""
    head, *rest = form.split()
    words = [f"({spelt(head, other.split()[0])})", *map(_word, rest)]
    end = r"(?!\w)(?![./:-]\w)(?!/)" if re.search(r"\w\Z", form) else ""
    return re.compile(rf"(?:{LAUNCHER}|{START}){_GAP.join(words)}{end}")


def rewritten(wrong: str, right: str, text: str, start: int, end: int) -> str | None:
    """What to write for the command `wrong` at `start`; None where no result surely runs."""
    old, new = wrong.split(), right.split()
    begins = re.compile(rf"{LAUNCHER}(?=(?i:{re.escape(program(old[0].casefold()))})[\d.]*(?!\w))").match(
        text, start
    )
    launcher = begins.group() if begins else ""
    if program(old[0].casefold()) == program(new[0].casefold()):
        inner = _options_kept(old, new, text, start, end)
        return None if inner is None else launcher + inner
    alone = _runs_alone(old, new)
    before = text[text.rfind("\n", 0, start) + 1 : start]
    hosted = new[0] in MANAGERS and _HOST.search(before)
    if hosted or (alone and not launcher and _MODULE.search(before)):
        return None
    body = _passed_on(old, new, text, start, end)
    if body is None or not launcher:
        return body
    return ("!" + body if launcher == "%" else body) if alone else launcher + body


def general(wrong: str, right: str) -> tuple[str, str]:
    """A correction without what stood there for once: `python -m`, how loud, how many jobs."""
    begins = re.match(LAUNCHER, wrong)
    if begins and command(wrong[begins.end() :]) and not re.match(LAUNCHER, right):
        wrong = wrong[begins.end() :]
    old, new = wrong.split(), right.split()
    if len(old) != len(new) or old[0] != new[0]:
        return wrong, right
    kept = [(a, b) for a, b in zip(old, new, strict=True) if a != b or not _ONCE.fullmatch(a)]
    return " ".join(a for a, _ in kept), " ".join(b for _, b in kept)


def _word(word: str) -> str:
    """An option keeps its case (`-r`, `-R`), a word does not."""
    return rf"({re.escape(word)})" if word.startswith("-") else rf"(?i:({re.escape(word)}))"


def _runs_alone(old: list[str], new: list[str]) -> bool:
    """Whether the right form is a program of its own, and no module that `python -m` runs (`venv`)."""
    return new[0] not in sys.stdlib_module_names and (len(old) > 1 or new[0] in PROGRAMS)


def _options_kept(old: list[str], new: list[str], text: str, start: int, end: int) -> str | None:
    """Word for word within one program, whose options mean what they meant."""
    found = pattern(" ".join(old), " ".join(new)).match(text, start) if len(old) > 1 else None
    if found is None or not _optional(found, text):
        return " ".join(new)
    if len(old) != len(new):
        return None
    parts, at = list[str](), found.start(1)
    for number, word in enumerate(new, 1):
        keep = word == old[number - 1]
        parts += [text[at : found.start(number)], found[number] if keep else word]
        at = found.end(number)
    return "".join(parts)


def _passed_on(old: list[str], new: list[str], text: str, start: int, end: int) -> str | None:
    """The new command; with options in the old one only if it passes that on whole, or is a part of it."""
    found = pattern(" ".join(old), " ".join(new)).match(text, start) if len(old) > 1 else None
    if found is None or not _optional(found, text):
        return " ".join(new)
    if new[-len(old) :] == old:
        return " ".join([*new[: -len(old)], text[found.start(1) : end]])
    if old[-len(new) :] == new:
        return text[found.start(len(old) - len(new) + 1) : end]
    return None


def _optional(found: re.Match[str], text: str) -> bool:
    """Whether anything but space stands between the words of a command."""
    groups = range(1, (found.lastindex or 1))
    return any(text[found.end(n) : found.start(n + 1)].strip(" \t\r\n\\") for n in groups)
