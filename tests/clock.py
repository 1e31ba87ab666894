"""How long the work of a test itself takes: no other threads, no waiting for a core, no collector.

A test that says "linear" or "at once" means the code's own work. The process's time counts every thread
that an earlier test's servers left running, and a collection walks everything that the suite ever made:
on a busy machine both cost more than the work. Shared by the tests that hold a bound on time.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def works_within(seconds: float) -> Iterator[None]:
    """The block's own work on a CPU, in this thread, takes less than so many seconds."""
    collecting = gc.isenabled()
    gc.disable()
    began = time.thread_time()
    try:
        yield
        worked = time.thread_time() - began
    finally:
        if collecting:
            gc.enable()
    assert worked < seconds, f"{worked:.2f} s of work; at most {seconds} were allowed"
