"""What the layers of configuration come to: a repository's file, its organisation's, the server. Pure.

Key by key: a key of the repository's file stands over its organisation's, that over the server's. A key that
is unknown or whose value is none of its own is a Problem, with line and remedy, and only that key is left to
the layer below; a file that cannot be read as a whole is one Problem. What costs the operator is theirs:
quotas can be lowered and strangers shut out, not the other way round, and models are those they allow.
Left out: fetching files (`bot/configurations.py`), saying what is wrong in a thread (`bot/answer.py`).
Run: `pytest tests/unit/bot/test_config.py`.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from bot.repo_config import EMPTY, RepoConfig, schema
from bot.sanitise import code_span
from bot.settings import Settings
from bot.trigger import DEFAULT_WORDS
from bot.yaml_file import Document, Path, Refused, read

PATH = ".github/thumbprint.yml"
ORGANISATION_PATH = "thumbprint.yml"
SHOWN = 5
"""Problems that one comment names."""

_LONGEST = 40
_IGNORED = "Until then it is ignored."
_KEYS = schema()["properties"]


class Origin(enum.Enum):
    """Where a value in force comes from."""

    REPOSITORY = "this repository's file"
    ORGANISATION = "the organisation's file"
    SERVER = "the server"


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing wrong in a file, as a sentence with its remedy; line 0 is none in particular.

    `key`: which of ours it is about, "" for none. `quotable`: who reads a thread may read the file as well.
    An organisation's may be private.
    """

    place: str
    line: int
    text: str
    key: str = ""
    quotable: bool = True

    @property
    def where(self) -> str:
        """Which line of which file."""
        return f"{code_span(self.place)}, line {self.line}" if self.line else code_span(self.place)

    def __str__(self) -> str:
        return f"{self.where}: {self.text}"


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One file: what it chooses, the line of each key, and what is wrong with it."""

    origin: Origin
    place: str
    chosen: Mapping[str, Any] = field(default_factory=dict)
    lines: Mapping[Path, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Effective:
    """What is in force where somebody chose something, whence, and what is wrong with the files."""

    config: RepoConfig = EMPTY
    origins: Mapping[str, Origin] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def origin(self, key: str) -> Origin:
        """Where a key's value comes from."""
        return self.origins.get(key, Origin.SERVER)

    @property
    def word(self) -> str:
        """The first word that asks here, for hints."""
        return (self.config.triggers or DEFAULT_WORDS)[0]

    @property
    def digest(self) -> str:
        """What is wrong, as a short word that changes when that does; "" where nothing is."""
        text = "\n".join(map(str, self.problems))
        return hashlib.sha256(text.encode()).hexdigest()[:16] if text else ""

    def remarks(self) -> tuple[str, ...]:
        """The sentences for a thread, the first few; of a file that may be private no word."""
        hidden = f"something is wrong there: `{self.word} config` tells an admin what."
        said = [f"{one}" if one.quotable else f"{one.where}: {hidden}" for one in self.problems[:SHOWN]]
        more = len(self.problems) - len(said)
        return (*said, *([f"and {more} more, which `{self.word} config` lists."] if more else []))


def layer(origin: Origin, place: str, text: str | None, fault: str = "") -> Layer:
    """One file's choices; `fault` says why it is no text."""
    if fault:
        return Layer(origin=origin, place=place, problems=(_whole(place, fault),))
    if text is None:
        return Layer(origin=origin, place=place)
    try:
        document = read(text.removeprefix("\ufeff"))
    except Refused as refused:
        return Layer(origin=origin, place=place, problems=(_whole(place, str(refused), refused.line),))
    chosen: dict[str, Any] = {}
    problems: list[Problem] = []
    doubled = {path[0]: (path, line) for path, line in document.twice}
    for key, value in document.values.items():
        line = document.lines[key,]
        if key in doubled:
            path, line = doubled[key]
            name = code_span(".".join(map(str, path))[:_LONGEST])
            problems.append(
                Problem(
                    place=place,
                    line=line,
                    text=f"{name} stands there twice: keep one. {_IGNORED}",
                    key=key if key in _KEYS else "",
                )
            )
        elif key not in _KEYS:
            problems.append(Problem(place=place, line=line, text=_unknown(key)))
        elif value is not None:
            try:
                chosen[key] = getattr(RepoConfig.model_validate({key: value}), key)
            except ValidationError as error:
                problems.append(_bad(place, document, key, value, error))
    return Layer(origin=origin, place=place, chosen=chosen, lines=document.lines, problems=tuple(problems))


