"""One process per role on one SQLite file, or per folder: an operating-system lock that dies with its holder.

Nothing is left behind that a kill -9 could make stale: the lock is on an open file, and ends with the
process. The lock file itself stays; it only names the last holder. Left out: PostgreSQL, where processes of
one role share.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from storage.errors import DatabaseError

Claim = IO[str]
"""A role that this process holds until it is closed."""


def claim_file(database: Path, role: str) -> Claim:
    """Lock `<database>.<role>.lock`. Raises DatabaseError when it is held, or cannot be written."""
    path = database.with_name(f"{database.name}.{role}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        held = path.open("a+", encoding="ascii")
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        held.seek(0)
        holder = held.read(32).strip() or "unknown"
        held.close()
        raise DatabaseError(
            f"the database {database} is already used by another `thumbprint {role}` (process {holder}): "
            "stop that one, or give this one its own database with THUMBPRINT_HOME or THUMBPRINT_DATABASE_URL"
        ) from error
    try:
        held.truncate(0)
        held.write(str(os.getpid()))
        held.flush()
    except OSError as error:
        with contextlib.suppress(OSError):  # closing writes once more
            held.close()
        raise _unwritable(path, error) from error
    return held


@contextlib.contextmanager
def alone(folder: Path, *, wait: bool = True) -> Iterator[None]:
    """One writer in a folder at a time. Raises BlockingIOError instead of waiting for another, OSError where
    nothing can be written."""
    with (folder / ".lock").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def _unwritable(path: Path, error: OSError) -> DatabaseError:
    return DatabaseError(
        f"{path} cannot be written ({error.strerror}): free some space on its disk, or give this user write "
        "access to its folder"
    )
