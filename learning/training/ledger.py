"""What a training says while it runs: metrics as JSON lines and for TensorBoard, and a bar for people.

Left out: what the figures mean. Run: `pytest tests/unit/learning/training/test_ledger.py`, and
`tensorboard --logdir OUT` shows the curves.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

FILE = "metrics.jsonl"


class Ledger:
    """A context manager over `out`/metrics.jsonl and TensorBoard's files in `out`/tensorboard.

    A run that goes on from `step` drops the lines after it: they will be written anew. Without a console
    there is no bar.
    """

    def __init__(self, out: Path, *, step: int, steps: int, console: Console | None = None) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of the protocol buffers that it brings
            from tensorboardX import SummaryWriter

        out.mkdir(parents=True, exist_ok=True)
        self._file = out / FILE
        kept = [line for line in read(out) if line["step"] <= step]
        part = self._file.with_suffix(".part")  # whole or not: a full disk takes no line that was there
        part.write_text("".join(json.dumps(line) + "\n" for line in kept))
        part.replace(self._file)
        self._board: Any = SummaryWriter(
            str(out / "tensorboard"), purge_step=step + 1, filename_suffix=f".from-{step}"
        )
        self._bar = Progress(
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[said]}"),
            TimeRemainingColumn(),
            console=console,
            disable=console is None,
        )
        self._task = self._bar.add_task("", total=steps, completed=step, said="")

    def __enter__(self) -> Ledger:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
        self._board.close()

    def note(self, step: int, figures: Mapping[str, float], said: str) -> None:
        """Keep the figures of a step, and say `said` beside the bar."""
        with self._file.open("a") as stream:
            stream.write(json.dumps({"step": step, **figures}, allow_nan=False) + "\n")
        for name, value in figures.items():
            self._board.add_scalar(name, value, step)
        self._board.flush()
        self._bar.update(self._task, completed=step, said=said)


def read(out: Path) -> list[dict[str, float]]:
    """The lines of `out`/metrics.jsonl, a step each; a last line that was cut off is left out."""
    try:
        lines = (out / FILE).read_text().splitlines()
    except FileNotFoundError:
        return []
    found = []
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError:
            break
    return found
