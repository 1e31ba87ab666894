"""Serve the setup pages until an App is registered: on a port of its own for this machine, and, for a browser
elsewhere, on the receiver's port, which a proxy forwards; there it takes the one-time token.

    thumbprint setup
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable

import uvicorn
from fastapi import FastAPI
from rich.console import Console

from bot.app_store import RegisteredApp
from bot.settings import Settings
from webhooks.setup.app import Setup, create_app, new_token

LAST_PAGE_S = 3.0
"""How long the last page, and what belongs to it, may still be fetched."""


def serve(settings: Settings, console: Console, public_url: str) -> RegisteredApp | None:
    """Wait until somebody has registered an App; None if stopped before.

    The access log stays off, whatever the log level: the way back from GitHub has its code in the address.
    """
    token, found = new_token(), list[RegisteredApp]()
    local = _listen("127.0.0.1", 0)
    assert local is not None
    port = int(local.getsockname()[1])
    receiver = _listen(settings.host, settings.port)
    stored = asyncio.Event()

    def keep(app: RegisteredApp) -> None:
        found.append(app)
        stored.set()

    setup = Setup(
        settings.home,
        settings.github_host,
        token=token,
        local_port=port,
        public_url=public_url,
        on_stored=keep,
    )
    app = create_app(setup)
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="warning", access_log=False, server_header=False, ws="none")
    )
    app.router.lifespan_context = _until(stored, server)
    console.print(f"\nOpen http://127.0.0.1:{port}/setup on this machine", style="bold")
    if receiver is not None:
        console.print(
            f"or /setup at the address that leads to port {settings.port}, with this token: {token}"
        )
    else:
        console.print(f"(port {settings.port} is in use, so from elsewhere nobody can)")
    console.print("Ctrl-C stops; nothing is changed until the App is registered.")
    server.run(sockets=[one for one in (local, receiver) if one is not None])
    return found[0] if found else None


def _until(
    stored: asyncio.Event, server: uvicorn.Server
) -> Callable[[FastAPI], contextlib.AbstractAsyncContextManager[None]]:
    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async def stop() -> None:
            await stored.wait()
            await asyncio.sleep(LAST_PAGE_S)
            server.should_exit = True

        task = asyncio.create_task(stop())
        yield
        task.cancel()

    return lifespan


def _listen(host: str, port: int) -> socket.socket | None:
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
    except OSError:
        made.close()
        return None
    return made
