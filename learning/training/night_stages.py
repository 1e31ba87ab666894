"""The stages of a night: each the stage as it is, and a note of what it found. `retrain.py` has their order.

A stage is skipped where its note stands and its output is whole, each byte compared. Left out: what each is
told (`learning/training/night_told.py`), what each does.
Run: `pytest tests/unit/learning/training/test_retrain.py tests/integration/test_night_killed.py`.
"""

from __future__ import annotations

import dataclasses
import gc
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from rich.console import Console

from learning.models import hub, store
from learning.training import (
    artefact,
    evaluate,
    gate,
    launched,
    night_data,
    night_told,
    ppo,
    reward,
    reward_data,
    reward_page,
    reward_report,
    sft,
    snapshot,
)
from learning.training.night_journal import Journal
from learning.training.night_options import Recipe
from learning.training.processes import device
from learning.training.rows import Rows, Split
from learning.training.sft_data import refuse_other_templates
from storage.errors import DataError, ModelError


class Stages:
    """One night over its folder."""

    def __init__(self, recipe: Recipe, point: Callable[[str], None], console: Console) -> None:
        self.recipe, self.console, self.out = recipe, console, recipe.out
        if recipe.threads:  # here, for PPO has no such option, and a night may begin again with it
            torch.set_num_threads(recipe.threads)
        self.device = device(recipe.cpu)
        self.base = hub.resolve(recipe.model, "policy", recipe.cache, console=console)
        self.own = snapshot.read(recipe.data)
        self.journal = Journal(recipe.out, {**recipe.recorded, "snapshot": self.own.id}, point)

    def data(self) -> Path:
        """What all stages learn from and are judged on; refused here where it could teach nothing."""
        return Path(self._stage("data", self._data)["folder"])

    def _data(self) -> dict[str, object]:
        recipe, own = self.recipe, self.own
        if lack := night_data.lacking(own.rows, recipe.least):
            raise DataError(lack)
        folder, rows = recipe.data, own.rows
        if recipe.corpus is not None:
            public = snapshot.read(recipe.corpus)
            rows = night_data.joined(rows, public.rows, recipe.corpus_questions, recipe.seed)
            about = {"own": own.id, "corpus": public.id, "scope": own.manifest["about"].get("scope")}
            folder = snapshot.write(rows, self.out / "data", about=about).folder
        refuse_other_templates(rows.prompted, f"The snapshot {folder.name[:12]}")
        reward_data.read(folder)
        if (old := night_told.reward_model(recipe, folder, self.out).rehearse) is not None:
            reward_data.read(old)
        sources = Counter(row.origin.source.value for row in night_data.every(rows))
        return {
            "folder": str(folder.absolute()),
            "own": own.id,
            "counts": _counts(rows),
            "sources": dict(sorted(sources.items())),
        }

    def sft(self, data: Path) -> Path:
        """The adapter after supervised fine-tuning."""
        out = self.out / "sft"

        def work() -> dict[str, object]:
            self._trained(sft, night_told.sft(self.recipe, data, out))
            made = artefact.read(out)
            return {"adapter": made.id, **made.metrics}

        self._stage("sft", work, lambda: _stands(out))
        return out

    def reward(self, data: Path) -> tuple[Path, str]:
        """The model that tells better answers from worse ones and trains; and why it may not, or ""."""
        out = self.out / "reward"

        def work() -> dict[str, object]:
            told = replace(night_told.reward_model(self.recipe, data, out), device=self.device)
            said = reward.run(told, self.console).manifest
            found = {name: said[name] for name in ("questions", "calibrated_on", "contradictions")}
            report = self._judged(data, out)
            gates = report.judged if report else reward_page.unjudged()
            return {**found, "accuracy": _accuracy(report), "gates": [_plain(gate) for gate in gates]}

        note = self._stage("reward", work, lambda: store.state(out) == "ready")
        return out, _unfit(note["gates"])

    def independent(self, data: Path) -> Path:
        """The one that judges alone: the one that is named, or another one made of the same data."""
        if self.recipe.independent is not None:
            return self.recipe.independent
        out = self.out / "independent"

        def work() -> dict[str, object]:
            told = night_told.independent_model(self.recipe, data, out)
            reward.run(replace(told, device=self.device), self.console)
            return {"accuracy": _accuracy(self._judged(data, out))}

        self._stage("independent", work, lambda: store.state(out) == "ready")
        return out

    def _judged(self, data: Path, model: Path) -> reward_page.Report | None:
        """How good a reward model is in the test part; None where no question of it is left to judge by."""
        options = reward_report.Options(
            data=data, model=model, part="test", device=self.device, cache=self.recipe.cache
        )
        try:
            return reward_report.run(options, self.console)
        except DataError:
            return None

    def ppo(self, data: Path, sft: Path, reward: Path, independent: Path) -> Path:
        """The adapter after PPO: the one that is judged."""
        out = self.out / "ppo"

        def work() -> dict[str, object]:
            told = night_told.ppo(
                self.recipe, self.base, data, out, sft=sft, reward=reward, independent=independent
            )
            self._trained(ppo, told)
            made = artefact.read(out / "adapter")
            return {"adapter": made.id, "steps": told.steps, **made.metrics}

        self._stage("ppo", work, lambda: _stands(out / "adapter"))
        return out / "adapter"

    def evaluate(self, data: Path, sft: Path, policy: Path, reward: Path, independent: Path) -> None:
        """Base, fine-tuned, trained and serving policy beside each other, on questions nobody trained on."""
        told = night_told.evaluation(
            self.recipe,
            data,
            self.out / "evaluation",
            sft=sft,
            policy=policy,
            reward=reward,
            independent=independent,
        )

        def work() -> dict[str, object]:
            evaluate.run(told, console=self.console)
            return {"systems": ", ".join(told.systems)}

        self._stage("evaluate", work)

    def gate(self, data: Path, policy: Path, reward: Path, independent: Path) -> dict[str, Any]:
        """Whether the adapter may serve: `passed`, `adapter`, `reason`. The default is no."""
        told = night_told.gate(
            self.recipe, data, self.out / "gate", policy=policy, reward=reward, independent=independent
        )

        def work() -> dict[str, object]:
            report = gate.run(told, console=self.console)
            return {"passed": report.passed, "adapter": report.adapter, "reason": report.reason}

        found = self._stage("gate", work)
        return {name: found[name] for name in ("passed", "adapter", "reason")}

    def _trained(self, stage: ModuleType, told: object) -> None:
        """Carry out a stage that many processes can share: here, or as a command of the launcher."""
        if self.recipe.launcher:
            launched.run(self.recipe.launcher, stage.__name__, told, self.console)
        else:
            stage.run(told, console=self.console)

    def _stage(
        self, name: str, work: Callable[[], Mapping[str, object]], stands: Callable[[], bool] = lambda: True
    ) -> dict[str, Any]:
        self.console.print(f"retrain: {name}", markup=False)
        found = self.journal.stage(name, work, stands)
        gc.collect()  # a stage's networks are not to stand beside the next one's
        return found


