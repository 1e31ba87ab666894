"""A worker lives while it beats; once it was taken for dead it knows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from storage.database import Database
from storage.executors import ExecutorStore
from storage.tables import executors

LEASE = timedelta(seconds=30)


def silent_for(database: Database, executor_id: str, time: timedelta) -> None:
    with database.unit() as unit:
        old = executors.update().where(executors.c.id == executor_id)
        unit.connection.execute(old.values(beat_at=unit.executors.now() - time))
        unit.commit()


def test_only_who_was_silent_for_longer_than_the_lease_is_buried(database: Database) -> None:
    with database.unit() as unit:
        for name in ("young", "old", "gone"):
            unit.executors.join(name, 4)
        unit.commit()
    silent_for(database, "old", LEASE / 2)
    silent_for(database, "gone", LEASE * 2)
    with database.unit() as unit:
        assert unit.executors.bury(LEASE) == ["gone"]
        assert unit.executors.alive() == {"young": 4, "old": 4}
        assert unit.executors.beat("old")
        assert not unit.executors.beat("gone")
        unit.executors.leave("young")
        assert unit.executors.alive() == {"old": 4}


def test_who_beats_again_in_time_lives(database: Database) -> None:
    with database.unit() as unit:
        unit.executors.join("w", 1)
        unit.commit()
    silent_for(database, "w", LEASE * 2)
    with database.unit() as unit:
        assert unit.executors.beat("w")
        assert unit.executors.bury(LEASE) == []


def test_beats_are_told_by_one_clock(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """On PostgreSQL (`tests/integration/test_takeover.py` too) the worker's own clock is never asked."""
    fixed = datetime(2026, 1, 1, tzinfo=UTC)
    monkeypatch.setattr(ExecutorStore, "now", lambda store: fixed)
    with database.unit() as unit:
        unit.executors.join("w", 1)
        unit.commit()
    with database.unit(read_only=True) as unit:
        assert unit.connection.execute(executors.select()).one().beat_at == fixed
