"""run, serve, work, model, playground: the verbs that stay.

The receiver and the playground live in `webhooks`, above this room: uvicorn takes them by name, so that the
import chain holds.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer
import uvicorn

from bot.commands.shared import err, load_settings
from bot.settings import Settings
from storage.errors import ConfigurationError

GRACEFUL_S = 5


def run(
    check: Annotated[
        bool, typer.Option("--check", help="Stop after a first answer through the playground.")
    ] = False,
) -> None:
    """Start everything on this machine, and the playground unless a GitHub App is configured."""
    from bot.run import run as start_all

    raise typer.Exit(start_all(load_settings(), err, check=check))


def serve() -> None:
    """Serve the receiver of webhooks and the pages."""
    settings = load_settings()
    _uvicorn("webhooks.app:create_app", settings.host, settings.port, settings)


def work() -> None:
    """Carry out jobs: read threads, ask the model, post answers, learn from feedback."""
    from bot.jobs import work as work_all

    work_all(load_settings())


def model() -> None:
    """Serve policy and encoder behind OpenAI's protocol, in a process without secrets."""
    from bot.parts import model_command, model_env

    settings = load_settings()
    if settings.model_url:
        raise ConfigurationError(
            "THUMBPRINT_MODEL_URL names another server, so ours is not used: unset it to serve here."
        )
    os.nice(19)
    command = model_command(settings)
    sys.stdout.flush()
    os.execve(command[0], command, model_env(os.environ))  # noqa: S606


def playground() -> None:
    """Stand in for GitHub on loopback: issues, people, reactions, edits, signed deliveries."""
    from bot.parts import playground_command

    settings = load_settings()
    if not settings.playground and settings.app_id:
        raise ConfigurationError(
            "A GitHub App is configured (THUMBPRINT_APP_ID), and the playground never runs beside it: "
            "unset that, or set THUMBPRINT_PLAYGROUND=true on a machine that is for trying out."
        )
    command = playground_command(settings)
    token = settings.pages_token.get_secret_value()
    os.execve(command[0], command, {**os.environ, "PLAYGROUND_APP_TOKEN": token})  # noqa: S606


def _uvicorn(factory: str, host: str, port: int, settings: Settings) -> None:
    uvicorn.run(
        factory,
        factory=True,
        host=host,
        port=port,
        log_level=settings.log_level,
        access_log=settings.log_level == "debug",
        server_header=False,
        timeout_graceful_shutdown=GRACEFUL_S,
    )
