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
    """Serve the receiver of webhooks and the pages; in the playground on loopback, whatever the host."""
    settings = load_settings()
    host = "127.0.0.1" if settings.playground else settings.host
    _uvicorn("webhooks.app:create_app", host, settings.port, settings)


def work() -> None:
    """Carry out jobs: read threads, ask the model, post answers, learn from feedback."""
    from bot.jobs import work as work_all

    work_all(load_settings())


def model() -> None:
    """Serve policy and encoder behind OpenAI's protocol, in a process without secrets."""
    from bot.environment import model_env
    from bot.parts import model_command

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
    from bot.environment import environment
    from bot.parts import playground_command

    settings = load_settings()
    if not settings.playground and (settings.app_id or settings.private_key_file):
        raise ConfigurationError(
            "A GitHub App is configured (THUMBPRINT_APP_ID, THUMBPRINT_PRIVATE_KEY_FILE), and the playground "
            "never runs beside it: unset that to try the playground."
        )
    command = playground_command(settings)
    os.execve(command[0], command, environment("playground", settings, os.environ))  # noqa: S606


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
