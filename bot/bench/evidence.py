"""Evidence for the gate: is the phrase memory obeyed with this adapter as it is with the one that serves?

The small measured loop over three seeds, twice: with the serving policy, then, on the very same exercises,
with the candidate; each on a model process of our own that has the adapter merged in, as it would serve. Only
the bot as it ships is taught. What is kept is gone on with: the serving policy's half is measured once,
however many candidates come, and anew by another version. Left out: what is concluded from it
(`learning/training/gate_memory.py`).

    thumbprint gate --candidate DIR …
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from rich.console import Console

from bot.bench import loop
from bot.bench.results import OfOthers
from bot.settings import Settings
from learning.models import adapters
from learning.training.gate_memory import FORMAT, LEARNER
from storage.errors import ModelError

COURSES, TRIALS = "courses.json", "trials.jsonl"
SEEDS = 3
"""With one, a policy that breaks a rule in every second answer was often taught nothing."""


def measure(
    settings: Settings,
    candidate: Path,
    deployed: Path | None,
    *,
    workers: int | None = None,
    console: Console | None = None,
) -> Path:
    """Run what is not there yet; the file for the gate, under `<home>/bench/gate`.

    Raises ModelError for an adapter that is none of ours, and what the benchmark raises.
    """
    ids = [_id(candidate), _id(deployed) if deployed else ""]
    home = settings.home / "bench" / "gate"
    serving = home / (f"serving-{ids[1][:16]}" if deployed else "serving-base")
    tried = home / f"candidate-{ids[0][:16]}-{ids[1][:16] or 'base'}"
    before = _report(settings, deployed, serving, workers, console)
    tried.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(serving / COURSES, tried / COURSES)
    after = _report(settings, candidate, tried, workers, console)
    told = {
        "format": FORMAT,
        "adapter": ids[0],
        "deployed": ids[1],
        "candidate": after,
        "serving": before,
    }
    file = tried / "memory.json"
    file.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return file


def _report(
    settings: Settings, adapter: Path | None, folder: Path, workers: int | None, console: Console | None
) -> dict[str, Any]:
    """The small loop's report with an adapter merged in, kept in `folder`."""
    served = settings.model_copy(
        update={"model_url": "", "adapter": str(adapter.absolute()) if adapter else ""}
    )

    def run() -> dict[str, Any]:
        return loop.run(
            served, small=True, seeds=SEEDS, learners=(LEARNER,), workers=workers, out=folder, console=console
        )

    try:
        return run()
    except OfOthers:  # an upgrade, or a folder that was moved: nobody keeps these trials but we
        (folder / TRIALS).unlink()
        return run()


def _id(folder: Path) -> str:
    manifest = adapters.read(folder)
    if manifest is None:
        raise ModelError(f"{folder} holds no adapter of ours: it has no {adapters.MANIFEST}.")
    return manifest.id
