"""run, setup, serve, work, model, playground: the verbs that stay.

The receiver and the playground live in `webhooks`, above this room: uvicorn takes them by name, so that the
import chain holds.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer
import uvicorn
from uvicorn.importer import import_from_string

from bot import logs
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
    from bot.run import AGAIN
    from bot.run import run as start_all

    code = AGAIN
    while code == AGAIN:
        code = start_all(load_settings(), err, check=check)
    raise typer.Exit(code)


def setup(
    public_url: Annotated[str, typer.Option(help="Where GitHub reaches this machine, https://….")] = "",
    only: Annotated[bool, typer.Option("--only", help="Register, and start nothing.")] = False,
) -> None:
    """Register the GitHub App in the browser, then run; a `thumbprint run` that plays goes over by itself."""
    from bot import app_store, checks
    from bot.parts import where_app

    settings = load_settings()
    if settings.app_id or settings.private_key_file:
        raise ConfigurationError(
            f"A GitHub App is configured already ({where_app(settings)}): start `thumbprint run`, or take "
            "that away first."
        )
    serve_setup = import_from_string("webhooks.setup.server:serve")
    app: app_store.RegisteredApp | None = serve_setup(settings, err, public_url)
    if app is None:
        raise typer.Exit(1)
    err.print(f"✓ {app.slug} is registered, and kept in {app_store.folder(settings.home)}", style="green")
    err.print(f"Install it: {app.install_url}")
    if only:
        return
    try:
        checks.port_free(settings.port, "THUMBPRINT_PORT", settings.host)
    except checks.Unfit:
        err.print("A `thumbprint run` that plays on this machine goes over to it by itself.")
        return
    run(check=False)


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
    from bot.parts import playground_command, where_app

    settings = load_settings()
    if not settings.playground and (settings.app_id or settings.private_key_file):
        raise ConfigurationError(
            f"A GitHub App is configured ({where_app(settings)}), and the playground never runs beside it: "
            "set THUMBPRINT_HOME to another folder, without that App, to try the playground."
        )
    command = playground_command(settings)
    os.execve(command[0], command, environment("playground", settings, os.environ))  # noqa: S606


def _uvicorn(factory: str, host: str, port: int, settings: Settings) -> None:
    logs.configure(settings.log_level)
    uvicorn.run(
        factory,
        log_config=None,
        factory=True,
        host=host,
        port=port,
        log_level=settings.log_level,
        access_log=settings.log_level == "debug",
        server_header=False,
        timeout_graceful_shutdown=GRACEFUL_S,
    )
