"""What watches a training by TRL: a progress bar, checkpoints sealed, an end where a number is not finite.

Left out: the training itself (`sft.py`).

    pytest tests/unit/learning/training/test_sft.py
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from transformers import TrainerCallback

from learning.models import store
from storage.errors import DataError


class Watch(TrainerCallback):
    """One bar on the terminal; raises DataError when loss or gradient is no finite number any more."""

    def __init__(self, console: Console, title: str = "supervised fine-tuning") -> None:
        self._bar = Progress(
            TextColumn(title),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[said]}"),
            TimeRemainingColumn(),
            console=console,
        )
        self._task: Any = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Show the bar, from where a run goes on; of many processes the first does."""
        if not state.is_world_process_zero:
            return
        self._bar.start()
        self._task = self._bar.add_task("", total=state.max_steps, completed=state.global_step, said="")

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Each step's figures; before anything of that step is kept."""
        logs = logs or {}
        for name in ("loss", "grad_norm"):
            value = float(logs.get(name, 0.0))
            if not math.isfinite(value):
                self.stop()
                raise DataError(
                    f"Step {state.global_step} has the {name} {value}: nothing of it was kept. Lower "
                    "--learning-rate, or train with --precision fp32; the same command without a change "
                    "goes on from the last checkpoint."
                )
        if "loss" in logs and self._task is not None:
            self._bar.update(self._task, completed=state.global_step, said=f"loss {float(logs['loss']):.3f}")

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """A checkpoint counts from now on, for each process has written its part of it."""
        args.distributed_state.wait_for_everyone()
        if state.is_world_process_zero:
            store.seal(Path(args.output_dir) / f"checkpoint-{state.global_step}")

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Leave the bar as it stands."""
        self.stop()

    def stop(self) -> None:
        """Give the terminal back."""
        self._bar.stop()
