"""`thumbprint run`: look at the machine, fetch the models, start everything, keep it alive, stop it together.

Four processes: model, receiver, worker, and the playground unless a GitHub App is configured. Each step
says one line with its time. Logs go to `<home>/logs/<name>.log`. Left out: daemonising, more than one worker.

    thumbprint run            # until Ctrl-C
    thumbprint run --check    # until a first real answer through the playground, then stop (CI)
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TimeElapsedColumn
from rich.text import Text

from bot import app_store, checks
from bot.first_answer import first_answer
from bot.parts import models_of, parts_of, playground_env, plays
from bot.process import Part, Process, ending
from bot.queue import migrate
from bot.settings import Settings
from learning.models import hub
from storage.database import Database
from storage.errors import ConfigurationError, SetupError

START_S = 300.0
STOP_S = 20.0
DISK_GIB = 1.0
MODEL_DISK_GIB = 2.0
WATCH_S, POLL_S = 0.5, 0.2
AGAIN = -1
"""What `run` returns when an App was registered meanwhile: start again, with it."""


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
        waiting = list(self.processes)
        with _starting(self._console) as bar:
            task = bar.add_task("starting", total=len(waiting), doing="")
            while waiting and not self.stopping:
                bar.update(task, doing=escape(", ".join(process.doing() for process in waiting)))
                time.sleep(POLL_S)
                for process in list(waiting):
                    self._refuse_late(process, time.monotonic() - began > timeout_s)
                    if process.ready():
                        waiting.remove(process)
                        bar.advance(task)
                        _done(self._console, process.part.name, "ready", began)
        return not self.stopping

    def _refuse_late(self, process: Process, late: bool) -> None:
        if process.pid is None or late:
            self._say_log(process)
            how = "took too long to start" if process.pid else f"ended ({ending(process.exit_code)})"
            raise SetupError(f"{process.part.name} {how}: its log is {process.part.log}.")

    def watch(self, until: Callable[[], bool] = lambda: False) -> None:
        """Keep all alive until asked to stop, or until something is so."""
        while not (self.stopping or until()):
            for process in self.processes:
                said = process.keep_alive()
                if said:
                    self._say_log(process)
                    self._console.print(f"[yellow]![/yellow] {said}", highlight=False)
            time.sleep(WATCH_S)

    def stop(self) -> None:
        """Stop all within STOP_S seconds, last started first: nothing new comes in meanwhile."""
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


def look_at_disk(settings: Settings) -> None:
    """Python, folders, disk. Raises SetupError with the first thing that is amiss."""
    cache = settings.model_cache.expanduser()
    with _unfit_told():
        checks.python_version()
        checks.writable(settings.home, "THUMBPRINT_HOME")
        checks.writable(cache, "THUMBPRINT_MODEL_CACHE")
        checks.disk(settings.home, DISK_GIB)
        if not settings.model_url and not any(cache.iterdir()):
            checks.disk(cache, MODEL_DISK_GIB)


def look_at_ports(settings: Settings, with_playground: bool) -> None:
    """Whether something else listens where we will. Raises SetupError that names the setting."""
    with _unfit_told():
        checks.port_free(settings.port, "THUMBPRINT_PORT", settings.host)
        if with_playground:
            checks.port_free(settings.playground_port, "THUMBPRINT_PLAYGROUND_PORT")
        if not settings.model_url:
            checks.port_free(settings.model_port, "THUMBPRINT_MODEL_PORT")


@contextmanager
def _unfit_told() -> Iterator[None]:
    try:
        yield
    except checks.Unfit as error:
        raise SetupError(str(error)) from error


def run(settings: Settings, console: Console, *, check: bool = False) -> int:
    """Start everything and stay until asked to stop; with `check`, until a first real answer.

    Returns the exit code, or AGAIN once `thumbprint setup` has registered an App beside the playground.

    Raises SetupError, ModelError, DatabaseError: one sentence each.
    """
    began = time.monotonic()
    with_playground = plays(settings)
    if check and not with_playground:
        raise ConfigurationError("`run --check` asks in the playground: unset THUMBPRINT_APP_ID for it.")
    look_at_disk(settings)
    database = Database(settings.resolved_database_url)
    try:
        database.claim("run")
        look_at_ports(settings, with_playground)
        _done(console, "this machine", "Python, disk, folders and ports are fine", began)
        if not settings.model_url:
            hub.pull(settings.model_cache, also=models_of(settings), console=console)
            _done(console, "models", "policy and encoder are there, hashes checked", began)
        playground = playground_env(settings) if with_playground else None
        migrate(database)
        _done(console, "database", database.name, began)
        supervisor = Supervisor(parts_of(settings, playground, database), console)
        with supervisor.signals():
            try:
                ready = supervisor.start()
                if ready and check:
                    return 0 if first_answer(settings, database, console) else 1
                if ready:
                    _say_where(settings, playground, console, began)
                    supervisor.watch(lambda: with_playground and app_store.is_stored(settings.home))
                    if not supervisor.stopping:
                        console.print("\nA GitHub App was registered: over to it, and out of the playground.")
                        return AGAIN
            finally:
                supervisor.stop()
    finally:
        database.dispose()
    return 0


def _starting(console: Console) -> Progress:
    columns = (
        "{task.description}",
        BarColumn(20),
        "{task.completed} of {task.total}",
        "{task.fields[doing]}",
    )
    return Progress(SpinnerColumn(), *columns, TimeElapsedColumn(), console=console, transient=True)


def _done(console: Console, what: str, how: str, began: float) -> None:
    line = Text.assemble(("✓", "green"), f" {what:<12} {how}", (f"  {time.monotonic() - began:.1f} s", "dim"))
    console.print(line)


def _say_where(settings: Settings, playground: dict[str, str] | None, console: Console, began: float) -> None:
    pages = f"http://127.0.0.1:{settings.port}/memory"
    _done(console, "ready", "", began)
    if playground is None:
        console.print(
            f"\nReceiving webhooks on port {settings.port}. What was learned: {pages}", style="bold"
        )
        if not settings.pages_token.get_secret_value():
            console.print("The pages are closed until THUMBPRINT_PAGES_TOKEN is set.")
    else:
        console.print(f"\nOpen http://127.0.0.1:{settings.playground_port}", style="bold")
        console.print(
            "Pick an issue and write `/ask how do I …?`. Then correct a line of the answer as the maintainer,"
            f" ask again, and see what was learned at {pages}.",
            markup=False,
        )
        console.print("To answer on GitHub itself: `thumbprint setup` in another terminal.", markup=False)
    console.print(f"Logs: {settings.home / 'logs'}. Ctrl-C stops everything.")
