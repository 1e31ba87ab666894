"""All that `thumbprint run` starts, to be hurt on purpose: playground, receiver, workers, each a process.

Two things are not real: github.com, which is the playground, and the model, which is scripted, for a drill
is about what happens around it. Left out: what is done to them (`kills.py`).
"""

from __future__ import annotations

import functools
import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from bot.control import overview, put_off
from bot.drills.scripted import ScriptedModel, scripted_model
from bot.github import GitHub
from bot.github_app import AppClient
from bot.parts import parts_of, playground_env
from bot.ports import free_port
from bot.process import Process
from bot.reply import parse_marker
from bot.settings import NEVER, PREFIX, Settings
from storage.database import Database
from storage.errors import ConfigurationError, SetupError
from storage.records import PostKind, Repository

ASKER = "noor-haddad"
"""A maintainer of the playground: under no quota."""

STARTED = "worker_started"
"""What a worker logs once it takes jobs."""

START_S = 120.0

AT_ONCE: dict[str, Any] = {"writes_apart_s": 0.0, "writes_per_minute": 100_000, "writes_per_hour": 100_000}
"""The playground is in no need of a pace."""


@dataclass(kw_only=True)
class Town:
    """What runs. `told` are the settings of the bot, the playground's among them."""

    told: Settings
    database: Database
    model: ScriptedModel
    playground: Process
    receiver: Process
    workers: list[Process]
    http: httpx.Client
    github: GitHub
    repositories: list[Repository]
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def app(self) -> AppClient:
        """GitHub, as the App itself asks it."""
        return self.github.app()

    def act(self, verb: str, **fields: object) -> dict[str, Any]:
        """Do something on the playground as the asker."""
        answer = self.http.post("/playground/act", json={"as": ASKER, "do": verb, **fields})
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    def ask(self, repository: Repository) -> int:
        """Open an issue that asks; its number."""
        number = next(self.numbers)
        asked = self.act(
            "open",
            repository=repository.full_name,
            title=f"Question {number}",
            body=f"/ask How do I do {number}?",
        )
        return int(asked["number"])

    def misbehave(self, **rule: object) -> None:
        """Have GitHub fail: a rule of the playground's `misbehave.py`."""
        self.http.post("/playground/misbehave", json=rule).raise_for_status()

    def rules(self) -> list[dict[str, Any]]:
        """The rules that are in force still."""
        found: list[dict[str, Any]] = self.http.get("/playground/misbehave").raise_for_status().json()
        return found

    def behave(self) -> None:
        """No rule any more."""
        self.http.delete("/playground/misbehave").raise_for_status()

    def pending(self) -> bool:
        """Whether GitHub has something to deliver still."""
        listed = self.http.get("/playground/deliveries.json").raise_for_status().json()
        return any(one["status"] == "pending" for one in listed)

    def refused(self, since: datetime) -> dict[str, int]:
        """Deliveries since then that were never acknowledged: the last attempt's id by GUID."""
        last: dict[str, int] = {}
        acknowledged = set[str]()
        for attempt in self.app.attempts(since):
            last.setdefault(attempt.guid, attempt.id)
            if attempt.ok:
                acknowledged.add(attempt.guid)
        return {guid: attempt_id for guid, attempt_id in last.items() if guid not in acknowledged}

    def deleted(self, since: datetime) -> int:
        """Comments that were deleted since then. In a drill nobody does that but the bot."""
        told = (one for one in self.app.attempts(since) if one.event == "issue_comment")
        return len({one.guid for one in told if one.action == "deleted"})

    def open_jobs(self) -> int:
        """Jobs that are to come to an end still, and what was put off of them."""
        with self.database.unit(read_only=True) as unit:
            return len(unit.jobs.open_of()) + len(put_off(self.database, unit))

    def running(self) -> int:
        """Jobs under way."""
        return overview(self.database, 1).counts["running"]

    def answers(self, repository: Repository, number: int, since: datetime) -> list[str]:
        """Which answers stand in a thread, by the markers in our comments, read over GitHub's API."""
        client = self.github.client(repository.installation_id, repository.id, writes=False)
        posts = client.our_comments(repository.full_name, number, PostKind.ISSUE, since)
        markers = (parse_marker(post.body) for post in posts)
        return [marker.answer_id for marker in markers if marker is not None]

    def up(self) -> list[Process]:
        """The receiver and the workers that came to their work: only their starts are not among it."""
        receiver = [self.receiver] if self.receiver.ready() else []
        return receiver + [worker for worker in self.workers if works(worker)]

    def ready(self) -> bool:
        """Whether the receiver says that it takes deliveries."""
        url = f"http://127.0.0.1:{self.told.port}/readyz"
        try:
            return httpx.get(url, timeout=30.0, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def run_what_died(self) -> list[str]:
        """Start every process again that ended; returns which."""
        ended = [process for process in (self.receiver, *self.workers) if process.pid is None]
        for process in ended:
            process.start()
        return [process.part.name for process in ended]


@contextmanager
def town(
    *,
    database_url: str = "",
    workers: int = 1,
    under: Path | None = None,
    home: Path | None = None,
    **settings: Any,
) -> Iterator[Town]:
    """All of it, ready. `database_url` "" is a SQLite file of its own, which takes one worker.

    That file lies in `under`, or in the home. Logs and the playground's data lie in `home`, which is left
    as it is, or in a folder that is deleted.
    `settings` are the bot's. Raises SetupError when something does not start, and says what it said last;
    ConfigurationError for several workers on a file.
    """
    if workers > 1 and not database_url.startswith("postgresql"):
        raise ConfigurationError(
            f"A SQLite file takes one worker: give --database-url an empty PostgreSQL database for {workers}."
        )
    if under is not None and not database_url:
        database_url = f"sqlite:///{(under / 'thumbprint.db').absolute()}"
    made = tempfile.TemporaryDirectory(prefix="thumbprint-drill-") if home is None else nullcontext(str(home))
    with made as folder, scripted_model() as model:
        plain = drill_settings(Path(folder), model.url, database_url, **settings)
        told = _told(plain)
        database = Database(told.resolved_database_url, busy_timeout_s=30)
        processes = _processes(plain, told, database, workers)
        playground, receiver, *others = processes
        github = GitHub(told)
        try:
            for process in processes:
                process.start()
                if process in (playground, receiver):
                    wait_for(process.ready, process)
            for process in others:
                wait_for(functools.partial(works, process), process)
            [installation] = github.app().installations()
            with httpx.Client(
                base_url=f"http://127.0.0.1:{told.playground_port}", timeout=60, trust_env=False
            ) as http:
                yield Town(
                    told=told,
                    database=database,
                    model=model,
                    playground=playground,
                    receiver=receiver,
                    workers=others,
                    http=http,
                    github=github,
                    repositories=github.repositories(installation.id),
                )
        finally:
            for process in reversed(processes):
                process.ask_to_stop()
            for process in reversed(processes):
                process.wait_stopped(process.part.stop_s)
            github.close()
            database.dispose()


def drill_settings(home: Path, model_url: str, database_url: str = "", **settings: Any) -> Settings:
    """The bot's settings in a drill: ports that are free, no pace, and no night that begins by itself."""
    playground_port = free_port()
    return Settings(
        _env_file=None,
        home=home,
        port=free_port(),
        playground_port=playground_port,
        github_url=f"http://127.0.0.1:{playground_port}",
        database_url=database_url,
        model_url=model_url,
        questions_per_person=1_000_000,
        retrain_at=NEVER,
        **AT_ONCE,
        **settings,
    )


def _processes(plain: Settings, told: Settings, database: Database, workers: int) -> list[Process]:
    """Playground, receiver and workers, each with a log of its own."""
    parts = {part.name: part for part in parts_of(plain, playground_env(plain), database)}
    playground = replace(parts["playground"], command=[*parts["playground"].command, "--unlimited"])
    work = [
        replace(parts["work"], name=f"work-{number}", log=told.home / "logs" / f"work-{number}.log")
        for number in range(1, workers + 1)
    ]
    return [Process(part) for part in (playground, parts["serve"], *work)]


def works(worker: Process) -> bool:
    """Whether a worker takes jobs."""
    return worker.pid is not None and any(STARTED in line for line in worker.last_lines(1_000))


def wait_for(done: Callable[[], bool], process: Process) -> None:
    """Wait until something is so. Raises SetupError when the process ends or takes too long."""
    until = time.monotonic() + START_S
    while not done():
        if process.pid is None or time.monotonic() > until:
            raise SetupError(f"{process.part.name} does not start: {' '.join(process.last_lines())}")
        time.sleep(0.1)


def _told(plain: Settings) -> Settings:
    """The settings with which the bot takes the playground for GitHub."""
    of_playground = {
        name.removeprefix(PREFIX).lower(): value for name, value in playground_env(plain).items()
    }
    return Settings(_env_file=None, **{**plain.model_dump(exclude_unset=True), **of_playground})
