"""A playground, a receiver and what the worker does by the clock, in one process, on a clock that is turned.

The playground delivers to the real receiver by HTTP, and the worker's upkeep asks the playground by HTTP;
only days are short. Left out: carrying out jobs, for which there is no clock to turn (`bot/jobs.py`).
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvicorn

from bot.access import Access
from bot.context import Context
from bot.github import GitHub
from bot.jobs import router_of
from bot.models import Models
from bot.ports import free_port
from bot.settings import Settings
from bot.upkeep import upkeep
from storage.database import Database
from storage.errors import SetupError
from webhooks import app as receiver_app
from webhooks.playground import app as playground_app
from webhooks.playground.misbehave import Rule
from webhooks.playground.state import State, utcnow
from webhooks.receiver import Receiver

START_S = 60.0
DELIVERED_S = 600.0


class Clock:
    """A moment that moves when it is told to."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC).replace(microsecond=0)

    def __call__(self) -> datetime:
        """The moment."""
        return self.now

    def forward(self, **time: float) -> None:
        """Let so much time pass: `hours=1`."""
        self.now += timedelta(**time)


@dataclass(kw_only=True)
class World:
    """What runs, and the clock that all of it goes by but the jobs."""

    clock: Clock
    state: State
    receiver: Receiver
    context: Context

    def delivered(self) -> None:
        """Wait until each delivery was tried. Raises TimeoutError."""
        wait_until(lambda: not self.state.pending(), DELIVERED_S, "deliveries are still pending")

    def unreachable(self, on: bool = True) -> None:
        """Nothing that is delivered arrives, or everything does again."""
        self.state.misbehaviour.clear()
        if on:
            self.state.misbehaviour.add(Rule(kind="withhold", times=0))

    def round(self) -> None:
        """One round of the worker's upkeep, once all deliveries were tried and what arrived is written."""
        self.delivered()
        while self.receiver.sightings.flush():
            pass
        upkeep(self.context, router_of(self.context.settings), self.clock)
        self.delivered()
        while self.receiver.sightings.flush():
            pass


@contextmanager
def world(home: Path, database_url: str = "", **told: Any) -> Iterator[World]:
    """Start it all in a folder; `database_url` of an empty database, else a file in that folder."""
    clock, port, github_port = Clock(), free_port(), free_port()
    github = playground_app.create_app(
        home / "playground",
        base_url=f"http://127.0.0.1:{github_port}",
        app_url=f"http://127.0.0.1:{port}",
        clock=clock,
    )
    services = github.state.services
    services.guard.clock = utcnow  # the App's tokens are made by the machine's own clock
    with served(github, github_port):
        settings = Settings(
            home=home,
            database_url=database_url,
            github_url=f"http://127.0.0.1:{github_port}/api/v3",
            **settings_of(services.state),
            **told,
            _env_file=None,
        )
        app = receiver_app.create_app(settings)
        app.state.receiver.sightings.clock = clock
        with connected(settings) as context, served(app, port):
            yield World(clock=clock, state=services.state, receiver=app.state.receiver, context=context)


def settings_of(state: State) -> dict[str, Any]:
    """Which App the playground has, as settings."""
    known = state.credentials
    return {
        "playground": True,
        "app_id": known.app_id,
        "app_slug": known.slug,
        "private_key_file": known.private_key_file,
        "webhook_secret": known.webhook_secret,
    }


@contextmanager
def connected(settings: Settings) -> Iterator[Context]:
    """A worker's context, and its connections closed at the end."""
    database = Database(settings.resolved_database_url, busy_timeout_s=30.0)
    github = GitHub(settings, access=Access(database))
    context = Context(settings=settings, database=database, github=github, models=Models(settings))
    try:
        yield context
    finally:
        context.github.close()
        context.queue.close()
        database.dispose()


@contextmanager
def served(app: Any, port: int) -> Iterator[None]:
    """An ASGI application on a port of loopback, by a thread, until the block ends. Raises SetupError."""
    try:
        listening = socket.create_server(("127.0.0.1", port))
    except OSError as failed:
        raise SetupError(f"No server can listen on port {port}: {failed.strerror or failed}") from failed
    config = uvicorn.Config(
        app, log_level="critical", access_log=False, timeout_graceful_shutdown=1, ws="none"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],), name=f"uvicorn-{port}", daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive(), START_S, "a server did not start")
        if not server.started:
            raise SetupError(f"The server on port {port} ended before it was ready.")
        yield
    finally:
        server.should_exit = True
        thread.join(15)
        listening.close()


def wait_until(holds: Callable[[], object], timeout_s: float, otherwise: str) -> None:
    """Wait until something holds. Raises TimeoutError with `otherwise`."""
    end = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(f"{otherwise} after {timeout_s:.0f} s")
        time.sleep(0.002)
