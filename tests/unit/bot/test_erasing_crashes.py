"""A worker that dies anywhere while it erases, clears leftovers or settles adapters: done whole, and once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.canary import settle_due
from bot.context import Context
from bot.drills.points import Pointed, Points
from bot.erasing import empty_log, erase_due
from bot.leftovers import clear
from bot.queue import Queue
from bot.settings import Settings
from storage.audits import ERASED
from storage.database import Database
from storage.erasure import IN_LOG
from storage.records import Installation, Standing
from tests.unit.bot.crashing import each_death, living
from tests.unit.bot.test_adapters import Server, named, put
from tests.unit.bot.test_adapters import worker as adapters_of
from tests.unit.bot.test_canary import FORMER, corrected
from tests.unit.bot.test_leftovers import EARLIER, House
from tests.unit.storage import things
from tests.unit.storage.conftest import database
from tests.unit.storage.test_adapters import promotion

__all__ = ["database"]

NOW = datetime.now(UTC)
LONG_AGO = NOW - timedelta(days=99)
WORDS = b"a very particular wording"


@contextmanager
def writing(file: Path, points: Points) -> Iterator[Database]:
    """A worker's database of its own."""
    database = Pointed(f"sqlite:///{file}", points)
    try:
        yield database
    finally:
        database.dispose()


def test_what_was_lost_is_erased_whole_and_leaves_the_log_of_the_file_too(
    database: Database, tmp_path: Path
) -> None:
    """A receiver has the file open all the time: no worker's end empties its log."""
    Queue(database).migrate()
    settings = Settings(_env_file=None, home=tmp_path, database_url=f"sqlite:///{database.name}")
    lost = 0

    def lose() -> None:
        nonlocal lost
        lost += 1
        with database.unit() as unit:
            unit.repositories.upsert(replace(things.REPOSITORY, id=lost, installation_id=lost))
            unit.deliveries.add(things.delivery(f"g{lost}", body=WORDS), lost)
            unit.answers.ask(things.question(repository_id=lost, text=WORDS.decode()))
            unit.repositories.lose([lost], lost, LONG_AGO)
            gone = Installation(
                id=lost, account_id=1, account="octo", standing=Standing.REMOVED, since=LONG_AGO
            )
            unit.installations.save(gone)
            unit.commit()

    def erase(context: Context) -> None:
        erase_due(context, NOW)

    must = ["before commit in erasing.erase_lost", "after commit in erasing.erase_lost"]
    must += ["before commit in erasing._forget_accounts", "after commit in erasing._forget_accounts"]
    with database.engine.connect() as open_all_the_time:
        open_all_the_time.exec_driver_sql("PRAGMA user_version").fetchall()
        open_all_the_time.rollback()
        for at in each_death(partial(living, settings), erase, lose, must=must):
            with database.unit(read_only=True) as unit:
                assert unit.repositories.all() == [] and unit.deliveries.recent(9) == [], at
                assert [one.account for one in unit.installations.all()] == [""] * lost, at
                erased = [one.repository_id for one in unit.audits.since(NOW, (ERASED,))]
            assert erased == list(range(1, lost + 1)), at
            files = [Path(database.name), Path(f"{database.name}-wal")]
            assert [file for file in files if WORDS in file.read_bytes()] == [], at


def test_a_log_that_somebody_reads_is_emptied_in_a_later_round(database: Database) -> None:
    def marked() -> datetime | None:
        with database.unit(read_only=True) as unit:
            return unit.progress.mark(IN_LOG)

    with database.unit() as unit:
        unit.progress.set_mark(IN_LOG, NOW)
        unit.commit()
    with database.unit(read_only=True) as reading:
        reading.repositories.all()
        empty_log(database)
        assert marked() == NOW
    empty_log(database)
    assert marked() is None


def test_of_what_holds_rows_that_are_gone_nothing_is_left_that_nobody_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker may die between any two files that it deletes; the same snapshot may be made anew after it."""
    house = House(tmp_path)
    house.audit(ERASED, 1, at=EARLIER)
    unlink, rmdir = os.unlink, os.rmdir

    @contextmanager
    def deleting(points: Points) -> Iterator[Database]:
        def unlinked(path: Any, **more: Any) -> None:
            points("before unlink")
            unlink(path, **more)

        def removed(path: Any, **more: Any) -> None:
            points("before rmdir")
            rmdir(path, **more)

        with monkeypatch.context() as patched, writing(Path(house.database.name), points) as database:
            patched.setattr(os, "unlink", unlinked)
            patched.setattr(os, "rmdir", removed)
            yield database

    def made() -> None:
        snapshot = house.made("shared", 1, 5, as_of=EARLIER - timedelta(minutes=1))
        house.together, house.night = snapshot.folder, house.again("shared", snapshot)

    must = ["before unlink", "before rmdir", "before commit in leftovers", "after commit in leftovers"]
    for at in each_death(deleting, lambda database: clear(database, house.home), made, must=must):
        kept = [path for folder in (house.together, house.night) for path in folder.rglob("*")]
        assert [path for path in kept if path.is_file()] == [], at
    house.database.dispose()


def test_a_canary_that_people_correct_goes_back_once(database: Database, tmp_path: Path) -> None:
    corrected(database)
    database.vacuum()
    file = tmp_path / "copy.db"

    def settle(database: Database) -> None:
        settle_due(database, (), things.NOW + timedelta(days=2))

    must = ["before commit in canary.settle_due", "after commit in canary.settle_due"]
    for at in each_death(partial(writing, file), settle, lambda: shutil.copy(database.name, file), must=must):
        with writing(file, Points()) as copy, copy.unit(read_only=True) as unit:
            by = [one.by for one in unit.adapters.history(0)]
            back = unit.adapters.in_force(0)
        assert by == ["canary", "operator", "operator"], at
        assert back is not None and back.adapter == FORMER, at


def test_an_adapter_that_the_server_refuses_is_known_to_be_and_the_others_are_loaded(
    database: Database,
) -> None:
    server, scope = Server(), 0

    def promoted() -> None:
        nonlocal scope, server
        scope, server = scope + 1, Server(bad={"/adapters/a"})
        put(database, promotion("a", scope=scope), promotion("c", scope=100 + scope))

    def settle(database: Database) -> None:
        adapters_of(database, server).settle(NOW, 900)

    begun = partial(writing, Path(database.name))
    must = ["before commit in adapters", "after commit in adapters"]
    for at in each_death(begun, settle, promoted, must=must):
        assert server.has == [named("c")], at
        with database.unit(read_only=True) as unit:
            faults = {one.id[0]: bool(one.fault) for one in unit.adapters.all()}
        assert faults == {"a": True, "c": False}, at
