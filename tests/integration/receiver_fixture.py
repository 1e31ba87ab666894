"""A real receiver over HTTP on loopback: fixture `receiver`, `Receiver.deliver`; `post` needs no server."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr

from bot.settings import Settings
from storage.database import Database
from tests.unit.webhooks.test_delivery import signed
from webhooks.app import create_app

SECRET = "a secret for tests"


def settings(home: Path, **changes: Any) -> Settings:
    """Settings for a database of one's own, read from nothing else."""
    made: dict[str, Any] = {"home": home, "webhook_secret": SecretStr(SECRET), "app_id": "77", **changes}
    return Settings(_env_file=None, **made)


@dataclass
class Receiver:
    """A receiver that runs. `app.state.database` is its database."""

    url: str
    app: FastAPI
    client: httpx.Client

    @property
    def database(self) -> Database:
        database: Database = self.app.state.database
        return database

    def deliver(
        self, content: Any, event: str = "issue_comment", guid: str = "g1", secret: str = SECRET
    ) -> httpx.Response:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        headers = signed(body, secret, **{"x-github-event": event, "x-github-delivery": guid})
        return self.client.post(f"{self.url}/webhooks/github", content=body, headers=headers)


@contextmanager
def running(app: FastAPI) -> Iterator[str]:
    """Serve an application on a free port of loopback until the block ends."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        try:
            with httpx.Client(transport=httpx.HTTPTransport(retries=20)) as client:
                client.get(f"{url}/healthz").raise_for_status()
            yield url
        finally:
            server.should_exit = True
            thread.join(10)


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    app = create_app(settings(tmp_path))
    with running(app) as url, httpx.Client(timeout=30, trust_env=False) as client:
        yield Receiver(url, app, client)


async def post(app: FastAPI, headers: dict[str, str], body: bytes, chunk: int = 65_536) -> tuple[int, Any]:
    """POST one delivery over ASGI, its body in chunks; returns the status and the JSON that came back."""
    chunks = [body[at : at + chunk] for at in range(0, len(body), chunk)] or [b""]
    waiting = iter(
        {"type": "http.request", "body": one, "more_body": number + 1 < len(chunks)}
        for number, one in enumerate(chunks)
    )
    answered: list[Any] = []

    async def receive() -> Any:
        return next(waiting, {"type": "http.disconnect"})

    async def send(message: Any) -> None:
        answered.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/webhooks/github",
        "raw_path": b"/webhooks/github",
        "root_path": "",
        "query_string": b"",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
    }
    await app(scope, receive, send)
    whole = b"".join(one.get("body", b"") for one in answered)
    return answered[0]["status"], json.loads(whole)
