"""How a URL becomes a SQLAlchemy engine: which SQLite library, which journal, which transactions.

SQLite before 3.51.3 can damage a write-ahead log when one connection resets it while another checkpoints, and
most interpreters carry an older one. PyPI's `pysqlite3` brings a newer library; where it is missing and the
interpreter's own is old, the rollback journal is used instead: slower (readers wait for a writer), but right;
and where another process has the log open already, the old library does not start.
Left out: SQLite in memory, which a second process could not see.
"""

from __future__ import annotations

import importlib
import sqlite3
from types import ModuleType
from typing import Any

import sqlalchemy as sa

from storage.errors import ConfigurationError

WAL_IS_SAFE_FROM = (3, 51, 3)
_OLD = (
    "SQLite {version} can damage the write-ahead log that another process has open on {file}: install "
    "pysqlite3 for this Python too, or stop the other process"
)


def parse(url: str) -> sa.URL:
    """The URL, checked. Raises ConfigurationError unless it is a SQLite file's or PostgreSQL's."""
    help_text = "THUMBPRINT_DATABASE_URL must be sqlite:///file.db or postgresql://user@host/name"
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError as error:
        raise ConfigurationError(f"{help_text}; this one cannot be read") from error
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise ConfigurationError(f"{help_text}, not {backend}")
    if parsed.database in (None, "", ":memory:"):
        raise ConfigurationError(f"{help_text}: a database in memory cannot be shared by two processes")
    return parsed.set(drivername="sqlite")


def create(url: sa.URL, busy_timeout_s: float, session: str) -> sa.Engine:
    """An engine for a parsed URL. A SQLite writer waits `busy_timeout_s` for another one.

    PostgreSQL knows its connections by the name `session`, at most 63 bytes.
    """
    if url.get_backend_name() == "postgresql":
        named = {"application_name": session}
        return sa.create_engine(url, connect_args=named, pool_pre_ping=True, pool_size=10, max_overflow=10)
    library = sqlite_library()
    journal = "WAL" if library.sqlite_version_info >= WAL_IS_SAFE_FROM else "DELETE"
    engine = sa.create_engine(url, module=library, pool_size=10, max_overflow=10)

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: Any, record: Any) -> None:
        # Writers take the lock when they begin, not half-way: DBOS relies on this too.
        connection.isolation_level = "IMMEDIATE"
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={int(busy_timeout_s * 1000)}")
        try:
            found = cursor.execute(f"PRAGMA journal_mode={journal}").fetchone()[0]
        except library.OperationalError:
            found = cursor.execute("PRAGMA journal_mode").fetchone()[0]
            if found.upper() == journal:
                raise
        if journal == "DELETE" and found == "wal":
            raise ConfigurationError(_OLD.format(version=library.sqlite_version, file=url.database))
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA secure_delete=ON")  # what is erased is overwritten, not only unlinked
        cursor.close()

    return engine


def sqlite_library() -> ModuleType:
    """`pysqlite3` where it is installed, else the interpreter's own `sqlite3`."""
    try:
        return importlib.import_module("pysqlite3.dbapi2")
    except ImportError:
        return sqlite3
