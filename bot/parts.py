"""The processes of `thumbprint run`: which there are, their commands, when they are ready.

Left out: what each may know (`bot/environment.py`), starting them (`bot/run.py`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from uvicorn.importer import import_from_string

from bot import app_store
from bot.environment import environment, model_env
from bot.process import Part
from bot.settings import Settings
from learning.models.packages import Kind
from storage.database import Database
from storage.errors import ConfigurationError, ThumbprintError

PLAYGROUND_POLL_S = 3
"""Reactions on the playground are seen this soon, unless a setting says otherwise."""

MODEL_SILENT_S, SERVE_SILENT_S, WORK_SILENT_S = 120.0, 60.0, 120.0
"""After so long without a sign of life they hang. The model is nice, and may have to wait for a busy machine;
a worker on PostgreSQL is left to the other workers, which take over from it."""


def models_of(settings: Settings) -> list[tuple[str, Kind]]:
    """The models that the settings name, with what each is for."""
    return [(settings.policy, "policy"), (settings.adapter, "adapter"), (settings.encoder, "encoder")]


def plays(settings: Settings) -> bool:
    """Whether `run` stands in for GitHub: it does where nothing of a GitHub App is configured.

    Configured is the App of the environment, or the one that `thumbprint setup` registered. Raises
    ConfigurationError for an App beside the playground, and for half an App.
    """
    app = {"THUMBPRINT_APP_ID": settings.app_id, "THUMBPRINT_PRIVATE_KEY_FILE": settings.private_key_file}
    has = [name for name, value in app.items() if value]
    if not has:
        return True
    if settings.playground:
        raise ConfigurationError(
            f"THUMBPRINT_PLAYGROUND stands beside a GitHub App ({where_app(settings)}), and the playground "
            "never runs in production: unset it."
        )
    needed = {**app, "THUMBPRINT_WEBHOOK_SECRET": settings.webhook_secret.get_secret_value()}
    missing = [name for name, value in needed.items() if not value]
    if missing:
        raise ConfigurationError(
            f"{has[0]} names a GitHub App, and {' and '.join(missing)} is missing: set it, "
            f"or unset {has[0]} to try the playground."
        )
    return False


def where_app(settings: Settings) -> str:
    """Where the configured App comes from, in words."""
    kept = app_store.folder(settings.home)
    if settings.private_key_file and settings.private_key_file.parent == kept.absolute():
        return f"registered, in {kept}"
    return "THUMBPRINT_APP_ID, THUMBPRINT_PRIVATE_KEY_FILE"


def parts_of(settings: Settings, playground: Mapping[str, str] | None, database: Database) -> list[Part]:
    """What to start, in order. `playground`: the settings that make the bot talk to it, None without one."""
    logs = settings.home / "logs"
    here = playground is not None or settings.host in ("0.0.0.0", "::")  # noqa: S104
    host = "127.0.0.1" if here else settings.host
    verb = [sys.executable, "-m", "bot"]
    model = Part(
        name="model",
        command=model_command(settings),
        env=model_env(os.environ),
        log=logs / "model.log",
        ready=f"{settings.resolved_model_url}/models",
        nice=19,
        stop_s=3,
        silent_s=MODEL_SILENT_S,
    )
    work = Part(
        name="work",
        command=[*verb, "work"],
        env=environment("work", settings, os.environ, playground),
        log=logs / "work.log",
        ready=_beats_since(datetime.now(UTC), database),
        stop_s=20,
        silent_s=WORK_SILENT_S if database.is_sqlite else 0.0,
        alive=_beats_go_on(database),
    )
    serve = Part(
        name="serve",
        command=[*verb, "serve"],
        env=environment("serve", settings, os.environ, playground),
        log=logs / "serve.log",
        ready=f"http://{host}:{settings.port}/healthz",
        silent_s=SERVE_SILENT_S,
    )
    stand_in = Part(
        name="playground",
        command=playground_command(settings),
        env=environment("playground", settings, os.environ),
        log=logs / "playground.log",
        ready=f"http://127.0.0.1:{settings.playground_port}/",
        stop_s=3,
    )
    ours = [] if settings.model_url else [model]
    return [*ours, work, serve, *([] if playground is None else [stand_in])]


def _beats_since(then: datetime, database: Database) -> Callable[[], bool]:
    """Whether the worker has given a sign of life since `then`."""

    def beats() -> bool:
        beat = database.last_beat("work")
        return beat is not None and beat >= then

    return beats


def _beats_go_on(database: Database) -> Callable[[], bool]:
    """Whether a worker's beat is another than when this was asked last, or nobody could write one down."""
    last: list[datetime] = []

    def go_on() -> bool:
        try:
            database.beat("run")
            with database.unit(read_only=True) as unit:
                newest = unit.executors.newest_beat()
        except ThumbprintError:
            return True
        former = list(last)
        last[:] = [newest] if newest is not None else []
        return last != former and newest is not None

    return go_on


def model_command(settings: Settings) -> list[str]:
    """How our own model process is started: everything it needs to know stands in its arguments."""
    encoder = "" if settings.encoder_url else settings.encoder
    return [
        sys.executable,
        "-m",
        "learning.models.server",
        f"--policy={settings.policy}",
        f"--adapter={settings.adapter}",
        f"--encoder={encoder}",
        f"--cache={settings.model_cache.expanduser().absolute()}",
        f"--name={settings.model_name}",
        f"--port={settings.model_port}",
        f"--threads={settings.threads}",
        f"--memory-gb={settings.model_memory_gb}",
        f"--timeout-s={settings.model_timeout_s}",
    ]


def playground_command(settings: Settings) -> list[str]:
    """How the playground is started."""
    return [
        sys.executable,
        "-m",
        "webhooks.playground",
        f"--port={settings.playground_port}",
        f"--app-url=http://127.0.0.1:{settings.port}",
        f"--home={settings.home / 'playground'}",
    ]


def playground_env(settings: Settings) -> dict[str, str]:
    """The settings with which the bot takes the playground for GitHub. Makes its credentials if need be.

    The playground is in a room above this one, so it is named and not imported, as uvicorn does it.
    Raises SetupError when its folder cannot be written.
    """
    credentials = import_from_string("webhooks.playground.credentials:ensure")(settings.home / "playground")
    poll_s = settings.poll_s if "poll_s" in settings.model_fields_set else PLAYGROUND_POLL_S
    return {
        "THUMBPRINT_POLL_S": str(poll_s),
        "THUMBPRINT_PLAYGROUND": "true",
        "THUMBPRINT_GITHUB_URL": f"http://127.0.0.1:{settings.playground_port}/api/v3",
        "THUMBPRINT_APP_ID": credentials.app_id,
        "THUMBPRINT_APP_SLUG": credentials.slug,
        "THUMBPRINT_PRIVATE_KEY_FILE": str(credentials.private_key_file),
        "THUMBPRINT_WEBHOOK_SECRET": credentials.webhook_secret,
    }
