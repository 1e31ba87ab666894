"""One night at a time: an operating-system lock that its holder's training holds too, and dies with both.

The lock is on an open file which the training process inherits: a night whose conductor was killed is at work
until its training is gone as well. On PostgreSQL, which several machines share, a session's advisory lock
stands beside it. Nothing is left that a kill -9 could make stale. Left out: machines whose connection to the
database is cut for hours, and SQLite files on network disks.
Run: `pytest tests/unit/bot/test_night_lock.py`.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from learning.training.night_journal import BEGUN
from storage.database import Database
from storage.errors import ConfigurationError, SetupError
from storage.records import Run

FILE = "night.lock"
NUMBER = 0x7468756D62
"""PostgreSQL's name of the lock."""
LEFT = timedelta(days=1)
"""So long a night that nobody ended is left to the machine that has its folder."""


class AtWork(ConfigurationError):
    """Another night is at work."""


@contextmanager
def held(folder: Path, database: Database) -> Iterator[int]:
    """Hold the lock; its file's descriptor, for a child to inherit. Raises AtWork, and SetupError."""
    with _file(folder) as descriptor, _session(database):
        yield descriptor


def elsewhere(run: Run, shared: bool, now: datetime) -> bool:
    """Whether a night that nobody ended is another machine's to go on with: its folder is not here, and the
    database is `shared` by several."""
    return shared and now - run.started_at < LEFT and not (Path(run.folder) / BEGUN).is_file()


def is_free(folder: Path) -> bool:
    """Whether nobody on this machine holds it. For looking: who begins takes it."""
    try:
        with _file(folder):
            return True
    except AtWork:
        return False


@contextmanager
def _file(folder: Path) -> Iterator[int]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SetupError(
            f"{folder} cannot be written ({error.strerror}): free some space, or give this user write access."
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AtWork(_already()) from error
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _session(database: Database) -> Iterator[None]:
    if database.is_sqlite:
        yield
        return
    with database.errors_translated(), database.engine.connect() as connection:
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        if not connection.execute(sa.select(sa.func.pg_try_advisory_lock(NUMBER))).scalar_one():
            raise AtWork(_already())
        try:
            yield
        finally:
            connection.execute(sa.select(sa.func.pg_advisory_unlock(NUMBER)))


def _already() -> str:
    return "Another night is at work: `thumbprint runs` shows it. Wait for its end."
