"""A process that ends with the one that started it, however that ends: the kernel is asked for it, on Linux.

Left out: what a stop by hand does; processes of `multiprocessing` (`learning/training/answer_pool.py`).
Run: `pytest tests/unit/bot/test_run.py tests/unit/learning/training/test_launched.py`.
"""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable

PR_SET_PDEATHSIG = 1


def dies_with(parent: int, by: signal.Signals = signal.SIGKILL) -> Callable[[], None]:
    """What a process does first to get the signal `by` as soon as `parent`, which started it, is gone.

    Made in the parent, for between fork and exec nothing may be loaded any more. Elsewhere it does nothing.
    """
    libc = ctypes.CDLL(None)

    def ask() -> None:
        if hasattr(libc, "prctl"):
            libc.prctl(PR_SET_PDEATHSIG, by)
            if os.getppid() != parent:  # it died before we could ask
                os._exit(1)

    return ask
