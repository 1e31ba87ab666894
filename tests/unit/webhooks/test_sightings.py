"""Deliveries that left no row are noted, and a database that takes nothing loses none of them."""

from __future__ import annotations

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
