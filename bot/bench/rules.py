"""Rules: what hidden maintainers want of answers, read from a declarative file and checked.

Format: docs/bench-loop.md. The packaged set is `bot/bench/data/rules.yml`. Patterns are Python
regular expressions, case-insensitive. What is left out: what a maintainer does about a broken rule
(`bot/bench/maintainer.py`). Run: `thumbprint bench loop --rules FILE`.
"""

from __future__ import annotations

import enum
import re
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from storage.errors import ConfigurationError

PACKAGED = Path(__file__).parent / "data" / "rules.yml"
PACKAGED_SMALL = Path(__file__).parent / "data" / "rules-small.yml"


class RuleKind(enum.Enum):
    """The kinds of rule, in the order of the report."""

    IDENTIFIER = "identifier"
    COMMAND = "command"
    TERM = "term"
    WORDING = "wording"
    LENGTH = "length"
    MENTION = "mention"
    SILENCE = "silence"

    @property
    def corrects(self) -> bool:
        """Whether its rules are corrections of one form into another that must be kept after one edit."""
        return self in (RuleKind.IDENTIFIER, RuleKind.COMMAND)

    @property
    def replaces(self) -> bool:
        """Whether a rule of this kind writes `right` where the answer wrote `wrong`."""
        return self in (RuleKind.IDENTIFIER, RuleKind.COMMAND, RuleKind.TERM)


class Teaching(enum.Enum):
    """How the maintainer says that the rule was broken: corrects the text, or 👎 (two readers with them)."""

    EDIT = "edit"
    THUMB = "thumb"


class Rule(BaseModel):
    """One thing that a repository's maintainers want, and never write down for the bot.

    `questions` limits it to questions whose title matches; empty means every question of the repository.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    kind: RuleKind
    questions: str = ""
    wrong: str = ""
    right: str = ""
    pattern: str = ""
    limit_words: int = Field(0, ge=0)
    teach: Teaching = Teaching.EDIT

    @model_validator(mode="after")
    def _complete(self) -> Rule:
        needs = {
            RuleKind.WORDING: [] if self.pattern else ["wrong"],
            RuleKind.LENGTH: ["limit_words"],
            RuleKind.MENTION: ["right"],
            RuleKind.SILENCE: ["questions"],
        }.get(self.kind, ["wrong", "right"])
        missing = [name for name in needs if not getattr(self, name)]
        if missing:
            raise ValueError(f"a rule of kind {self.kind.value} needs `{'`, `'.join(missing)}`: add it")
        for name in ("questions", "pattern"):
            _compiled(name, getattr(self, name))
        if self.kind.replaces and self.sought.search(self.right):
            raise ValueError(
                f"`right` ({self.right}) still holds what the rule forbids: write a narrower `pattern`"
            )
        return self

    @cached_property
    def sought(self) -> re.Pattern[str]:
        """What a broken answer holds, or what an unbroken one must (kind mention)."""
        if self.pattern:
            return _compiled("pattern", self.pattern)
        return re.compile(whole(self.right if self.kind is RuleKind.MENTION else self.wrong), re.IGNORECASE)

    def concerns(self, title: str) -> bool:
        """Whether the rule is about questions with this title."""
        return not self.questions or _compiled("questions", self.questions).search(title) is not None


class RuledRepository(BaseModel):
    """A small repository: which questions come up in it, and what its maintainers want."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[\w.-]+/[\w.-]+$")
    topic: str = Field(min_length=1)
    rules: tuple[Rule, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _sound(self) -> RuledRepository:
        _compiled("topic", self.topic)
        names = [rule.name for rule in self.rules]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"rule name `{twice[0]}` occurs twice: rename one")
        return self

    def about(self, title: str) -> bool:
        """Whether a question with this title comes up here."""
        return _compiled("topic", self.topic).search(title) is not None


def whole(text: str) -> str:
    """A pattern that finds `text` as a whole word, name or command, with any white space in it."""
    inner = r"\s+".join(re.escape(word) for word in text.split())
    left = r"(?<!\w)" if re.match(r"\w", text) else ""
    right = r"(?!\w)" if re.search(r"\w$", text) else ""
    return f"{left}{inner}{right}"


def load(path: Path) -> tuple[RuledRepository, ...]:
    """The repositories in a YAML (or JSON) rules file.

    Raises ConfigurationError that names the file, the repository or rule, and the remedy.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read ({error.strerror}): check the path.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where else ""
        raise ConfigurationError(
            f"{path}{line} is not valid YAML: see docs/bench-loop.md for an example."
        ) from error
    if not isinstance(data, dict) or not isinstance(data.get("repositories"), list) or len(data) != 1:
        raise ConfigurationError(
            f"{path} must hold one key, `repositories`, with a list: see docs/bench-loop.md for an example."
        )
    if not data["repositories"]:
        raise ConfigurationError(f"{path} lists no repository: add at least one.")
    repositories = tuple(
        _repository(path, place, entry) for place, entry in enumerate(data["repositories"], 1)
    )
    names = [repository.name for repository in repositories]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigurationError(
            f"{path}: repository `{twice[0]}` occurs twice: rename one or join their rules."
        )
    return repositories


def _repository(path: Path, place: int, entry: Any) -> RuledRepository:
    try:
        return RuledRepository.model_validate(entry)
    except ValidationError as error:
        name = entry.get("name", f"number {place}") if isinstance(entry, dict) else f"number {place}"
        first = error.errors(include_url=False)[0]
        raise ConfigurationError(f"{path}: repository `{name}`, {_where(entry, first)}") from error


def _where(entry: Any, problem: Any) -> str:
    """Which rule and field pydantic complains about, and what it says."""
    place = list(problem["loc"])
    said = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        said = "unknown key: remove it or correct its name"
    if problem["type"] == "missing":
        said = "missing: add it"
    if place[:1] == ["rules"] and len(place) > 1 and isinstance(place[1], int):
        rule = entry["rules"][place[1]]
        name = rule.get("name") if isinstance(rule, dict) else None
        field = f", `{place[2]}`" if len(place) > 2 else ""
        return f"rule `{name or place[1] + 1}`{field}: {said}."
    return f"`{'.'.join(str(part) for part in place)}`: {said}." if place else f"{said}."


def _compiled(name: str, pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern, re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"`{name}` is not a regular expression ({error}): correct it") from error
