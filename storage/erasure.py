"""A repository's rows, all of them, out of every table. No commit by itself.

Which tables those are follows from the tables themselves: whatever names a repository, and whatever hangs on
such a row. A new table is erased without a word here; a test finds one that is neither reached nor exempt.
Left out: DBOS's rows, which hold ids, and SQLite's log (`bot/erasing.py`).
"""

from __future__ import annotations

import sqlalchemy as sa

from storage.tables import metadata

EXEMPT = frozenset({"audits", "executors", "forgotten_people", "heartbeats", "installations", "marks"})
EXEMPT |= {"sightings", "spendings", "paces", "config_files", "job_attempts", "runs"}
"""Tables without a word of a repository's; `erase` takes out of `config_files` and `marks` what is named."""

IN_LOG = "erased/log"
"""The mark of what was erased, and is in the log of SQLite's file until that is emptied: since when."""


def erase(connection: sa.Connection, repository_id: int) -> dict[str, int]:
    """Delete everything that a repository's people wrote and taught; how many rows of which table."""
    counts: dict[str, int] = {}
    for table in reversed(metadata.sorted_tables):
        which = _theirs(table, repository_id)
        if table.name == "repositories":
            which = table.c.id == repository_id
        if table.name == "config_files":
            which = table.c.place == f"repository/{repository_id}"
        if table.name == "marks":
            which = table.c.name == f"catch-up/{repository_id}"
        if table.name == "audits" or which is None:
            continue
        deleted = connection.execute(table.delete().where(which)).rowcount
        if deleted:
            counts[table.name] = deleted
    return counts


def reached() -> set[str]:
    """The tables that `erase` reaches by what they name or hang on."""
    return {table.name for table in metadata.sorted_tables if _theirs(table, 0) is not None} | {
        "repositories"
    }


def _theirs(table: sa.Table, repository_id: int) -> sa.ColumnElement[bool] | None:
    """The rows of a table that are a repository's: by its number, or by the row that they hang on."""
    if "repository_id" in table.c:
        return table.c.repository_id == repository_id
    for key in table.foreign_keys:
        above = key.column.table
        theirs = None if above is table or above.name == "repositories" else _theirs(above, repository_id)
        if theirs is not None:
            return key.parent.in_(sa.select(key.column).where(theirs))
    return None
