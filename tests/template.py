"""Databases of tests are copies: a file that is not there yet begins as what migrating makes of one.

The migrations make that, once a process, and each copy is migrated as ever, which finds nothing to do: so all
that is left out is making the same tables again, a tenth of a second and more for each of a thousand tests.
Tests of the migrations themselves do without (`migrations_run`).
"""

from __future__ import annotations

import functools
import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bot import queue
from storage.database import Database

OURS, WITH_JOBS = Database.migrate, queue.Queue.migrate
"""The real ones."""


def install() -> None:
    """From now on files are copied in this process."""
    Database.migrate = _ours
    queue.Queue.migrate = _with_jobs


@contextmanager
def migrations_run() -> Iterator[None]:
    """Meanwhile each file is made by its migrations."""
    Database.migrate, queue.Queue.migrate = OURS, WITH_JOBS
    try:
        yield
    finally:
        install()


def _ours(database: Database) -> None:
    _begin(database, jobs=False)
    OURS(database)


def _with_jobs(jobs: queue.Queue) -> None:
    _begin(jobs.database, jobs=True)
    WITH_JOBS(jobs)


def _begin(database: Database, *, jobs: bool) -> None:
    """The file, if it is not there. Nothing takes the place of one; where none can be, migrating says why."""
    if not database.is_sqlite or Path(database.name).exists():
        return
    beside = Path(f"{database.name}.{uuid.uuid4().hex}")
    with suppress(OSError):
        try:
            beside.write_bytes(_template(jobs=jobs))
            os.link(beside, database.name)
        finally:
            beside.unlink(missing_ok=True)


@functools.cache
def _template(*, jobs: bool) -> bytes:
    with tempfile.TemporaryDirectory() as folder, migrations_run():
        file = Path(folder) / "template.db"
        database = Database(f"sqlite:///{file}")
        queue.migrate(database) if jobs else database.migrate()
        database.dispose()
        return file.read_bytes()
