"""Keeps the playground's things in one SQLite file, as JSON by kind and key; everything is in memory too.

A restart reads the whole file. Writes go through at once, one transaction for each thing that happened. A
killed process loses nothing; a power cut may: there is no fsync, since tests write thousands of things.
Left out: queries; a playground is small enough to look things up in dictionaries.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from storage.errors import SetupError

Thing = TypeVar("Thing", bound=BaseModel)


class Store:
    """`home`/playground.db, or nothing but memory when `home` is None. Not thread-safe: the state locks."""

    def __init__(self, home: Path | None) -> None:
        self.path = str(home / "playground.db") if home else ":memory:"
        try:
            if home:
                home.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None)
            self._connection.execute("PRAGMA synchronous = OFF")
            self._connection.execute(
                "CREATE TABLE IF NOT EXISTS things"
                " (kind TEXT, key TEXT, json TEXT NOT NULL, PRIMARY KEY (kind, key))"
            )
        except (OSError, sqlite3.Error) as error:
            raise SetupError(
                f"The playground cannot keep its state in {self.path} ({error}): pass another --home."
            ) from error
        self._depth = 0

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is put within is kept together or not at all; nests."""
        if self._depth == 0:
            self._connection.execute("BEGIN IMMEDIATE")
        self._depth += 1
        try:
            yield
        except BaseException:
            self._depth -= 1
            if self._depth == 0:
                self._connection.execute("ROLLBACK")
            raise
        self._depth -= 1
        if self._depth == 0:
            self._connection.execute("COMMIT")

    def put(self, kind: str, key: str, thing: BaseModel) -> None:
        """Insert or replace."""
        self._connection.execute(
            "INSERT INTO things VALUES (?, ?, ?) ON CONFLICT (kind, key) DO UPDATE SET json = excluded.json",
            (kind, key, thing.model_dump_json()),
        )

    def remove(self, kind: str, key: str) -> None:
        """Forget, if it is there."""
        self._connection.execute("DELETE FROM things WHERE kind = ? AND key = ?", (kind, key))

    def all(self, kind: str, model: type[Thing]) -> Iterator[Thing]:
        """Every thing of a kind, in the order in which they were first put."""
        rows = self._connection.execute("SELECT json FROM things WHERE kind = ? ORDER BY rowid", (kind,))
        for (text,) in rows.fetchall():
            yield model.model_validate_json(text)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
