"""A test's new file is what the migrations make, and nothing takes the place of a file that is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot import queue
from storage.database import Database
from storage.errors import DatabaseError
from tests.template import OURS, WITH_JOBS, migrations_run


def rows(file: Path, *, jobs: bool) -> list[list[tuple[object, ...]]]:
    """What stands in a new file: its settings, tables, and their rows."""
    database = Database(f"sqlite:///{file}")
    queue.migrate(database) if jobs else database.migrate()
    with database.engine.connect() as connection:
        said = [f"PRAGMA {name}" for name in ("journal_mode", "page_size", "auto_vacuum", "user_version")]
        said.append("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name")
        names = connection.exec_driver_sql(
            "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
        )
        said += [f"SELECT * FROM {name}" for name in names.scalars()]
        found = [[tuple(map(_in_order, row)) for row in connection.exec_driver_sql(one)] for one in said]
    database.dispose()
    return found


def _in_order(value: object) -> object:
    """A table's lines sorted: SQLAlchemy puts its constraints into another order each time."""
    return sorted(line.strip(" ,\t") for line in value.split("\n")) if isinstance(value, str) else value


@pytest.mark.parametrize("jobs", [False, True])
def test_a_copy_is_what_the_migrations_make(tmp_path: Path, jobs: bool) -> None:
    assert (Database.migrate, queue.Queue.migrate) != (OURS, WITH_JOBS)
    copied = rows(tmp_path / "copied.db", jobs=jobs)
    with migrations_run():
        assert (Database.migrate, queue.Queue.migrate) == (OURS, WITH_JOBS)
        made = rows(tmp_path / "made.db", jobs=jobs)
    assert copied == made
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["copied.db", "made.db"]


def test_a_file_that_is_there_is_left_to_the_migrations(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("some notes, and no database" * 100)
    database = Database(f"sqlite:///{tmp_path}/notes.txt")
    with pytest.raises(DatabaseError, match="not a SQLite database"):
        database.migrate()
    database.dispose()
    assert (tmp_path / "notes.txt").read_text().startswith("some notes")
