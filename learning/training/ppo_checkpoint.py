"""Checkpoints of PPO: everything that the next step depends on, in one file that is whole or not there.

All randomness follows from the seed and the step, so a checkpoint holds no generator's state. Left out: the
metrics (`ledger.py` cuts them back to the checkpoint's step), the adapter for serving (`ppo.py`).
Run: `pytest tests/unit/learning/training/test_ppo.py`.
"""

from __future__ import annotations

import os
import pickle
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from learning.training.alarms import Alarms, Seen
from learning.training.ppo_math import KlController
from learning.training.roles import Roles
from storage.errors import ConfigurationError, DataError, SetupError

KEPT = 2


@dataclass
class State:
    """A run after `step` steps."""

    step: int
    controller: KlController
    alarms: Alarms


def save(folder: Path, run: str, state: State, roles: Roles, optimizer: torch.optim.Optimizer) -> Path:
    """Write `folder`/step-N.pt and let the oldest go. Raises SetupError for a full or read-only disk."""
    whole = {
        "run": run,
        "step": state.step,
        "controller": asdict(state.controller),
        "seen": [asdict(each) for each in state.alarms.seen],
        "trained": {name: each.detach() for name, each in roles.trained().items()},
        "optimizer": optimizer.state_dict(),
    }
    file = folder / f"step-{state.step}.pt"
    part = file.with_suffix(".part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as stream:
            torch.save(whole, stream)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(file)
        for _, old in _all(folder)[:-KEPT]:
            old.unlink()
    except (OSError, RuntimeError) as error:
        part.unlink(missing_ok=True)
        raise SetupError(
            f"The checkpoint {file} cannot be written ({error}): make room; the one before it is kept."
        ) from error
    return file


def latest(folder: Path) -> Path | None:
    """The newest checkpoint in `folder`, or None."""
    found = _all(folder)
    return found[-1][1] if found else None


def load(file: Path, run: str, state: State, roles: Roles, optimizer: torch.optim.Optimizer) -> State:
    """The state in `file`, put into `roles` and `optimizer`.

    Raises DataError for a damaged file, ConfigurationError for one of a run with other options.
    """
    try:
        whole: dict[str, Any] = torch.load(file, map_location=roles.device, weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError, ValueError) as error:
        raise DataError(
            f"The checkpoint {file} is damaged: delete it, and the run goes on from the one before."
        ) from error
    if whole.get("run") != run:
        raise ConfigurationError(
            f"{file.parent.parent} holds a run with other options or data: name another --out, or delete it."
        )
    with torch.no_grad():
        for name, each in roles.trained().items():
            each.copy_(whole["trained"][name])
    optimizer.load_state_dict(whole["optimizer"])
    return State(
        step=whole["step"],
        controller=KlController(**whole["controller"]),
        alarms=Alarms(state.alarms.limits, [Seen(**each) for each in whole["seen"]]),
    )


def _all(folder: Path) -> list[tuple[int, Path]]:
    found = []
    for file in folder.glob("step-*.pt"):
        if name := re.fullmatch(r"step-(\d+)\.pt", file.name):
            found.append((int(name[1]), file))
    return sorted(found)
