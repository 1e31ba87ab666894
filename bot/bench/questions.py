"""Questions: what people ask in the measured loop, read from a file and split into halves.

Format: docs/bench-loop.md; `../shared/data/so_python` is one such file, and a small one of our own writing is
packaged. The half to which a question belongs follows from its id alone, so that no run can teach what
another one measures. What is left out: which of them break a rule (`bot/bench/trial.py`).
Run: `thumbprint bench loop --questions FILE`.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.errors import ConfigurationError

DATA = Path("../shared/data/so_python")
PACKAGED_SMALL = Path(__file__).parent / "data" / "questions-small.jsonl"
BODY_CHARACTERS = 600
"""How much of an issue's text is used: one prompt stays a few hundred tokens."""


@dataclass(frozen=True, kw_only=True)
class AskedQuestion:
    """One question: `title` is asked, in the thread of an issue with this title and `body`."""

    id: str
    title: str
    body: str
    url: str = ""

    @property
    def hash(self) -> int:
        """A number that follows from the id alone."""
        return int.from_bytes(hashlib.sha256(self.id.encode()).digest()[:8], "big")

    @property
    def teaches(self) -> bool:
        """Whether it belongs to the teaching half; the rest is never seen before it is measured."""
        return self.hash % 2 == 0


def default_file(*, small: bool) -> Path:
    """The Stack Overflow questions beside the checkout; a small run takes 300 short ones, or else ours."""
    file = DATA / ("mini_300.jsonl.gz" if small else "questions.jsonl.gz")
    return PACKAGED_SMALL if small and not file.exists() else file


def load(path: Path) -> tuple[AskedQuestion, ...]:
    """The usable questions of a JSON-lines file (gzip by its ending), in the order of their hashes.

    Rows without a title are left out, bodies cut to `BODY_CHARACTERS`. Raises ConfigurationError
    that names the line and the remedy.
    """
    if not path.exists():
        raise ConfigurationError(f"There is no {path}: name a file of questions with --questions FILE.")
    found = {question.id: question for question in _rows(path)}
    if not found:
        raise ConfigurationError(f"{path} holds no question with a title: add some.")
    return tuple(sorted(found.values(), key=lambda question: (question.hash, question.id)))


def _rows(path: Path) -> Iterator[AskedQuestion]:
    opener: Any = gzip.open if path.suffix == ".gz" else open
    number = 0
    try:
        with opener(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    row = _row(path, number, line)
                    if row.title:
                        yield row
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{path} cannot be read after line {number}: write JSON lines in UTF-8 (gzip: .gz)."
        ) from error


def _row(path: Path, number: int, line: str) -> AskedQuestion:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise ConfigurationError(
            f"{path}, line {number} is not JSON ({error.msg}): write one object a line."
        ) from error
    if not isinstance(row, dict):
        raise ConfigurationError(f"{path}, line {number} is not an object: write one object a line.")
    for name in ("id", "question"):
        if not isinstance(row.get(name), str) or not row[name].strip():
            raise ConfigurationError(f"{path}, line {number} has no text under `{name}`: add it.")
    title, url = row.get("title"), row.get("url")
    if title is not None and not isinstance(title, str):
        raise ConfigurationError(f"{path}, line {number}: `title` must be text or null.")
    return AskedQuestion(
        id=row["id"],
        title=" ".join((title or "").split()),
        body=row["question"].strip()[:BODY_CHARACTERS].strip(),
        url=url if isinstance(url, str) else "",
    )
