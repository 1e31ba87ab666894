"""What an evaluation is of: base, data, systems and judges by what they hold, not by where they lie.

Left out: the evaluation itself (`learning/training/evaluate.py`).
Run: `pytest tests/unit/learning/training/test_evaluate.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from learning.models import adapters, store
from learning.training import artefact
from learning.training.evaluate_figures import BASE
from learning.training.evaluate_options import Options
from storage.errors import ConfigurationError, DataError

STAGE = "evaluate"


def of(options: Options, base: Path, judged_by: str) -> dict[str, Any]:
    """Plain JSON; `run`, the evaluation's name, follows from all of it and from its judges.

    Raises ConfigurationError for a folder without an adapter, ModelError for a damaged one, DataError where
    there is no data.
    """
    systems = {
        name: [_adapter(folder) for folder in folders if folder is not None]
        for name, folders in options.systems.items()
        if name != BASE
    }
    about = {
        "base": adapters.base_hash(base),
        "data": options.data.name,
        "data_id": _data_id(options.data),
        "systems": systems,
        "judges": {
            name: _name(model)
            for name, model in (("reward", options.reward), ("independent", options.independent))
        },
        "options": options.recorded,
    }
    return {**about, "run": artefact.run_id(STAGE, about, judged_by)}


def _adapter(folder: Path) -> dict[str, str]:
    """Which adapter it is: its manifest's id, or for another trainer's the hash of its parameters."""
    manifest = adapters.read(folder)
    if manifest is not None:
        return {"id": manifest.id, "stage": manifest.stage, "snapshot": manifest.snapshot}
    file = folder / adapters.NEEDED[1]
    if not file.is_file():
        raise ConfigurationError(f"{folder} holds no adapter: it has no {file.name}.")
    return {"id": store.sha256_of(file), "stage": "", "snapshot": ""}


def _data_id(folder: Path) -> str:
    """16 hex digits of the data's files, whatever their folder is called."""
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else [folder]
    if not all(path.is_file() for path in files) or not files:
        raise DataError(
            f"There is no data in {folder}: give a snapshot, or a folder with questions.jsonl.gz."
        )
    return artefact.run_id("data", *(store.sha256_of(path) for path in files)).removeprefix("data-")


def _name(model: Path | None) -> str:
    """A reward model for people: its folder's name and its manifest's hash."""
    return f"{model.name} ({store.sha256_of(model / store.MANIFEST)[:12]})" if model else ""
