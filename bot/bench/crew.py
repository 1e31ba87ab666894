"""Workers side by side: a model process each, tasks in order, results in the caller's thread.

What a task gives must not depend on which worker does it, nor when. Ctrl-C, or a task that fails, lets nobody
begin anything new and is raised when all have stopped: what was finished until then is kept by the
caller. Left out: what a task is (`bot/bench/trial.py`, `bot/bench/calibrate.py`), what is kept of its
generations (`bot/bench/cache.py`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

from rich.console import Console

from bot.bench.cache import CachedModels, Generations
from bot.environment import model_env
from bot.models import Models
from bot.parts import model_command
from bot.ports import free_ports
from bot.process import Part
from bot.run import Supervisor
from bot.settings import Settings
from storage.errors import ModelUnavailable

T = TypeVar("T")
R = TypeVar("R")

MOST = 4
"""Workers by default, where there are as many CPUs: each model process takes about 1.1 GiB of memory."""
TEND_S = 1.0
"""Seconds between looks at whether every model process still runs."""


def default_workers() -> int:
    """A worker a CPU that this process may use, `MOST` at most."""
    return min(MOST, len(os.sched_getaffinity(0)))


@dataclass(frozen=True, kw_only=True)
class Crew:
    """Workers, by their models. `tend` looks after the processes behind them."""

    models: tuple[CachedModels, ...]
    kept: Generations
    tend: Callable[[], None]

    def each(
        self, tasks: Sequence[T], work: Callable[[CachedModels, T], R]
    ) -> Generator[tuple[T, R], None, None]:
        """Each task with what `work` made of it, begun in their order, given as they are finished. Close it.

        Raises the first error of a task once no worker runs any more.
        """
        free: SimpleQueue[CachedModels] = SimpleQueue()
        for one in self.models:
            free.put(one)

        def run(task: T) -> R:
            models = free.get()
            try:
                return work(models, task)
            finally:
                free.put(models)

        pool = ThreadPoolExecutor(len(self.models), "bench")
        running = {pool.submit(run, task): task for task in tasks}
        try:
            while running:
                finished, _ = wait(running, TEND_S, FIRST_COMPLETED)
                self.tend()
                failed = [one for one in finished if one.exception() is not None]
                for future in sorted(finished, key=lambda one: one in failed):
                    yield running.pop(future), future.result()
        except BaseException:
            self.kept.stop()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def crew(settings: Settings, model_url: str, workers: int, folder: Path, console: Console) -> Iterator[Crew]:
    """`workers` of them for as long as this lasts, with model processes of their own.

    With a model URL they share that server. Generations are kept in `folder`. Raises ModelUnavailable when
    asked to stop before the processes are ready, SetupError when one does not start.
    """
    with ExitStack() as stack:
        tend: Callable[[], None] = _nothing
        url = model_url or settings.model_url
        if url:
            served = [settings.model_copy(update={"model_url": url})] * workers
        else:
            threads = settings.threads or 1
            served = [
                settings.model_copy(update={"model_port": port, "threads": threads})
                for port in free_ports(workers)
            ]
            tend = stack.enter_context(_processes(served, folder, console))
        model = f"{settings.policy} with {settings.adapter}" if settings.adapter else settings.policy
        kept = Generations(folder / "generations.jsonl", model)
        stack.callback(kept.close)
        models = tuple(CachedModels(Models(one), kept) for one in served)
        for one in models:
            stack.callback(one.close)
        yield Crew(models=models, kept=kept, tend=tend)


@contextmanager
def _processes(served: Sequence[Settings], folder: Path, console: Console) -> Iterator[Callable[[], None]]:
    """A model process for each, at one thread unless told otherwise; gives what keeps them alive."""
    parts = [
        Part(
            name=f"model {number}",
            command=model_command(one),
            env={**model_env({}), "OMP_NUM_THREADS": str(one.threads)},
            log=folder / f"model-{number}.log",
            ready=f"{one.resolved_model_url}/models",
            nice=19,
            stop_s=5,
        )
        for number, one in enumerate(served, 1)
    ]
    supervisor = Supervisor(parts, console)

    def tend() -> None:
        for process in supervisor.processes:
            said = process.keep_alive()
            if said:
                console.print(f"[yellow]![/yellow] {said}", highlight=False)

    try:
        if not supervisor.start():
            raise ModelUnavailable("The model process was stopped before it was ready: run again to go on.")
        yield tend
    finally:
        supervisor.stop()


def _nothing() -> None:
    """A server that somebody else runs is looked after by them."""
