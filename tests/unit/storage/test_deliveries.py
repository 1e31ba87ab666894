"""Deliveries are kept once and numbered as they came."""

from __future__ import annotations

from datetime import timedelta

from storage.database import Database
from tests.unit.storage import things


def test_a_redelivery_is_known_by_its_guid(database: Database) -> None:
    with database.unit() as unit:
        assert unit.deliveries.add(things.delivery())
        assert not unit.deliveries.add(things.delivery(body=b"other"))
        unit.commit()
    with database.unit() as unit:
        assert unit.deliveries.get("g1") == things.delivery()
        assert unit.deliveries.get("g2") is None


def test_numbers_follow_arrival_and_are_never_given_twice(database: Database) -> None:
    with database.unit() as unit:
        unit.deliveries.add(things.delivery("g1"))
        unit.deliveries.add(things.delivery("g2"))
        unit.connection.exec_driver_sql("DELETE FROM deliveries WHERE guid = 'g2'")
        unit.deliveries.add(things.delivery("g3"))
        assert [unit.deliveries.number(guid) for guid in ("g1", "g2", "g3")] == [1, None, 3]
        assert [one.guid for one in unit.deliveries.recent(1)] == ["g3"]


def test_what_was_deleted_in_a_repository_is_found_from_a_moment_on(database: Database) -> None:
    early, late = things.NOW, things.NOW + timedelta(minutes=1)
    with database.unit() as unit:
        unit.deliveries.add(things.delivery("g1", action="deleted", received_at=early), 1)
        unit.deliveries.add(things.delivery("g2", action="deleted", received_at=late), 1)
        unit.deliveries.add(things.delivery("g3", action="created", received_at=late), 1)
        unit.deliveries.add(things.delivery("g4", action="deleted", received_at=late), 2)
        assert [one.guid for one in unit.deliveries.deletions(1, late)] == ["g2"]
        assert [one.guid for one in unit.deliveries.deletions(1, early)] == ["g1", "g2"]
