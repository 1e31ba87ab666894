"""What a night has done so far: a note a stage, written when its output is whole, and read by the next try.

A stage whose note stands, and whose output is as it was, is skipped; one that was killed is begun again, and
goes on from its own checkpoints. `point` is called by name around each step, for those who want to kill it
there. Left out: the stages (`learning/training/retrain.py`).
Run: `pytest tests/unit/learning/training/test_night_journal.py`.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from storage.errors import ConfigurationError, SetupError
from storage.redaction import redact

STAGES = ("data", "sft", "reward", "independent", "ppo", "evaluate", "gate")
RECIPE = "recipe.json"
BEGUN = "begun.json"
VERDICT = "verdict.json"
FAILED = "failed.json"
BROKEN = "broken.log"
"""What nobody foresaw, whole: tracebacks, the newest last. It names lines and may quote rows, so it is here,
beside those, and nowhere else."""


class Journal:
    """The notes of one night in its folder. Raises SetupError where nothing can be written."""

    def __init__(
        self, folder: Path, recipe: Mapping[str, object], point: Callable[[str], None] = lambda name: None
    ) -> None:
        """Begin a night, or go on with one. Raises ConfigurationError for one of another recipe, and for one
        of another version, whose recipes have other options."""
        self.folder, self.point = folder, point
        known, plain = read(folder / RECIPE), json.loads(json.dumps(recipe))
        if known and known.keys() != plain.keys():
            odd = min(known.keys() ^ plain.keys())
            raise ConfigurationError(
                f"{folder} holds a night of another version of Thumbprint, with other options ({odd}): begin "
                "it anew in another --out, as `thumbprint retrain` does by itself the next time."
            )
        if known and known != plain:
            odd = next(name for name in {**known, **plain} if known.get(name) != plain.get(name))
            raise ConfigurationError(
                f"{folder} holds a night with another {odd}: name another --out, or remove it."
            )
        if not known:
            write(folder / RECIPE, plain)

    def stage(
        self, name: str, work: Callable[[], Mapping[str, object]], stands: Callable[[], bool] = lambda: True
    ) -> dict[str, Any]:
        """What a stage found out: its note where its output `stands`, else after its work."""
        file = self.folder / "stages" / f"{name}.json"
        note = read(file)
        if note and stands():
            return note
        self.point(f"before {name}")
        begun = time.monotonic()
        found = {**work(), "seconds": round(time.monotonic() - begun, 1)}
        self.point(f"after {name}")
        write(file, found)
        self.point(f"noted {name}")
        return read(file)


def notes(folder: Path) -> dict[str, dict[str, Any]]:
    """The notes there are, by stage, in the order of the stages."""
    found = {name: read(folder / "stages" / f"{name}.json") for name in STAGES}
    return {name: note for name, note in found.items() if note}


def judge_anew(folder: Path) -> dict[str, Any]:
    """Let go of what was judged against another adapter than serves now; the empty verdict that is left."""
    (folder / VERDICT).unlink(missing_ok=True)
    for stage, where in (("evaluate", "evaluation"), ("gate", "gate")):
        (folder / "stages" / f"{stage}.json").unlink(missing_ok=True)
        shutil.rmtree(folder / where, ignore_errors=True)
    return {}


def read(file: Path) -> dict[str, Any]:
    """A JSON object; empty where there is none that can be read."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write(file: Path, values: Mapping[str, object]) -> None:
    """Write a JSON object whole or not at all. Raises SetupError for a full or read-only disk."""
    text(file, json.dumps(values, indent=1, default=str, allow_nan=False) + "\n")


def unforeseen(what: str, error: Exception) -> str:
    """What broke, without the words of an error that is not ours: they may quote anything."""
    return f"{what} broke with {type(error).__name__}, which nobody foresaw"


def broken(said: str, whole: str, file: Path) -> str:
    """The one sentence for a reader, which says in which file `whole` is; where that cannot be written it is
    on stderr, which is the log of a night that began by itself."""
    entry = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC {said}\n{redact(whole).rstrip()}\n\n"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8", errors="replace") as stream:
            stream.write(entry)
    except OSError:
        sys.stderr.write(entry)
        return f"{said}: see the log."
    return f"{said}: {file} has the traceback."


def text(file: Path, content: str) -> None:
    """Write a text whole or not at all. Raises SetupError for a full or read-only disk."""
    part = file.with_name(file.name + ".part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w", encoding="utf-8") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise SetupError(
            f"{file} cannot be written ({error.strerror or error}): make room, and the same night goes on."
        ) from error
