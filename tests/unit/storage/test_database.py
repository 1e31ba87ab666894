"""Units of work are whole or nothing, and a database's troubles are said in a sentence with the remedy."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from storage import engine
from storage.database import Database
from storage.errors import ConfigurationError, DatabaseBusy, DatabaseError
from tests.unit.storage import things

pytestmark = pytest.mark.usefixtures("migrations")


def _deliver(database: Database, guid: str, size: int = 10) -> None:
    with database.unit() as unit:
        unit.deliveries.add(things.delivery(guid, body=b"x" * size))
        unit.commit()


def test_a_unit_without_commit_leaves_nothing(database: Database) -> None:
    with database.unit() as unit:
        unit.deliveries.add(things.delivery())
    with database.unit() as unit:
        assert unit.deliveries.get("g1") is None


def test_a_unit_that_fails_leaves_nothing(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.unit() as unit:
        unit.deliveries.add(things.delivery())
        raise ZeroDivisionError
    with database.unit() as unit:
        assert unit.deliveries.get("g1") is None


def test_what_is_committed_is_seen_by_another_process(database: Database) -> None:
    _deliver(database, "g1")
    code = "import sys; from pysqlite3 import dbapi2 as d; c = d.connect(sys.argv[1]);"
    code += "print(c.execute('SELECT guid FROM deliveries').fetchall())"
    seen = subprocess.run(
        [sys.executable, "-c", code, database.name], capture_output=True, text=True, check=True
    )
    assert seen.stdout.strip() == "[('g1',)]"


def test_a_read_only_unit_waits_for_no_writer_and_cannot_commit(database: Database) -> None:
    with database.unit() as writer:
        writer.deliveries.add(things.delivery())
        with database.unit(read_only=True) as reader:
            assert reader.deliveries.get("g1") is None
            with pytest.raises(RuntimeError, match="nothing to commit"):
                reader.commit()


def test_a_read_only_unit_sees_one_moment(database: Database) -> None:
    with database.unit(read_only=True) as reader:
        assert reader.deliveries.recent(9) == []
        _deliver(database, "g1")
        assert reader.deliveries.recent(9) == []


def test_a_locked_database_is_busy(database: Database) -> None:
    other = Database(f"sqlite:///{database.name}", busy_timeout_s=0.05)
    with database.unit(), pytest.raises(DatabaseBusy, match="locked by another process"):
        _deliver(other, "g2")
    _deliver(other, "g2")
    other.dispose()


def test_a_database_that_another_thread_writes_for_long_is_busy(database: Database) -> None:
    with database.unit(), pytest.raises(DatabaseBusy, match="other threads for longer than"):
        _deliver(database, "g2")
    _deliver(database, "g2")


def test_threads_write_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    """SQLite lets whoever just came go before those who sleep: of forty one may wait for seconds."""
    database = Database(f"sqlite:///{tmp_path}/ours.db", busy_timeout_s=30.0)
    database.migrate()
    guids = [f"g{number:02}" for number in range(20)]
    threads = [threading.Thread(target=_deliver, args=(database, guid)) for guid in guids]
    assert database.writers is not None
    with database.unit():
        for came, thread in enumerate(threads, start=1):
            thread.start()
            while database.writers.waiting < came:
                time.sleep(0.001)
    for thread in threads:
        thread.join(30)
    with database.unit(read_only=True) as unit:
        query = "SELECT guid FROM deliveries ORDER BY rowid"
        assert list(unit.connection.exec_driver_sql(query).scalars()) == guids
    database.dispose()


def test_who_fails_to_begin_keeps_nobody_from_writing(database: Database) -> None:
    other = Database(f"sqlite:///{database.name}", busy_timeout_s=0.05)
    with database.unit():
        for _ in range(2):  # the second one meets the first one's turn, were it kept
            with pytest.raises(DatabaseBusy, match="locked by another process"):
                _deliver(other, "g3")
    _deliver(other, "g3")
    other.dispose()


def test_a_unit_that_breaks_as_it_opens_keeps_nobody_from_writing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(connection: sa.Connection) -> None:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr("storage.database.AdapterStore", broken)
        with pytest.raises(MemoryError):
            database.unit().__enter__()
    _deliver(database, "g1")


def test_a_role_that_cannot_be_written_down_is_not_taken_and_says_why(database: Database) -> None:
    lock = Path(f"{database.name}.work.lock")
    lock.symlink_to("/dev/full")
    with pytest.raises(DatabaseError, match=r"cannot be written .*: free some space on its disk"):
        database.claim("work")
    lock.unlink()
    database.claim("work")


def test_a_full_disk_is_said_and_loses_nothing(database: Database) -> None:
    _deliver(database, "g1")
    with database.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    with pytest.raises(DatabaseError, match="is full: free some space"):
        _deliver(database, "g2", size=500_000)
    with database.unit(read_only=True) as unit:
        assert [one.guid for one in unit.deliveries.recent(9)] == ["g1"]


def test_a_database_that_cannot_be_written_is_said(database: Database) -> None:
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only=ON")
    with pytest.raises(DatabaseError, match="cannot be written"):
        database.beat("serve")


def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but some notes that somebody needs\n" * 100)
    database = Database(f"sqlite:///{path}")
    with pytest.raises(DatabaseError, match="not a SQLite database"):
        database.migrate()
    database.dispose()
    assert path.read_text().startswith("not a database")


def test_a_damaged_database_is_said(database: Database) -> None:
    for number in range(50):
        _deliver(database, f"g{number}", size=3000)
    database.dispose()
    with Path(database.name).open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(200_000))
    with pytest.raises(DatabaseError, match="is damaged"), database.unit(read_only=True) as unit:
        unit.deliveries.recent(100)


@pytest.mark.parametrize(
    "url", ["", "nonsense", "mysql://root@localhost/x", "sqlite://", "sqlite:///:memory:"]
)
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="THUMBPRINT_DATABASE_URL"):
        Database(url)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DatabaseError, match="cannot be made"):
        Database(f"sqlite:///{tmp_path}/file/thumbprint.db")


def test_a_password_never_shows(tmp_path: Path) -> None:
    database = Database("postgresql://bot:hunter2@127.0.0.1:1/none")
    with pytest.raises(DatabaseBusy, match="cannot be reached") as caught:
        database.migrate()
    assert "hunter2" not in str(caught.value)
    database.dispose()


def test_the_write_ahead_log_needs_a_library_without_its_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _journal(tmp_path / "new.db") == "wal"
    monkeypatch.setattr(engine, "sqlite_library", lambda: sqlite3)
    fits = sqlite3.sqlite_version_info >= engine.WAL_IS_SAFE_FROM
    assert _journal(tmp_path / "old.db") == ("wal" if fits else "delete")


def test_an_old_sqlite_does_not_join_a_log_that_another_process_has_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Database(f"sqlite:///{tmp_path}/t.db")
    first.migrate()
    with first.engine.connect() as held:
        held.exec_driver_sql("SELECT count(*) FROM deliveries")
        monkeypatch.setattr(engine, "WAL_IS_SAFE_FROM", (99, 0, 0))
        second = Database(f"sqlite:///{tmp_path}/t.db", busy_timeout_s=0.1)
        with pytest.raises(ConfigurationError, match="install pysqlite3"):
            second.migrate()
    second.engine.dispose()
    first.dispose()
    alone = Database(f"sqlite:///{tmp_path}/t.db", busy_timeout_s=0.1)
    assert _journal(tmp_path / "t.db") == "delete"  # nobody else has it: it is turned back, and right
    alone.dispose()


def _journal(path: Path) -> str:
    database = Database(f"sqlite:///{path}")
    database.migrate()
    with database.engine.connect() as connection:
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
    database.dispose()
    return str(mode)


def test_a_sign_of_life_is_the_last_one(database: Database) -> None:
    assert database.last_beat("work") is None
    database.beat("work")
    first = database.last_beat("work")
    database.beat("work")
    last = database.last_beat("work")
    assert first is not None
    assert last is not None
    assert first < last


def test_writers_in_many_threads_wait_for_each_other(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/thumbprint.db", busy_timeout_s=30)
    database.migrate()
    with database.unit() as unit:
        unit.repositories.upsert(things.REPOSITORY)
        unit.commit()

    def bump() -> None:
        for _ in range(10):
            with database.unit() as unit:
                unit.repositories.bump_revision(1)
                unit.commit()

    threads = [threading.Thread(target=bump) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.unit() as unit:
        repository = unit.repositories.get(1)
        assert repository is not None
        assert repository.revision == 80
    database.dispose()


@pytest.fixture
def holder(database: Database) -> Iterator[subprocess.Popen[str]]:
    code = (
        "import sys, time; from storage.database import Database; d = Database(sys.argv[1]);"
        "d.claim('work'); print('held', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(database.url)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_server_on_one_file_is_told_who_has_it(
    database: Database, holder: subprocess.Popen[str]
) -> None:
    with pytest.raises(DatabaseError) as caught:
        database.claim("work")
    for part in (database.name, "thumbprint work", f"process {holder.pid}", "THUMBPRINT_HOME"):
        assert part in str(caught.value)
    database.claim("serve")


def test_a_killed_server_leaves_its_place(database: Database, holder: subprocess.Popen[str]) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    database.claim("work")
