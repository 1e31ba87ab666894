"""The processes of `thumbprint run`: their commands, and what each may know of the environment.

The model process gets no secret, the receiver not the App's key, the playground its own state. Left out:
starting them (`bot/run.py`), and anything about models or GitHub.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from uvicorn.importer import import_from_string

from bot.process import Part
from bot.settings import Settings
from storage.database import Database

_NOT_FOR_THE_RECEIVER = frozenset({"THUMBPRINT_PRIVATE_KEY_FILE", "THUMBPRINT_MODEL_KEY"})
_FOR_THE_MODEL = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")
_PLAIN_LOG = {"PYTHONUNBUFFERED": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
PLAYGROUND_POLL_S = 3
"""Reactions on the playground are seen this soon, unless a setting says otherwise."""


def parts_of(settings: Settings, playground: Mapping[str, str] | None, database: Database) -> list[Part]:
    """What to start, in order. `playground`: the settings that make the bot talk to it, None without one."""
    env = {**os.environ, **(playground or {})}
    logs = settings.home / "logs"
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104
    verb = [sys.executable, "-m", "bot"]
    model = Part(
        name="model",
        command=model_command(settings),
        env=model_env(os.environ),
        log=logs / "model.log",
        ready=f"{settings.resolved_model_url}/models",
        nice=19,
        stop_s=3,
    )
    work = Part(
        name="work",
        command=[*verb, "work"],
        env=env,
        log=logs / "work.log",
        ready=_beats_since(datetime.now(UTC), database),
        stop_s=8,
    )
    serve = Part(
        name="serve",
        command=[*verb, "serve"],
        env={name: value for name, value in env.items() if name not in _NOT_FOR_THE_RECEIVER},
        log=logs / "serve.log",
        ready=f"http://{host}:{settings.port}/healthz",
    )
    stand_in = Part(
        name="playground",
        command=playground_command(settings),
        env=env | {"PLAYGROUND_APP_TOKEN": settings.pages_token.get_secret_value()},
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


def model_env(environ: Mapping[str, str]) -> dict[str, str]:
    """What the model process may know of the environment: where things are, and that it is offline."""
    kept = {name: environ[name] for name in _FOR_THE_MODEL if name in environ}
    return {**kept, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", **_PLAIN_LOG}


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
