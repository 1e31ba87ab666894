"""Work on a policy by several processes side by side, each with a policy of its own on one thread.

A policy of few parameters gains little from a second thread and all from a second process. What a process
makes is the same as one alone makes, and comes in the same order. A process ends with the one that started
it, however that ends. Left out: what the work is (`learning/training/answers.py`).
Run: `pytest tests/unit/learning/training/test_answers.py`.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, TypeVar

import torch

from learning.models.policy import Policy
from storage.errors import SetupError

Item = TypeVar("Item")
Made = TypeVar("Made")

_ours: dict[str, Policy] = {}
"""In a process of the pool: its policy."""


def carried_out(
    policy: Policy, items: Sequence[Item], work: Callable[[Policy, Item], Made], processes: int
) -> Generator[Made, None, None]:
    """`work(policy, item)` of each item, in their order. `work` and what it makes can be pickled.

    With one process, or one item, it is carried out here. Raises what the work raises, and SetupError where
    a process is gone.
    """
    if processes < 2 or len(items) < 2:
        yield from (work(policy, one) for one in items)
        return
    before = multiprocessing.active_children()
    pool = ProcessPoolExecutor(
        min(processes, len(items)),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin,
        initargs=(policy.folder, policy.adapter),
    )
    try:
        yield from pool.map(partial(_there, work), items)
    except BrokenProcessPool as error:
        raise SetupError(
            f"One of {processes} processes with a policy is gone; where memory is short, give fewer. "
            "The same command goes on where this one ended."
        ) from error
    finally:
        for ours in multiprocessing.active_children():
            if ours not in before:
                ours.terminate()  # at once: nobody waits for what they have begun
        pool.shutdown(cancel_futures=True)


def _begin(folder: Path, adapter: Path | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one that started it is told, and ends it
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    _ours["policy"] = Policy(folder, adapter=adapter)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


def _there(work: Callable[[Policy, Any], Made], item: Any) -> Made:
    return work(_ours["policy"], item)
