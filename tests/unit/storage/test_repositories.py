"""Repositories are known by GitHub's number; names change."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from storage.audits import LEFT_SHARED
from storage.database import Database, UnitOfWork
from storage.records import Audit, Closed, Installation, Learning, Reach, Repository, Standing
from tests.unit.storage import things

HOUR = timedelta(hours=1)


def test_a_renamed_repository_keeps_its_learning_and_revision(database: Database) -> None:
    renamed = replace(things.REPOSITORY, full_name="octo/quill", private=True)
    with database.unit() as unit:
        assert unit.repositories.upsert(things.REPOSITORY) == things.REPOSITORY
        unit.repositories.set_learning(1, Learning.FROZEN)
        assert unit.repositories.bump_revision(1) == 1
        assert unit.repositories.upsert(renamed) == replace(renamed, learning=Learning.FROZEN, revision=1)
        assert unit.repositories.by_name("octo/inkwell") is None
        assert unit.repositories.all() == [replace(renamed, learning=Learning.FROZEN, revision=1)]


def test_a_name_that_changed_hands_means_its_last_owner(database: Database) -> None:
    with database.unit() as unit:
        unit.repositories.upsert(things.REPOSITORY)
        unit.repositories.upsert(Repository(id=9, full_name="Octo/Inkwell", installation_id=2))
        found = unit.repositories.by_name("OCTO/inkwell")
        assert found is not None
        assert found.id == 9


def test_an_unknown_repository_has_no_revision(database: Database) -> None:
    with database.unit() as unit:
        assert unit.repositories.bump_revision(5) == 0
        assert unit.repositories.get(5) is None


def closed(unit: UnitOfWork) -> Closed | None:
    found = unit.repositories.reach(1)
    assert found is not None
    return found.closed


def installation(**changes: Any) -> Installation:
    return replace(Installation(id=2, account_id=5, account="octo", since=things.NOW), **changes)


def test_an_old_delivery_can_only_make_a_known_repository_private(database: Database) -> None:
    with database.unit() as unit:
        unit.repositories.meet(things.REPOSITORY)
        unit.repositories.meet(replace(things.REPOSITORY, full_name="octo/old", private=True))
        unit.repositories.meet(replace(things.REPOSITORY, installation_id=9))
        assert unit.repositories.get(1) == replace(things.REPOSITORY, private=True)


def test_what_a_job_read_before_a_repository_was_made_private_does_not_make_it_public(
    database: Database,
) -> None:
    read = things.REPOSITORY
    with database.unit() as unit:
        unit.repositories.upsert(read)
        unit.repositories.meet(replace(read, private=True))  # the delivery, while the job reads on
        assert unit.repositories.upsert(read).private
        unit.repositories.settle(read)
        assert unit.repositories.get(1) == read


def test_what_a_job_read_before_a_transfer_was_settled_does_not_give_the_repository_back(
    database: Database,
) -> None:
    read, moved = things.REPOSITORY, replace(things.REPOSITORY, full_name="mona/inkwell", installation_id=3)
    with database.unit() as unit:
        unit.repositories.upsert(read)
        assert unit.repositories.settle(moved) is None
        assert unit.repositories.upsert(read) == moved
        assert unit.repositories.get(1) == moved
        found = unit.repositories.by_name("mona/inkwell")
        unit.repositories.settle(read)  # given back, as GitHub lists it
        assert (found, unit.repositories.get(1)) == (moved, read)


def test_a_repository_is_out_of_bounds_by_its_own_end_or_its_installations(database: Database) -> None:
    with database.unit() as unit:
        assert unit.repositories.reach(1) is None
        unit.repositories.upsert(things.REPOSITORY)
        assert unit.repositories.reach(1) == Reach(installation_id=2)
        unit.repositories.set_archived(1)
        assert closed(unit) is Closed.ARCHIVED
        assert unit.repositories.lose([1], 2, things.NOW) == [1]
        assert closed(unit) is Closed.REMOVED
        unit.installations.save(installation(standing=Standing.SUSPENDED))
        assert closed(unit) is Closed.SUSPENDED
        assert unit.repositories.settle(things.REPOSITORY) is Closed.SUSPENDED
        unit.installations.save(installation())
        assert closed(unit) is None
        unit.installations.save(installation(standing=Standing.REMOVED))
        assert closed(unit) is Closed.UNINSTALLED


def test_an_installation_that_was_removed_never_comes_back(database: Database) -> None:
    with database.unit() as unit:
        assert unit.installations.save(installation())
        assert not unit.installations.save(installation(account="renamed", since=things.NOW + HOUR))
        assert unit.installations.get(2) == installation(account="renamed")
        assert not unit.installations.save(installation(since=things.NOW - HOUR))
        assert unit.installations.get(2) == installation(since=things.NOW - HOUR)
        assert unit.installations.save(installation(standing=Standing.REMOVED))
        assert not unit.installations.save(installation())
        unit.installations.forget_account(2)
        assert unit.installations.all() == [installation(standing=Standing.REMOVED, account="", account_id=0)]


def test_a_repository_that_another_installation_has_now_is_not_lost(database: Database) -> None:
    with database.unit() as unit:
        unit.repositories.upsert(replace(things.REPOSITORY, installation_id=3))
        assert unit.repositories.lose([1, 7], 2, things.NOW) == []
        assert unit.repositories.lose([1], 3, things.NOW) == [1]
        assert unit.repositories.lose([1], 3, things.NOW + HOUR) == []
        assert unit.repositories.lost_before(things.NOW) == []
        assert unit.repositories.lost_before(things.NOW + HOUR) == [1]
        assert unit.repositories.upsert(things.REPOSITORY).removed_at == things.NOW


def test_what_leaves_what_is_shared_is_dated_by_then_not_by_its_delivery(database: Database) -> None:
    began = datetime.now(UTC)
    with database.unit() as unit:
        unit.repositories.upsert(things.REPOSITORY)
        unit.repositories.lose([1], 2, began - HOUR)
        unit.repositories.upsert(replace(things.REPOSITORY, id=5))
        unit.repositories.set_private(5)
        assert [one.repository_id for one in unit.audits.since(began, [LEFT_SHARED])] == [1, 5]


def test_a_delivery_that_reached_us_is_known_whatever_it_asked_for(database: Database) -> None:
    with database.unit() as unit:
        unit.deliveries.add(things.delivery("g1"), repository_id=1)
        unit.progress.sighted(["g2", "g2", "g3"], things.NOW)
        unit.progress.sighted(["g2"], things.NOW + HOUR)
        assert unit.progress.known(["g1", "g2", "g3", "g4"]) == {"g1", "g2", "g3"}
        assert unit.progress.forget_sightings(things.NOW) == 0
        assert unit.progress.forget_sightings(things.NOW + HOUR) == 2
        assert unit.progress.known(["g1", "g2"]) == {"g1"}


def test_marks_audits_and_forgotten_people_are_kept(database: Database) -> None:
    erased = Audit(at=things.NOW, act="erased", repository_id=1, counts={"answers": 2})
    with database.unit() as unit:
        assert unit.progress.mark("deliveries") is None
        unit.progress.set_mark("deliveries", things.NOW)
        unit.progress.set_mark("deliveries", things.NOW + HOUR)
        assert unit.progress.mark("deliveries") == things.NOW + HOUR
        unit.audits.add(erased)
        assert unit.audits.since(things.NOW) == [erased]
        assert unit.audits.since(things.NOW, ["forgot_user"]) == unit.audits.since(things.NOW + HOUR) == []
        unit.people.forget(7, things.NOW)
        assert (unit.people.forgotten_until(7), unit.people.forgotten_until(8)) == (things.NOW, None)
        unit.commit()
    with database.engine.connect() as connection:
        [key] = connection.exec_driver_sql("SELECT key FROM forgotten_people").scalars()
    assert len(key) == 64
