"""Answers in a file of JSON lines, a question a line, so that a killed run goes on where it ended.

The first line says of which policy, sampling, seed and number of attempts they are: a file of another run is
refused. One process writes at a time. Left out: what is written (`learning/training/answers.py`).
Run: `pytest tests/unit/learning/training/test_answers.py`.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from storage.errors import ConfigurationError, DataError, SetupError

FORMAT = "thumbprint-answers-1"

Known = Mapping[tuple[str, str], list[dict[str, Any]]]
"""The attempts by the question's id and key."""
Keep = Callable[[Mapping[str, Any]], None]
"""Adds a line: `question`, `key` and `written`."""


@contextmanager
def opened(file: Path | None, head: Mapping[str, Any]) -> Iterator[tuple[Known, Keep]]:
    """What a store holds, and how a line is added: it is on the disk when that call is over.

    Without a file nothing is known or kept. Raises DataError for a damaged file and for one with another
    `head`, ConfigurationError where another process writes to it, SetupError for a full disk.
    """
    if file is None:
        yield {}, lambda row: None
        return
    with _said(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        stream = file.open("a+", encoding="utf-8", newline="\n")
    with stream:
        _alone(stream, file)

        def keep(row: Mapping[str, Any]) -> None:
            with _said(file):
                stream.write(json.dumps(row) + "\n")
                stream.flush()
                os.fsync(stream.fileno())

        whole = {"format": FORMAT, **head}
        known = _known(stream, file, whole)
        if not stream.tell():
            keep(whole)
        yield known, keep


@contextmanager
def _said(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SetupError(
            f"Answers cannot be written to {file} ({error.strerror or error}): make room there, and the same "
            "command goes on where this one ended."
        ) from error


def _alone(stream: TextIO, file: Path) -> None:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConfigurationError(
            f"Another process writes answers to {file}: wait for it, or name another folder."
        ) from None


def _known(stream: TextIO, file: Path, head: Mapping[str, Any]) -> Known:
    """The answers that a store holds; what a killed process left of a line is cut off."""
    stream.seek(0)
    text = stream.read()
    if not text.endswith("\n"):
        text = text[: text.rfind("\n") + 1]
        stream.truncate(len(text.encode()))
    stream.seek(0, os.SEEK_END)
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        try:
            row = json.loads(line)
            if number > 1:
                found[row["question"], row["key"]] = row["written"]
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{file}, line {number}, is damaged: delete the file, and run again.") from error
        if number == 1 and row != head:
            raise DataError(
                f"{file} holds answers of another policy, sampling, seed or number of attempts: name another "
                "folder, or delete the file."
            )
    return found