def merge(layers: Sequence[Layer], settings: Settings) -> Effective:
    """Files from the most general to the most special, on a server's settings."""
    chosen: dict[str, Any] = {}
    origins: dict[str, Origin] = {}
    problems: list[Problem] = []
    for one in layers:
        for key, value in one.chosen.items():
            if not _beyond(key, value, settings, chosen):
                chosen[key], origins[key] = value, one.origin
    for one in layers:
        beyond = [
            Problem(place=one.place, line=one.lines[key,], text=sentence, key=key)
            for key, value in one.chosen.items()
            if (sentence := _beyond(key, value, settings, chosen))
        ]
        quotable = one.origin is not Origin.ORGANISATION
        problems += [replace(problem, quotable=quotable) for problem in (*one.problems, *beyond)]
    return Effective(
        config=RepoConfig.model_construct(**{**EMPTY.model_dump(), **chosen}),
        origins=origins,
        problems=tuple(problems),
    )


def _whole(place: str, reason: str, line: int = 0) -> Problem:
    return Problem(place=place, line=line, text=f"{reason}. Nothing in this file holds until that is mended.")


def _unknown(key: str) -> str:
    near = get_close_matches(key, _KEYS, n=1, cutoff=0.6)
    meant = f"did you mean {code_span(near[0])}?" if near else f"the keys are {_listed(list(_KEYS))}."
    return f"there is no key {code_span(key[:_LONGEST])}: {meant} {_IGNORED}"


def _bad(place: str, document: Document, key: str, value: Any, error: ValidationError) -> Problem:
    """What is wrong with one value, at the innermost place that has a line."""
    first = error.errors()[0]
    where: Path = tuple(part for part in first["loc"] if isinstance(part, str | int))
    while where not in document.lines and len(where) > 1:
        where = where[:-1]
    line = document.lines.get(where) or document.lines[key,]
    name = code_span(".".join(map(str, where))[:_LONGEST])
    if first["type"] == "value_error":
        sentence = str(first["ctx"]["error"])
        text = f"{name}: {sentence}{'' if sentence.endswith('?') else '.'}"
    elif first["type"] == "missing":
        text = f"{name} lacks {code_span(str(first['loc'][-1]))}."
    elif first["type"] == "extra_forbidden":
        text = f"{name} is no key here."
    else:
        said = first["input"]
        shown = _shown(said)
        near = get_close_matches(said, _KEYS[key].get("enum", ()), n=1) if isinstance(said, str) else []
        meant = f" Did you mean {code_span(near[0])}?" if near else ""
        text = f"{name} {shown}takes {takes(_at(where, key))}.{meant}"
    return Problem(place=place, line=line, text=f"{text} {_IGNORED}", key=key)


def _shown(said: object) -> str:
    """A value in a sentence about it, if it is short enough to be one."""
    if isinstance(said, bool):
        said = str(said).lower()
    if not isinstance(said, str | int | float):
        return ""
    value = str(said)[:_LONGEST] or '""'
    return f"is {code_span(value)}, and it "


def _at(where: Path, key: str) -> Mapping[str, Any]:
    """The schema of what stands at a path."""
    found: Mapping[str, Any] = _KEYS[key]
    for part in where[1:]:
        found = found.get("items", {}) if isinstance(part, int) else found.get("properties", {}).get(part, {})
        if "$ref" in found:
            found = schema()["$defs"][found["$ref"].rsplit("/", 1)[-1]]
    return found


def takes(one: Mapping[str, Any]) -> str:
    """What a key takes, in words, from its schema."""
    if "enum" in one:
        return f"one of {_listed(one['enum'])}"
    match one.get("type"):
        case "boolean":
            return "`true` or `false`"
        case "integer":
            return f"a whole number from {one['minimum']} to {one['maximum']}"
        case "number":
            return f"a number from {one['minimum']:g} to {one['maximum']:g}"
        case "array":
            most = f" of at most {one['maxItems']}" if "maxItems" in one else ""
            example = (
                ", ".join(map(str, one.get("examples", [()])[0]))
                if one.get("items", {}).get("type") == "string"
                else ""
            )
            return f"a list{most}" + (f", such as {code_span(f'[{example}]')}" if example else "")
    patterns = {"^/": "a word such as `/ask`: a slash and small letters, digits or dashes"}
    pattern = str(one.get("pattern", ""))
    said = next((words for start, words in patterns.items() if pattern.startswith(start)), "")
    time = 'a time such as `"22:00"`' if "24:00" in pattern else ""
    return said or time or "a name such as " + code_span(str((one.get("examples") or ["policy"])[0]))


def _beyond(key: str, value: Any, settings: Settings, chosen: Mapping[str, Any]) -> str:
    """Why the operator does not let a repository choose this, or ""; `chosen` is what holds instead."""
    if key.startswith("questions_per_") and value > getattr(settings, key):
        most = getattr(settings, key)
        holds = chosen.get(key, most)
        return f"{code_span(key)} is {value}, and this server allows {most} at most: {holds} holds."
    if key == "strangers" and value and not settings.strangers:
        return "`strangers` is `true`, and this server is closed to them: it stays so."
    if key == "model" and value not in settings.models_offered:
        offered = _listed(sorted(settings.models_offered))
        return f"`model` is {code_span(value)}, and this server offers {offered}. {_IGNORED}"
    return ""


def _listed(names: Sequence[str]) -> str:
    return ", ".join(code_span(name) for name in names)
