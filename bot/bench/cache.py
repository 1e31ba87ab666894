"""Models that keep every generation on disk: what was asked for before is not generated again.

The key is all that a generation follows from (model, messages, biases, n, seed, sampling), so learners
whose prompts agree share one, and a run that was stopped goes on where it was. One candidate is taken as
the first of `WIDTH`: then a learner with one and a learner with four draw the same first text. Workers
side by side share one `Generations`; what one of them is generating, the others wait for.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from bot.models import Completion, Models, Text
from storage.errors import ModelUnavailable
from storage.records import Message

T = TypeVar("T")

PAUSES_S = (2.0, 10.0, 60.0, 120.0)
"""How long a server that is not able now is waited for before each new try."""

WIDTH = 4
"""Candidates of one generation, also where only the first is used."""


class Generations:
    """The kept generations of one policy: a JSON-lines file, and in memory. Thread-safe."""

    def __init__(self, file: Path, model: str) -> None:
        """`model` names the policy for the keys: generations of another one are not used."""
        self.model = model
        self.made = 0
        self._kept = dict(_entries(file))
        self._making: set[str] = set()
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        file.parent.mkdir(parents=True, exist_ok=True)
        end_line(file)
        self._file = file.open("a", encoding="utf-8")

    def get(self, key: str, make: Callable[[], Completion]) -> dict[str, Any]:
        """What is kept under `key`, else what `make` gives, kept. No two threads make the same at once.

        Raises CancelledError after `stop`, and what `make` raises.
        """
        with self._changed:
            while key in self._making:
                self._changed.wait()
            if key in self._kept:
                return self._kept[key]
            self._making.add(key)
        try:
            done = asdict(self.patiently(make))
            with self._changed:
                self._kept[key] = done
                self._file.write(json.dumps({"key": key, "done": done}) + "\n")
                self._file.flush()
                self.made += 1
            return done
        finally:
            with self._changed:
                self._making.discard(key)
                self._changed.notify_all()

    def patiently(self, call: Callable[[], T]) -> T:
        """A call again after a pause while the server is down or busy: a run of hours must outlive a restart.

        Raises CancelledError after `stop`, and ModelUnavailable after the last try.
        """
        for pause_s in (*PAUSES_S, None):
            if self._stopped.is_set():
                raise CancelledError
            try:
                return call()
            except ModelUnavailable:
                if pause_s is None:
                    raise
                self._stopped.wait(pause_s)
        raise AssertionError("the last try returns or raises")

    def stop(self) -> None:
        """Make nothing new from now on: whoever asks for it is cancelled."""
        self._stopped.set()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class CachedModels(Models):
    """One worker's `Models`: looks into the shared generations first; embeds and counts each text once."""

    def __init__(self, inner: Models, kept: Generations) -> None:
        self._inner = inner
        self._kept = kept
        self._vectors_by_text: dict[str, list[float]] = {}
        self._counts_by_text: dict[str, int] = {}

    def complete(self, messages: Sequence[Message], **asked: Any) -> Completion:
        """As `Models.complete`; `seconds` is what the generation took when it was made."""
        wanted = asked["n"]
        asked["n"] = max(wanted, WIDTH) if wanted == 1 else wanted
        parts = [self._kept.model, [asdict(message) for message in messages], sorted(asked.items(), key=str)]
        key = hashlib.sha256(json.dumps(parts, default=_plain).encode()).hexdigest()[:32]
        kept = self._kept.get(key, lambda: self._inner.complete(messages, **asked))
        candidates = tuple(Text(**text) for text in kept["candidates"][:wanted])
        return Completion(**{**kept, "candidates": candidates})

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """As `Models.embed`, each text once and by itself: a vector never follows from what came before."""
        for text in dict.fromkeys(texts):
            if text not in self._vectors_by_text:
                (self._vectors_by_text[text],) = self._kept.patiently(partial(self._inner.embed, [text]))
        return [self._vectors_by_text[text] for text in texts]

    def count_tokens(self, text: str) -> int:
        """As `Models.count_tokens`; each text once."""
        if text not in self._counts_by_text:
            self._counts_by_text[text] = self._kept.patiently(lambda: self._inner.count_tokens(text))
        return self._counts_by_text[text]

    def count_prompt(self, messages: Sequence[Message]) -> int:
        """As `Models.count_prompt`."""
        return self._kept.patiently(lambda: self._inner.count_prompt(messages))

    def close(self) -> None:
        """Close the connections; the generations are closed by who opened them."""
        self._inner.close()


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
