"""A configuration file as values with the lines on which they stand. Pure.

YAML as its 1.2 has it (`on` and `22:00` are words), and less of it: what a file of a few keys never needs is
refused, each in a sentence with its line: anchors and aliases (and so the "billion laughs"), tags, several
documents, nesting beyond a few levels. The parser's events are read one by one, so no document, however deep
or wide, builds anything before it is refused. Left out: what the keys mean (`bot/config.py`).
Run: `pytest tests/unit/bot/test_yaml_file.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

LARGEST = 16_384
"""Characters beyond which a file is no configuration of ours."""

DEEPEST = 5
MOST = 1_000
"""Values in one file."""

MOST_BRACKETS = 200
"""Opening brackets in one file: the parser's time grows with the square of those that stay open."""

Path = tuple[str | int, ...]

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INT = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]{1,30}|[0-9]{1,30}(?:\.[0-9]{0,30})?)(?:[eE][-+]?[0-9]{1,3})?")


class Refused(ValueError):
    """A file that is no configuration as a whole: why, and on which line (0: on none)."""

    def __init__(self, reason: str, line: int = 0) -> None:
        super().__init__(reason)
        self.line = line


@dataclass(frozen=True)
class Document:
    """The mapping that a file is; the line of each key and list entry by its path; keys said twice."""

    values: dict[str, Any]
    lines: dict[Path, int]
    twice: tuple[tuple[Path, int], ...] = ()


@dataclass
class _Reader:
    events: Iterator[yaml.Event]
    lines: dict[Path, int] = field(default_factory=dict)
    twice: list[tuple[Path, int]] = field(default_factory=list)
    seen: int = 0

    def value(self, event: yaml.Event, path: Path) -> Any:
        """The value that begins with an event."""
        line = _line(event)
        self.seen += 1
        if self.seen > MOST:
            raise Refused(f"it holds more than {MOST} values", line)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise Refused("it uses an anchor or alias (`&`, `*`): write the value out", line)
        if getattr(event, "tag", None) not in (None, "!"):
            raise Refused("it uses a tag (`!`): write the value alone", line)
        if len(path) > DEEPEST:
            raise Refused(f"it is nested more than {DEEPEST} levels deep", line)
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        return self._list(path)

    def _mapping(self, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(key := next(self.events), yaml.MappingEndEvent):
            line = _line(key)
            if not isinstance(key, yaml.ScalarEvent) or key.anchor or key.tag:
                raise Refused("a key is a word, and here stands something else", line)
            name = str(key.value)
            value = self.value(next(self.events), (*path, name))
            if name in found:
                self.twice.append(((*path, name), line))
            found[name] = value
            self.lines[*path, name] = line
        return found

    def _list(self, path: Path) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            at = (*path, len(found))
            self.lines[at] = _line(event)
            found.append(self.value(event, at))
        return found


def read(text: str) -> Document:
    """A file's keys and values; an empty file has none. Raises Refused."""
    if len(text) > LARGEST:
        raise Refused(f"it has {len(text)} characters, and {LARGEST} are allowed")
    if text.count("{") + text.count("[") > MOST_BRACKETS:
        raise Refused(f"it has more than {MOST_BRACKETS} opening brackets")
    reader = _Reader(yaml.parse(text, Loader=yaml.SafeLoader))
    try:
        next(reader.events)  # the stream's start
        if isinstance(next(reader.events), yaml.StreamEndEvent):
            return Document({}, {})
        first = next(reader.events)
        if (
            isinstance(first, yaml.ScalarEvent)
            and not first.anchor
            and not first.tag
            and _scalar(first) is None
        ):
            return Document({}, {})
        if isinstance(first, yaml.ScalarEvent | yaml.SequenceStartEvent):
            raise Refused("it is no mapping of keys to values", _line(first))
        values = reader.value(first, ())
        next(reader.events)  # the document's end
        if not isinstance(more := next(reader.events), yaml.StreamEndEvent):
            raise Refused("it holds several documents (`---`), and one is read", _line(more))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Refused(_broken(text, mark), mark.line + 1 if mark else 0) from error
    except yaml.YAMLError as error:
        raise Refused("it holds a character that no YAML file may hold") from error
    return Document(values, reader.lines, tuple(reader.twice))


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0


def _broken(text: str, mark: yaml.Mark | None) -> str:
    lines = text.splitlines()
    if mark is not None and mark.line < len(lines) and "\t" in lines[mark.line]:
        return "it is no YAML: there is a tab, and YAML is indented with spaces"
    return "it is no YAML"


def _scalar(event: yaml.ScalarEvent) -> Any:
    """A scalar by YAML 1.2's core schema; what was quoted is a word."""
    text = str(event.value)
    if event.style is not None:
        return text
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
