"""One process per role on one database: an operating-system lock that dies with its holder.

Nothing is left behind that a kill -9 could make stale: the lock is on an open file (SQLite) or on a session
(PostgreSQL), and both end with the process. The lock file itself stays; it only names the last holder.
"""

from __future__ import annotations

import fcntl
import os
import zlib
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa

from storage.errors import DatabaseError


class Claim(Protocol):
    """A role that this process holds until `close()`."""

    def close(self) -> None:
        """Give the role up."""


def claim_file(database: Path, role: str) -> Claim:
    """Lock `<database>.<role>.lock`. Raises DatabaseError when another process holds it."""
    path = database.with_name(f"{database.name}.{role}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        held = path.open("a+", encoding="ascii")
    except OSError as error:
        raise DatabaseError(f"{path} cannot be written: give this user write access to its folder") from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        held.seek(0)
        holder = held.read(32).strip() or "unknown"
        held.close()
        raise DatabaseError(_taken(str(database), role, f"process {holder}")) from error
    held.truncate(0)
    held.write(str(os.getpid()))
    held.flush()
    return held


def claim_postgres(engine: sa.Engine, name: str, role: str) -> Claim:
    """Hold a session's advisory lock. Raises DatabaseError when another session holds it."""
    connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    key = zlib.crc32(f"thumbprint {role}".encode())
    if not connection.scalar(sa.select(sa.func.pg_try_advisory_lock(key))):
        connection.close()
        raise DatabaseError(_taken(name, role, "another session"))
    connection.detach()
    return connection


def _taken(name: str, role: str, holder: str) -> str:
    return (
        f"the database {name} is already used by another `thumbprint {role}` ({holder}): "
        "stop that one, or give this one its own database with THUMBPRINT_HOME or THUMBPRINT_DATABASE_URL"
    )
