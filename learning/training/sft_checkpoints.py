"""A training's work folder: which run it is of, and the checkpoints that are whole.

A checkpoint counts once every file of it is hashed in its manifest, which is written last: one that a kill
cut short is thrown away. A folder of another run (other options, data or base) is begun anew. Left out:
what a checkpoint holds, which is the trainer's.

    pytest tests/unit/learning/training/test_sft_checkpoints.py
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from learning.models import store
from storage.errors import SetupError

ABOUT = "run.json"


class Work:
    """The folder beside `out` in which a run works until its adapter stands."""

    def __init__(self, out: Path, run: str) -> None:
        """Begin, or go on with, the run of that name. Raises SetupError where nothing can be written."""
        self.folder = out.parent / f".{out.name}-work"
        self._file = self.folder / ABOUT
        if self._read().get("run") != run:
            shutil.rmtree(self.folder, ignore_errors=True)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not self._file.exists():
                self._write({"run": run})
        except OSError as error:
            raise SetupError(
                f"{self.folder} cannot be written ({error.strerror}): make room, or name another --out."
            ) from error

    @property
    def notes(self) -> dict[str, Any]:
        """What was noted with `note`."""
        return self._read()

    def note(self, **values: object) -> None:
        """Keep what need not be computed again by a run that goes on."""
        self._write({**self._read(), **values})

    def latest(self) -> Path | None:
        """The newest whole checkpoint; those that are not whole are removed."""
        found = None
        for folder in sorted(self.folder.glob("checkpoint-*"), key=_step):
            if store.state(folder) == "ready":
                found = folder
            else:
                shutil.rmtree(folder, ignore_errors=True)
        return found

    def done(self) -> None:
        """Remove it all: the adapter stands."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _write(self, values: dict[str, Any]) -> None:
        part = self._file.with_suffix(".part")
        part.write_text(json.dumps(values), encoding="utf-8")
        part.replace(self._file)


def _step(folder: Path) -> int:
    tail = folder.name.rpartition("-")[2]
    return int(tail) if tail.isdigit() else -1
