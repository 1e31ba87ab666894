"""What a driver's error means for the caller: the one seam where SQLAlchemy's errors become ours.

DatabaseBusy when the same call may succeed later; DatabaseError, or its kind DatabaseFull, with the remedy in
its sentence, when a person has to act. The driver's own words are kept as the cause, not repeated: they may
quote values.
"""

from __future__ import annotations

from sqlalchemy import exc

from storage.errors import DatabaseBusy, DatabaseError, DatabaseFull, ThumbprintError

_SQLITE = {  # result code's name, without what follows a second underscore → what to tell
    "SQLITE_FULL": "the disk under the database {name} is full: free some space and try again",
    "SQLITE_READONLY": "the database {name} cannot be written: give this user access to it and its folder",
    "SQLITE_CANTOPEN": "the database {name} cannot be opened: check that its folder exists and is writable",
    "SQLITE_CORRUPT": "the database {name} is damaged: stop Thumbprint and restore it from a backup",
    "SQLITE_NOTADB": "{name} is not a SQLite database: point THUMBPRINT_DATABASE_URL at another file",
    "SQLITE_IOERR": "the disk under the database {name} reports errors: check it, and the free space on it",
    "SQLITE_PERM": "the database {name} cannot be opened: give this user access to it and its folder",
    "SQLITE_AUTH": "the database {name} cannot be opened: give this user access to it and its folder",
}
_POSTGRES = {  # SQLSTATE, or its class → what to tell
    "53100": "the disk of the database {name} is full: free some space and try again",
    "25006": "the database {name} is read-only: connect to the primary, or make it writable",
    "42501": "the database {name} denies access to its tables: grant this user rights on them",
    "XX": "the database {name} is damaged: look into the server's log",
}
_POSTGRES_BUSY = ("40", "53", "55", "57", "08")


def translate(error: BaseException, name: str) -> ThumbprintError | None:
    """The error of ours that a driver's error amounts to, or None where it is not a database's error."""
    if isinstance(error, exc.TimeoutError):
        return DatabaseBusy(f"all connections to the database {name} are in use: try again in a moment")
    if not isinstance(error, exc.DBAPIError):
        return None
    if isinstance(error, exc.IntegrityError):
        rule = str(error.orig).partition("\n")[0]
        return DatabaseError(f"the database {name} refused a row that breaks its rule: {rule}")
    state = getattr(error.orig, "sqlstate", None)
    if isinstance(error, exc.DataError) and state is None:  # psycopg's own word, of a NUL in a text
        return DatabaseError(f"the database {name} refused a value that it cannot hold: see the log")
    code = getattr(error.orig, "sqlite_errorname", None)
    if code is not None:
        return _sqlite(str(code), name)
    if state is None:
        # psycopg gives no SQLSTATE for what fails before there is a connection
        return DatabaseBusy(
            f"the database {name} cannot be reached: check that its server runs, and that the database and "
            "user in THUMBPRINT_DATABASE_URL exist"
        )
    return _postgres(str(state), name)


def _sqlite(code: str, name: str) -> ThumbprintError:
    family = "_".join(code.split("_")[:2])
    if family in ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL"):
        return DatabaseBusy(f"the database {name} is locked by another process: try again in a moment")
    text = _SQLITE.get(family, "the database {name} failed with {code}: see the log")
    kind = DatabaseFull if family == "SQLITE_FULL" else DatabaseError
    return kind(text.format(name=name, code=code))


def _postgres(state: str, name: str) -> ThumbprintError:
    for key in (state, state[:2]):
        if key in _POSTGRES:
            kind = DatabaseFull if key == "53100" else DatabaseError
            return kind(_POSTGRES[key].format(name=name))
    if state[:2] in _POSTGRES_BUSY:
        return DatabaseBusy(f"the database {name} is busy or restarting: try again in a moment")
    return DatabaseError(f"the database {name} failed with SQLSTATE {state}: see the log")