def _stands(adapter: Path) -> bool:
    """Whether a whole adapter is there, each byte compared."""
    try:
        artefact.read(adapter)
    except ModelError:
        return False
    return True


def _accuracy(report: reward_page.Report | None) -> dict[str, object] | None:
    """How often the better answer scores more; None without questions."""
    if report is None:
        return None
    one = report.accuracy
    return {"mean": one.mean, "low": one.low, "high": one.high, "questions": one.questions}


def _plain(gate: reward_page.Gate) -> dict[str, object]:
    """A gate as the note keeps it; `passed` is null where it was not judged."""
    wanted = reward_page.GATES[gate.name]
    return {"name": gate.name, "passed": gate.passed, "found": gate.found, "wanted": wanted}


def _unfit(gates: Sequence[Mapping[str, Any]]) -> str:
    """One sentence that says which gates a reward model failed, and with which figures; "" where none."""
    failed = [one for one in gates if one["passed"] is False]
    said = "; ".join(f"{one['name']} ({one['found']}; wanted: {one['wanted']})" for one in failed)
    gate = "a gate" if len(failed) == 1 else f"{len(failed)} gates"
    return f"The reward model trains nothing, for it failed {gate}: {said}." if failed else ""


def _counts(rows: Rows) -> dict[str, dict[str, int]]:
    """How many rows of each kind are in each part, and how many threads or questions they are of."""
    found = {
        one.name: dict(Counter(row.origin.split.value for row in getattr(rows, one.name)))
        for one in dataclasses.fields(rows)
    }
    return {**found, "threads": {part.value: len(night_data.groups(rows, part)) for part in Split}}
