"""How long the disk itself takes to make a write durable, asked beside a measurement that depends on it.

Left out: what else a database does. Run: `pytest tests/unit/bot/bench/test_disk.py`.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

EVERY_S = 0.1
"""Between two questions: seldom enough to be no load."""


@contextmanager
def syncs(folder: Path) -> Iterator[list[float]]:
    """Within it, how many seconds each `fdatasync` of one page of a file in `folder` took, ten a second.

    Not of a memory's file system, which has nothing to wait for. The list is whole when it is left.
    """
    took: list[float] = []
    enough = threading.Event()

    def ask() -> None:
        file = os.open(folder / "disk.probe", os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            while not enough.wait(EVERY_S):
                began = time.monotonic()
                os.pwrite(file, os.urandom(4096), 0)
                os.fdatasync(file)
                took.append(time.monotonic() - began)
        finally:
            os.close(file)

    asking = threading.Thread(target=ask, name="disk")
    asking.start()
    try:
        yield took
    finally:
        enough.set()
        asking.join()
