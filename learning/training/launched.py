"""A stage as a command, started by what starts many processes: `accelerate launch`, `torchrun`.

What the command says goes on to the console as it comes. It ends with whoever waits for it: its process group
is killed where that one is stopped, and on Linux the kernel kills it where that one is killed; what a
launcher starts in turn asks for the same (`processes.py`). It gets this process's environment, which of a
night has no secret in it. Left out: starting it on further machines. Imports no torch.
Run: `pytest tests/unit/learning/training/test_launched.py tests/integration/test_night_launched.py`.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import sys
from collections import deque
from pathlib import Path
from typing import Any

from rich.console import Console

from learning.parent import dies_with
from learning.training.arguments import WRONG, flags
from storage.errors import ConfigurationError, TrainingError

LAST = 1000
"""So many lines are kept of what a command says: its traceback is among them where it broke."""


class Broken(TrainingError):
    """A command broke and said no sentence of its own; `said` is what it said last, for a file alone."""

    def __init__(self, message: str, said: str) -> None:
        super().__init__(message)
        self.said = said


def words(launcher: str) -> list[str]:
    """The launcher's command line. Raises ConfigurationError where it is none."""
    try:
        return shlex.split(launcher)
    except ValueError as error:
        raise ConfigurationError(f"The launcher {launcher!r} is no command line: {error}.") from error


def run(launcher: str, module: str, options: Any, console: Console) -> None:
    """Run `python -m module` with these options by the launcher, to its end.

    Raises ConfigurationError where the launcher cannot be started, TrainingError with the stage's own
    sentence where it ends with another code than 0, and Broken where it said none.
    """
    # accelerate and torchrun are installed beside this Python, wherever PATH leads
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    try:
        child = subprocess.Popen(  # noqa: S603
            [*words(launcher), "-m", module, *flags(options)],
            env={**os.environ, "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=dies_with(os.getpid()),
        )
    except OSError as error:
        raise ConfigurationError(
            f"The launcher {launcher!r} cannot be started ({error.strerror}): install it, or name another "
            "one by --launcher."
        ) from error
    said: deque[str] = deque(maxlen=LAST)
    with child:
        try:
            for line in child.stdout or ():
                said.append(line.rstrip())
                console.print(said[-1], markup=False, highlight=False, soft_wrap=True)
            code = child.wait()
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            raise
    if code:
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        ended = f"{module}, started by {launcher!r}, ended with {how}"
        own = [line.partition(WRONG)[2] for line in said if WRONG in line]
        raise TrainingError(f"{ended}: {own[-1]}") if own else Broken(ended, "\n".join(said))
