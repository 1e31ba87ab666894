"""Repositories are known by GitHub's number; names change."""

from __future__ import annotations

from dataclasses import replace

from storage.database import Database
from storage.records import Learning, Repository
from tests.unit.storage import things


def test_a_renamed_repository_keeps_its_learning_and_revision(database: Database) -> None:
    renamed = replace(things.REPOSITORY, full_name="octo/quill", installation_id=3, private=True)
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
