"""What a repository chose is kept until one of its files changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from storage.configurations import of_installation, of_repository
from storage.database import Database
from storage.records import ConfigFile, Configuration, Learning, Repository
from tests.unit.storage import things

KNOWN = Configuration(
    repository_id=1,
    installation_id=2,
    words=("/ask", "/bot"),
    mention=False,
    training=True,
    learning=Learning.FROZEN,
    as_of=things.NOW,
    told="d1",
    told_in="a_1",
)


def test_what_was_read_comes_back_and_is_replaced(database: Database) -> None:
    with database.unit() as unit:
        unit.repositories.upsert(things.REPOSITORY)
        assert unit.configurations.get(1) is None
        unit.configurations.keep(KNOWN)
        assert unit.configurations.get(1) == KNOWN and unit.configurations.in_training() == [1]
        assert unit.configurations.in_training(things.NOW) == []
        assert unit.configurations.in_training(things.NOW + timedelta(seconds=1)) == [1]
        later = replace(KNOWN, words=("/ask",), training=False, learning=None)
        unit.configurations.keep(later)
        assert unit.configurations.get(1) == later and unit.configurations.in_training() == []
        for file in (
            ConfigFile(place=of_repository(1), text="mention: no", read_at=things.NOW),
            ConfigFile(place=of_repository(1), text=None, fault="it is too large", read_at=things.NOW),
        ):
            unit.configurations.keep_file(file)
            assert unit.configurations.file(of_repository(1)) == file


def test_a_changed_file_makes_stale_what_depends_on_it_and_nothing_else(database: Database) -> None:
    other = replace(KNOWN, repository_id=5)
    places = (of_repository(1), of_repository(5), of_installation(2))
    with database.unit() as unit:
        for repository_id in (1, 5):
            unit.repositories.upsert(Repository(id=repository_id, full_name="o/r", installation_id=2))
        for known in (KNOWN, other):
            unit.configurations.keep(known)
        for place in places:
            unit.configurations.keep_file(ConfigFile(place=place, text="", read_at=things.NOW))

        def fresh() -> list[bool]:
            files = [unit.configurations.file(place) for place in places]
            rows = [unit.configurations.get(repository_id) for repository_id in (1, 5)]
            return [bool(file and file.read_at) for file in files] + [bool(row and row.as_of) for row in rows]

        unit.configurations.changed(1)
        assert fresh() == [False, True, True, False, True]
        unit.configurations.defaults_changed(2)
        assert fresh() == [False, True, False, False, False]


def test_who_said_yes_is_to_be_asked_where_that_is_long_ago_or_a_file_changed_since(
    database: Database,
) -> None:
    now = things.NOW + timedelta(minutes=1)
    said = {1: KNOWN, 2: replace(KNOWN, as_of=now), 3: KNOWN, 4: replace(KNOWN, training=False)}
    with database.unit() as unit:
        for number, known in said.items():
            unit.repositories.upsert(replace(things.REPOSITORY, id=number))
            unit.configurations.keep(replace(known, repository_id=number))
        assert unit.configurations.to_ask(now) == [1, 3]
        unit.configurations.changed(2)
        unit.configurations.unread(3)
        assert unit.configurations.to_ask(now) == [2, 1], "what changed since is asked first"
        assert unit.configurations.stale() == [2, 3], "both are read by the clock, too"


def test_a_push_that_did_not_reach_us_makes_stale_only_what_was_read_before_it(database: Database) -> None:
    places = (of_repository(1), of_repository(5), of_installation(2))
    before, after = things.NOW - timedelta(minutes=1), things.NOW + timedelta(minutes=1)
    with database.unit() as unit:
        for number, name in ((1, "o/r"), (5, "o/.github")):
            unit.repositories.upsert(Repository(id=number, full_name=name, installation_id=2))
            unit.configurations.keep(replace(KNOWN, repository_id=number))

        def missed(repository_id: int, at: datetime) -> list[bool]:
            for place in places:
                known = unit.configurations.file(place)
                changes = known.changes if known else 0
                file = ConfigFile(place=place, text="", read_at=things.NOW, changes=changes)
                assert unit.configurations.keep_file(file)
            said = unit.configurations.missed(repository_id, at)
            found = map(unit.configurations.file, places)
            gone = [one is not None and one.read_at is None for one in found]
            assert said is any(gone)
            return gone

        assert missed(1, before) == missed(5, before) == missed(77, after) == [False, False, False]
        assert missed(1, after) == [True, False, False] and unit.configurations.stale() == [1]
        assert missed(5, after) == [False, True, True] and unit.configurations.stale() == [1, 5]
        assert not unit.configurations.missed(5, after)
