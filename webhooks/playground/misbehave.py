"""What the playground can be told to do wrong, as GitHub and networks do: rules that wear out.

| kind | what happens | fields that matter |
| --- | --- | --- |
| delay | a matching API call waits before it is carried out | seconds |
| error | a matching API call is answered `status` (502) and not carried out | status |
| drop | a matching API call is carried out, then answered `status`; 0 cuts the connection | status |
| lag | posts younger than `seconds` are in no list and not found (a replica that is behind) | seconds |
| duplicate | a delivery is sent twice, with one GUID | |
| withhold | a delivery is not sent; it is listed as failed | |

`times` says how often a rule acts (0: until it is cleared). Left out: corrupted bytes.
"""

from __future__ import annotations

import threading
from fnmatch import fnmatchcase
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal["delay", "error", "drop", "lag", "duplicate", "withhold"]


class Rule(BaseModel):
    """One thing to do wrong. `path` is a shell pattern over the path below `/api/v3`, or `/graphql`."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    times: int = Field(1, ge=0)
    method: str = "*"
    path: str = "*"
    seconds: float = Field(0.0, ge=0, le=600)
    status: int = Field(502, ge=0, le=599)
    done: int = 0

    @property
    def spent(self) -> bool:
        """Whether it has acted as often as it was told to."""
        return 0 < self.times <= self.done


class Misbehaviour:
    """The rules in force. Thread-safe; not kept over a restart."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Rule] = []

    def add(self, rule: Rule) -> Rule:
        """Put a rule in force. A `drop` that does not say which call waits for the next new comment."""
        if rule.kind == "drop" and (rule.method, rule.path) == ("*", "*"):
            rule = rule.model_copy(update={"method": "POST", "path": "*/comments"})
        with self._lock:
            self._rules.append(rule)
        return rule

    def clear(self) -> None:
        """Behave again."""
        with self._lock:
            self._rules.clear()

    def rules(self) -> list[Rule]:
        """What is still in force."""
        with self._lock:
            return [rule.model_copy() for rule in self._rules]

    def take(self, kind: Kind, method: str = "*", path: str = "*") -> Rule | None:
        """Use up one time of the first rule of that kind that matches, or None."""
        with self._lock:
            for rule in self._rules:
                if rule.kind == kind and _matches(rule, method, path):
                    rule.done += 1
                    self._rules = [kept for kept in self._rules if not kept.spent]
                    return rule.model_copy()
        return None


def _matches(rule: Rule, method: str, path: str) -> bool:
    return fnmatchcase(method, rule.method.upper()) and fnmatchcase(path, rule.path)
