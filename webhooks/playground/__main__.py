"""Run the playground as a process of its own, on loopback.

`python -m webhooks.playground --port 8001 --app-url http://127.0.0.1:8000 --home var/playground`
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from storage.errors import ConfigurationError, SetupError, ThumbprintError
from webhooks.playground.app import LOOPBACK, create_app

POINTS = 30_000
"""GraphQL points an hour, as an administrator of a GHES may set them: here reactions are looked for every few
seconds, and that is to stay within the bot's share."""

PLENTY = 10**9
"""As on a GHES, where an administrator turns limits off; one is met in a drill of hours as it is in a day."""


def main(
    port: Annotated[int, typer.Option(help="Port of the playground.")] = 8001,
    app_url: Annotated[str, typer.Option(help="Where Thumbprint's receiver is.")] = "http://127.0.0.1:8000",
    home: Annotated[Path, typer.Option(help="Folder for its state, key and secret.")] = Path(
        "var/playground"
    ),
    host: Annotated[str, typer.Option(help="Loopback address to listen on.")] = "127.0.0.1",
    app_token: Annotated[
        str, typer.Option(envvar="THUMBPRINT_PAGES_TOKEN", help="Token of the app's pages, for undo.")
    ] = "",
    unlimited: Annotated[
        bool, typer.Option(help="Set no rate limit that anybody meets, for drills.")
    ] = False,
) -> None:
    """Stand in for GitHub on this machine."""
    try:
        if host not in LOOPBACK:
            raise ConfigurationError(
                f"The playground is for this machine only: --host {host} is not loopback."
            )
        _check_free(host, port)
        base_url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        app = create_app(home, base_url=base_url, app_url=app_url, app_token=app_token)
        limits = app.state.services.limits
        limits.graphql.limit = POINTS
        if unlimited:
            limits.core.limit = limits.graphql.limit = limits.content_per_minute = PLENTY
    except ThumbprintError as error:
        sys.exit(str(error))
    uvicorn.run(app, host=host, port=port, log_level="warning", access_log=False, timeout_graceful_shutdown=3)


def _check_free(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SetupError(
                f"Port {port} is taken ({error.strerror}): stop what uses it or pass another --port."
            ) from error


if __name__ == "__main__":
    typer.run(main)
