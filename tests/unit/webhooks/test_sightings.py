"""Deliveries that left no row are noted, and a database that takes nothing loses none of them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from storage.database import Database
from storage.errors import DatabaseBusy
from webhooks import sightings
from webhooks.sightings import Sightings


def known(database: Database) -> set[str]:
    with database.unit(read_only=True) as unit:
        return unit.progress.known([f"g{number}" for number in range(10)])


def test_what_was_noted_is_known_once_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sightings, "MOST_AT_ONCE", 2)
    database = Database(f"sqlite:///{tmp_path}/t.db", busy_timeout_s=0.1)
    database.migrate()
    noted = Sightings(database)
    for guid in ("g1", "g2", "g2", "g3"):
        noted.note(guid)
    with database.unit(), pytest.raises(DatabaseBusy):
        noted.flush()
    assert noted.flush() == 2
    assert known(database) == {"g1", "g2"}
    noted.start()
    noted.stop()
    assert known(database) == {"g1", "g2", "g3"}
    database.dispose()


def test_an_error_that_nobody_foresaw_ends_not_the_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing would be known as sighted any more, and the sweep have every delivery sent again."""
    monkeypatch.setattr(sightings, "EVERY_S", 0.01)
    database = Database(f"sqlite:///{tmp_path}/t.db")
    database.migrate()
    noted, calls = Sightings(database), list[int]()
    flush = noted.flush

    def breaks_once() -> int:
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("not foreseen")
        return flush()

    monkeypatch.setattr(noted, "flush", breaks_once)
    noted.note("g4")
    noted.start()
    deadline = time.monotonic() + 20
    while not known(database):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    noted.stop()
    assert known(database) == {"g4"}
    database.dispose()
