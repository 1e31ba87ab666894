"""A night's training as a process of its own: no database, no secret, gone when this process is gone.

It inherits the night's lock, so that no other night begins while it lives, and on Linux the kernel kills it
with its parent. Left out: what it does (`learning/training/retrain.py`).
Run: `pytest tests/integration/test_night_killed.py`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from bot.environment import training_env
from bot.process import ending
from learning.parent import dies_with
from learning.training import night_journal
from learning.training.night_options import Recipe

LOOK_S = 0.5
"""Seconds between two looks at a training process, and at who started this one."""


def train(
    recipe: Recipe,
    lock: int,
    environ: Mapping[str, str] = os.environ,
    look: Callable[[], object] = lambda: None,
) -> str:
    """Carry out what is left of a night; "" where it ended well, or in one sentence why it did not.

    `look` is called now and then meanwhile; what it raises ends the training.
    """
    failed = recipe.out / night_journal.FAILED
    failed.unlink(missing_ok=True)
    # Of the thread that starts it: this one, which waits for it.
    child = subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "learning.training.retrain", *recipe.flags()],
        env=training_env(environ, online=False),
        stdin=subprocess.DEVNULL,
        pass_fds=[lock],
        start_new_session=True,
        preexec_fn=dies_with(os.getpid()),
    )
    try:
        while child.poll() is None:
            look()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(LOOK_S)
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        raise
    if child.returncode == 0:
        return ""
    said = night_journal.read(failed).get("reason")
    return str(said or _unsaid(child.returncode, recipe.out))


def _unsaid(code: int, folder: Path) -> str:
    why = ending(code)
    memory = ": see whether the machine has enough memory" if code == -signal.SIGKILL else ""
    log = ": see the log" if code > 0 else ""
    return f"The training process ended without a word ({why}){memory}{log}. What is whole stays in {folder}."
