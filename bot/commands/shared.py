"""What every verb needs: settings with errors that a person understands, the database, a console."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from pydantic import ValidationError
from rich.console import Console

from bot.environment import training_env
from bot.settings import Settings, read_settings
from storage.database import Database
from storage.errors import ConfigurationError, Gone
from storage.records import LARGEST_ID, Repository

if TYPE_CHECKING:
    from bot.queue import Queue

MOST_LISTED = 10_000
"""Rows that a list on a terminal shows at most."""

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def load_settings() -> Settings:
    """The settings of this environment. Raises ConfigurationError that names the first wrong variable."""
    try:
        return read_settings()
    except ValidationError as error:
        first = error.errors()[0]
        if not first["loc"]:
            raise ConfigurationError(str(first["ctx"]["error"])) from error
        name = "_".join(str(part) for part in first["loc"]).upper()
        variable = name if name.startswith("THUMBPRINT_") else f"THUMBPRINT_{name}"
        if first["type"] == "extra_forbidden":
            raise ConfigurationError(
                f"There is no setting {variable}: take it out of .env, or see README.md for its name."
            ) from error
        said = first["msg"].removeprefix("Value error, ")
        raise ConfigurationError(f"{variable} is wrong: {said}; see README.md for its meaning.") from error


@contextmanager
def open_database(settings: Settings) -> Iterator[Database]:
    """The database, migrated, and closed at the end. Raises DatabaseError or DatabaseBusy."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    database = Database(settings.resolved_database_url)
    try:
        database.migrate()
        yield database
    finally:
        database.dispose()


@contextmanager
def open_queue(database: Database) -> Iterator[Queue]:
    """The queue in a database, its tables up to date, and closed at the end."""
    from bot.queue import Queue

    queue = Queue(database)
    try:
        queue.migrate()
        yield queue
    finally:
        queue.close()


def number_in(text: str) -> int | None:
    """The number of an account or a repository that a text is; None where it is none that GitHub gives."""
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else 0
    return number if 0 < number <= LARGEST_ID else None


def find_repository(database: Database, name: str) -> Repository:
    """A repository by `owner/name` or by id. Raises Gone with the names that there are."""
    with database.unit() as unit:
        number = number_in(name)
        found = unit.repositories.by_name(name) if number is None else unit.repositories.get(number)
        known = ", ".join(r.full_name for r in unit.repositories.all())
    if found is None:
        raise Gone(f"No repository {name} is known here; known are: {known or 'none yet'}.")
    return found


def cache_flag() -> list[str]:
    """Where a training stage finds models: the cache of the settings."""
    return ["--cache", str(load_settings().model_cache.expanduser().absolute())]


def become(stage: str, given: list[str], *, online: bool = False) -> NoReturn:
    """Go over to the process of a training stage, which knows no secret and reads no `.env`.

    `online`: what an option names, it may fetch.
    """
    command = [sys.executable, "-m", f"learning.training.{stage}", *given]
    sys.stdout.flush()
    os.execve(command[0], command, training_env(os.environ, online=online))  # noqa: S606
