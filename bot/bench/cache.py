"""A Models that keeps every generation on disk: what was asked for before is not generated again.

The key is all that a generation follows from (model, messages, biases, n, seed, sampling), so learners
whose prompts agree share one, and a run that was stopped goes on where it was. One candidate is taken as
the first of `WIDTH`: then a learner with one and a learner with four draw the same first text.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from bot.models import Completion, Models, Text
from storage.errors import ModelUnavailable
from storage.records import Message

T = TypeVar("T")

PAUSES_S = (2.0, 10.0, 60.0)
"""How long a server that is not able now is waited for before each new try."""

WIDTH = 4
"""Candidates of one generation, also where only the first is used."""


class CachedModels(Models):
    """`Models` with a memory: a JSON-lines file of generations, and embeddings and token counts in memory."""

    def __init__(self, inner: Models, file: Path, model: str) -> None:
        """`model` names the policy for the key: generations of another one are not used."""
        self._inner = inner
        self._model = model
        self._vectors_by_text: dict[str, list[float]] = {}
        self._counts_by_text: dict[str, int] = {}
        self.made = 0
        self._kept = dict(_entries(file))
        file.parent.mkdir(parents=True, exist_ok=True)
        end_line(file)
        self._file = file.open("a", encoding="utf-8")

    def complete(self, messages: Sequence[Message], **asked: Any) -> Completion:
        """As `Models.complete`; `seconds` is what the generation took when it was made."""
        wanted = asked["n"]
        asked["n"] = max(wanted, WIDTH) if wanted == 1 else wanted
        parts = [self._model, [asdict(message) for message in messages], sorted(asked.items(), key=str)]
        key = hashlib.sha256(json.dumps(parts, default=_plain).encode()).hexdigest()[:32]
        if key not in self._kept:
            done = _patiently(lambda: self._inner.complete(messages, **asked))
            self._kept[key] = asdict(done)
            self._file.write(json.dumps({"key": key, "done": self._kept[key]}) + "\n")
            self._file.flush()
            self.made += 1
        kept = self._kept[key]
        candidates = tuple(Text(**text) for text in kept["candidates"][:wanted])
        return Completion(**{**kept, "candidates": candidates})

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """As `Models.embed`; each text once."""
        new = [text for text in dict.fromkeys(texts) if text not in self._vectors_by_text]
        if new:
            self._vectors_by_text.update(zip(new, _patiently(lambda: self._inner.embed(new)), strict=True))
        return [self._vectors_by_text[text] for text in texts]

    def count_tokens(self, text: str) -> int:
        """As `Models.count_tokens`; each text once."""
        if text not in self._counts_by_text:
            self._counts_by_text[text] = self._inner.count_tokens(text)
        return self._counts_by_text[text]

    def count_prompt(self, messages: Sequence[Message]) -> int:
        """As `Models.count_prompt`."""
        return self._inner.count_prompt(messages)

    def close(self) -> None:
        """Close the file and the connections."""
        self._file.close()
        self._inner.close()


def _patiently(call: Callable[[], T]) -> T:
    """A call again after a pause while the server is down or busy: a run of hours must outlive a restart."""
    for pause_s in PAUSES_S:
        try:
            return call()
        except ModelUnavailable:
            time.sleep(pause_s)
    return call()


def end_line(file: Path) -> None:
    """End the last line of a JSON-lines file that a kill cut off, so that the next entry gets its own."""
    if file.exists() and not file.read_bytes().endswith(b"\n"):
        with file.open("a", encoding="utf-8") as cut_off:
            cut_off.write("\n")


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else asdict(value)  # type: ignore[call-overload]


def _entries(file: Path) -> list[tuple[str, dict[str, Any]]]:
    """What the file holds; a last line that was cut off by a kill is not an entry."""
    if not file.exists():
        return []
    entries = []
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
            entries.append((row["key"], row["done"]))
        except (json.JSONDecodeError, KeyError):
            continue
    return entries
