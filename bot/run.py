"""`thumbprint run`: look at the machine, fetch the models, start everything, keep it alive, stop it together.

Four processes: model, receiver, worker, and the playground unless a GitHub App is configured. Each step
says one line with its time. Logs go to `<home>/logs/<name>.log`. Left out: daemonising, more than one worker.

    thumbprint run            # until Ctrl-C
    thumbprint run --check    # until a first real answer through the playground, then stop (CI)
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import FrameType

from rich.console import Console

from bot import checks
from bot.process import Part, Process, ending
from bot.settings import Settings
from storage.database import Database
from storage.errors import SetupError

START_S = 300.0
STOP_S = 20.0
DISK_GIB = 1.0
MODEL_DISK_GIB = 2.0
WATCH_S = 0.5


class Supervisor:
    """The processes, in the order in which they start; they stop in the opposite one."""

    def __init__(self, parts: list[Part], console: Console) -> None:
        self.processes = [Process(part) for part in parts]
        self.stopping = False
        self._console = console
        self._signals = 0

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Take SIGINT, SIGTERM and SIGHUP as the wish to stop; a second one kills at once."""

        def ask(number: int, frame: FrameType | None) -> None:
            self._signals += 1
            self.stopping = True
            if self._signals > 1:
                for process in self.processes:
                    process.kill()

        before = {n: signal.signal(n, ask) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def start(self, timeout_s: float = START_S) -> bool:
        """Start all and wait until each is ready; False if asked to stop meanwhile.

        Raises SetupError, with the end of its log said, for one that dies or takes too long.
        """
        began = time.monotonic()
        for process in self.processes:
            process.start()
        for process in self.processes:
            name = process.part.name
            with self._console.status(f"{name}: starting … (log: {process.part.log})"):
                while not process.ready():
                    if self.stopping:
                        return False
                    if process.pid is None or time.monotonic() - began > timeout_s:
                        self._say_log(process)
                        what = (
                            "took too long to start"
                            if process.pid
                            else f"ended ({ending(process.exit_code)})"
                        )
                        raise SetupError(f"{name} {what}: its log is {process.part.log}.")
                    time.sleep(0.2)
            self._console.print(f"[green]✓[/green] {name:<10} ready after {time.monotonic() - began:.1f} s")
        return True

    def watch(self, until: Callable[[], bool]) -> None:
        """Keep all alive until asked to stop or `until` says so."""
        while not self.stopping and not until():
            for process in self.processes:
                said = process.keep_alive()
                if said:
                    self._say_log(process)
                    self._console.print(f"[yellow]![/yellow] {said}", highlight=False)
            time.sleep(WATCH_S)

    def stop(self) -> None:
        """Stop all within STOP_S seconds, last started first: nothing new comes in while the rest finishes."""
        began = time.monotonic()
        for process in reversed(self.processes):
            process.ask_to_stop()
            left_s = STOP_S - 1 - (time.monotonic() - began)
            if not process.wait_stopped(max(0.1, min(process.part.stop_s, left_s))):
                self._console.print(f"[yellow]![/yellow] {process.part.name} did not stop and was killed")
        self._console.print(f"[green]✓[/green] stopped in {time.monotonic() - began:.1f} s")

    def _say_log(self, process: Process) -> None:
        for line in process.last_lines():
            self._console.print(f"{process.part.name} │ {line}", markup=False, highlight=False)


def look_at_machine(settings: Settings, with_playground: bool) -> None:
    """Python, disk, folders, ports. Raises SetupError with the first thing that is amiss."""
    cache = settings.model_cache.expanduser()
    try:
        checks.python_version()
        checks.writable(settings.home, "THUMBPRINT_HOME")
        checks.writable(cache, "THUMBPRINT_MODEL_CACHE")
        checks.disk(settings.home, DISK_GIB)
        if not settings.model_url and not any(cache.iterdir()):
            checks.disk(cache, MODEL_DISK_GIB)
        checks.port_free(settings.port, "THUMBPRINT_PORT", settings.host)
        if with_playground:
            checks.port_free(settings.playground_port, "THUMBPRINT_PLAYGROUND_PORT")
        if not settings.model_url:
            checks.port_free(settings.model_port, "THUMBPRINT_MODEL_PORT")
    except checks.Unfit as error:
        raise SetupError(str(error)) from error


def parts_of(settings: Settings, model_command: list[str], playground: dict[str, str] | None) -> list[Part]:
    """What to start, in order. `playground` is the environment that makes the bot talk to it, None without one."""
    env = {**os.environ, **(playground or {})}
    receiver_env = {k: v for k, v in env.items() if k not in _NOT_FOR_THE_RECEIVER}
    logs = settings.home / "logs"
    began = datetime.now(UTC)
    database = Database(settings.resolved_database_url)
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104
    verb = [sys.executable, "-m", "bot"]

    def worker_ready() -> bool:
        beat = database.last_beat("work")
        return beat is not None and beat >= began

    parts = [
        Part(
            name="work", command=[*verb, "work"], env=env, log=logs / "work.log", ready=worker_ready, stop_s=8
        ),
        Part(
            name="serve",
            command=[*verb, "serve"],
            env=receiver_env,
            log=logs / "serve.log",
            ready=f"http://{host}:{settings.port}/healthz",
        ),
    ]
    if not settings.model_url:
        model = Part(
            name="model",
            command=model_command,
            env=model_env(dict(os.environ)),
            log=logs / "model.log",
            ready=f"{settings.resolved_model_url}/models",
            nice=19,
            stop_s=3,
        )
        parts.insert(0, model)
    if playground is not None:
        parts.append(
            Part(
                name="playground",
                command=[*verb, "playground"],
                env=env,
                log=logs / "playground.log",
                ready=f"http://127.0.0.1:{settings.playground_port}/",
                stop_s=3,
            )
        )
    return parts


_NOT_FOR_THE_RECEIVER = frozenset({"THUMBPRINT_PRIVATE_KEY_FILE", "THUMBPRINT_MODEL_KEY"})
_FOR_THE_MODEL = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")


def model_env(environ: dict[str, str]) -> dict[str, str]:
    """What the model process may know of the environment: where things are, and that it is offline."""
    kept = {name: environ[name] for name in _FOR_THE_MODEL if name in environ}
    return {**kept, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "PYTHONUNBUFFERED": "1"}
