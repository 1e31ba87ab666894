"""The one fake of GitHub for integration tests: a playground in a thread, and a sink for deliveries.

from tests.integration.playground_fixture import playground, receiver   # fixtures; see their docstrings
playground.say("ben-okafor", 1, "/ask How do I run the tests?")
answer = playground.wait_for_answer(1)
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.ports import free_port
from tests.contract.recorder import Contract
from tests.read_once import app_key
from webhooks.drills.world import served, wait_until
from webhooks.playground import acts, people
from webhooks.playground.app import create_app
from webhooks.playground.credentials import Credentials
from webhooks.playground.state import State
from webhooks.playground.things import Comment, Delivery, Issue, Repository

FAST = {"writes_apart_s": 0.0, "writes_per_minute": 100_000, "writes_per_hour": 100_000}
"""Settings for tests in which nobody minds how fast is written."""


@dataclass
class Playground:
    """A running playground. `number` is an issue of `repository` ("inkwell" unless told)."""

    state: State
    app: Any
    base_url: str
    app_url: str
    contract: Contract

    @property
    def api_url(self) -> str:
        """What `github_url` is set to."""
        return f"{self.base_url}/api/v3"

    @property
    def credentials(self) -> Credentials:
        return self.state.credentials

    @property
    def limits(self) -> Any:
        return self.app.state.services.limits

    @property
    def guard(self) -> Any:
        return self.app.state.services.guard

    def settings(self) -> dict[str, Any]:
        """What `bot.settings.Settings(**…)` needs to talk to this playground."""
        return {
            "playground": True,
            "app_id": self.credentials.app_id,
            "app_slug": self.credentials.slug,
            "private_key_file": self.credentials.private_key_file,
            "webhook_secret": self.credentials.webhook_secret,
            "github_url": self.api_url,
            **FAST,
        }

    def repository(self, name: str = "inkwell") -> Repository:
        return self.state.repository(name if "/" in name else f"{people.OWNER}/{name}")

    def issue(self, number: int, repository: str = "inkwell") -> Issue:
        return self.state.issue(self.repository(repository).id, number)

    def open_issue(
        self, login: str, title: str, body: str = "", repository: str = "inkwell", **more: Any
    ) -> Issue:
        return acts.open_issue(self.state, login, self.repository(repository), title, body, **more)

    def say(self, login: str, number: int, body: str, repository: str = "inkwell") -> Comment:
        return acts.say(self.state, login, self.issue(number, repository), body)

    def edit(self, login: str, post: Issue | Comment, body: str) -> None:
        acts.edit(self.state, login, post, body)

    def delete(self, login: str, post: Issue | Comment) -> None:
        acts.delete(self.state, login, post)

    def react(self, login: str, post: Issue | Comment, content: str) -> None:
        acts.react(self.state, login, post, content)

    def unreact(self, login: str, post: Issue | Comment, content: str) -> None:
        for given in self.state.reactions_to(post):
            if (given.login, given.content) == (login, content):
                acts.withdraw(self.state, login, post, given.id)

    def comments(self, number: int, repository: str = "inkwell") -> list[Comment]:
        with self.state.lock:
            return self.state.comments(self.issue(number, repository))

    def answers(self, number: int, repository: str = "inkwell") -> list[Comment]:
        """The bot's comments in a thread, oldest first."""
        return [c for c in self.comments(number, repository) if c.author == self.state.bot.login]

    def wait_for_answer(
        self, number: int, repository: str = "inkwell", count: int = 1, timeout_s: float = 60
    ) -> Comment:
        """The `count`-th comment of the bot in a thread, once it is there."""
        wait_until(lambda: len(self.answers(number, repository)) >= count, timeout_s, "no answer came")
        return self.answers(number, repository)[count - 1]

    def deliveries(self) -> list[Delivery]:
        with self.state.lock:
            return [d.model_copy() for d in sorted(self.state.deliveries.values(), key=lambda d: d.id)]

    def wait_for_deliveries(self, timeout_s: float = 20) -> list[Delivery]:
        """All of them, once none is pending."""
        wait_until(lambda: not self.state.pending(), timeout_s, "deliveries are still pending")
        return self.deliveries()


@contextlib.contextmanager
def playground_at(home: Path, app_url: str, port: int = 0, **options: Any) -> Iterator[Playground]:
    """A playground kept in `home`; start it twice with one `home` to see it survive.

    Every exchange with its API is held against GitHub's contract at the end (`tests/contract`).
    """
    port = port or free_port()
    base_url = f"http://127.0.0.1:{port}"
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "app.pem").exists():
        (home / "app.pem").touch(0o600)
        (home / "app.pem").write_bytes(app_key())
    app = create_app(home, base_url=base_url, app_url=app_url, **options)
    contract = Contract()
    with served(contract.around(app), port):
        yield Playground(app.state.services.state, app, base_url, app_url, contract)
    contract.judge()


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def payload(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """Stands where the app would: keeps what is POSTed, answers `status` after `delay_s`."""

    url: str
    received: list[Received] = field(default_factory=list)
    status: int = 202
    delay_s: float = 0.0

    def wait(self, count: int, timeout_s: float = 20) -> list[Received]:
        wait_until(lambda: len(self.received) >= count, timeout_s, f"{count} deliveries did not arrive")
        return list(self.received)


@contextlib.contextmanager
def receiving() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            sink.received.append(Received(self.path, dict(self.headers), body))
            time.sleep(sink.delay_s)
            with contextlib.suppress(OSError):
                self.send_response(sink.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    sink = Receiver(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield sink
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A sink for deliveries, for tests without the app."""
    with receiving() as sink:
        yield sink


@pytest.fixture
def playground(tmp_path: Path, receiver: Receiver) -> Iterator[Playground]:
    """A playground that delivers to `receiver`. With a real app, use `playground_at(home, app_url)`."""
    with playground_at(tmp_path / "playground", receiver.url) as running_playground:
        yield running_playground


@pytest.fixture
def api(playground: Playground) -> Iterator[httpx.Client]:
    """A bare HTTP client with an installation token, for looking at GitHub's answers as they are."""
    token = playground.guard.issue_token(playground.credentials.installation_id, {})["token"]
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"}
    with httpx.Client(base_url=playground.api_url, headers=headers, trust_env=False) as client:
        yield client
