"""What was made of rows that are gone goes with them."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot import night_lock, promoting
from bot.leftovers import clear
from learning.training import night_journal, snapshot
from learning.training.rows import Rows
from learning.training.snapshot import Snapshot
from storage.audits import ERASED, FORGOT_USER, LEFT_SHARED
from storage.database import Database
from storage.records import Audit
from tests.unit.learning.training.made import pair
from tests.unit.storage.test_adapters import adapter, promotion

KEPT = [Path("begun.json"), Path("ppo/adapter/weights")]
"""Of a night with an adapter that is kept: its weights, and whose rows they learned from."""
LATER = datetime.now(UTC) + timedelta(hours=1)
EARLIER = datetime.now(UTC) - timedelta(hours=1)


class House:
    """A home with snapshots of two repositories together, and of each by itself, and a night of each."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.database = Database(f"sqlite:///{home}/one.db")
        self.database.migrate()
        together, own = self.made("shared", 1, 2), self.made("repository-2", 2)
        self.together, self.own = together.folder, own.folder
        self.corpus = snapshot.write(rows(3), home / "training" / "snapshots" / "corpus", about={}).folder
        self.night = self.again("shared", together)
        self.own_night = self.again("repository-2", own)

    def made(self, scope: str, *repositories: int, as_of: datetime | None = None) -> Snapshot:
        consent = [{"repository_id": one, "private": False, "training": True} for one in repositories]
        about = {"scope": scope, "consent": consent}
        into = self.home / "snapshots" / scope
        return snapshot.write(rows(*repositories), into, about=about, as_of=as_of)

    def again(self, scope: str, data: Snapshot) -> Path:
        folder = self.home / "training" / "nights" / scope / "night-1"
        begun = {
            "scope": scope,
            "consent": [one["repository_id"] for one in data.manifest["about"]["consent"]],
            "as_of": data.as_of.isoformat(),
        }
        night_journal.write(folder / night_journal.BEGUN, begun)
        for place in ("data/rows.parquet", "evaluation/answers.jsonl", "ppo/adapter/weights", "ppo/log"):
            night_journal.text(folder / place, "what somebody asked")
        return folder

    def audit(self, act: str, repository_id: int | None = None, at: datetime = LATER) -> None:
        with self.database.unit() as unit:
            unit.audits.add(Audit(at=at, act=act, repository_id=repository_id))
            unit.commit()

    def keep(self, folder: Path, letter: str = "a") -> None:
        with self.database.unit() as unit:
            unit.adapters.add(adapter(letter, folder=str(folder)))
            unit.commit()

    def promote(self, letter: str, folder: Path | None = None) -> None:
        """Put an adapter in force for everybody."""
        self.keep(folder or self.home / letter, letter)
        with self.database.unit() as unit:
            now = unit.adapters.in_force(0)
            place, former = (now.place, now.adapter) if now else (0, "")
            unit.adapters.promote(promotion(letter, place=place + 1, former=former))
            unit.commit()

    def rollback(self) -> str:
        with self.database.unit() as unit:
            made = promoting.rollback(unit, promoting.EVERYBODY, LATER, by="mona", reason="worse")
            unit.commit()
        return made.adapter[:1]

    def left(self) -> set[Path]:
        folders = (self.together, self.own, self.corpus, self.night, self.own_night)
        return {folder for folder in folders if folder.exists()}

    def files_of_the_night(self) -> list[Path]:
        return sorted(file.relative_to(self.night) for file in self.night.rglob("*") if file.is_file())


def rows(*repositories: int) -> Rows:
    return Rows(pairs=tuple(pair(one) for one in repositories))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.database.dispose()


def test_the_traceback_of_a_night_that_had_no_folder_goes_as_soon_as_anybody_s_rows_do(house: House) -> None:
    """It may quote anybody."""
    file = house.home / "training" / "20261123-030000-shared.log"
    file.write_text("Traceback of what somebody asked")
    house.audit(ERASED, 9, at=EARLIER)
    assert clear(house.database, house.home) == 0 and file.exists()
    house.audit(ERASED, 9)
    assert clear(house.database, house.home) == 1 and not file.exists()


def test_what_holds_rows_that_are_all_there_stays(house: House) -> None:
    everything = house.left()
    house.audit(ERASED, 9)
    house.audit(ERASED, 2, at=EARLIER)
    house.audit(LEFT_SHARED, 1, at=EARLIER)
    assert clear(house.database, house.home) == 0
    assert house.left() == everything and len(everything) == 5


def test_a_repository_that_became_private_leaves_what_it_was_in_with_others_but_not_its_own(
    house: House,
) -> None:
    house.audit(LEFT_SHARED, 2)
    assert clear(house.database, house.home) == 2
    assert house.left() == {house.own, house.own_night, house.corpus}
    assert clear(house.database, house.home) == 0


@pytest.mark.parametrize(("act", "repository_id"), [(ERASED, 2), (FORGOT_USER, None)])
def test_what_was_erased_and_whoever_was_forgotten_is_in_no_snapshot_and_no_night(
    house: House, act: str, repository_id: int | None
) -> None:
    house.audit(act, repository_id)
    assert clear(house.database, house.home) == 4
    assert house.left() == {house.corpus}


@pytest.mark.parametrize(("act", "repository_id"), [(LEFT_SHARED, 3), (ERASED, 3), (FORGOT_USER, None)])
def test_what_left_after_a_snapshots_rows_were_read_left_it_though_its_last_byte_came_later(
    house: House, act: str, repository_id: int | None
) -> None:
    """As of an export that was killed before it looked itself."""
    before = EARLIER - timedelta(minutes=1)
    late = house.made("shared", 3, 4, as_of=before).folder
    house.audit(act, repository_id, at=EARLIER)
    assert clear(house.database, house.home) == 1
    assert not late.exists()


@pytest.mark.parametrize(("act", "repository_id"), [(ERASED, 2), (FORGOT_USER, None)])
def test_a_night_goes_though_its_snapshot_was_deleted_by_hand_before(
    house: House, act: str, repository_id: int | None
) -> None:
    for folder in (house.together, house.own):
        shutil.rmtree(folder)
    assert clear(house.database, house.home) == 0
    assert house.left() == {house.night, house.own_night, house.corpus}
    house.audit(act, repository_id)
    assert clear(house.database, house.home) == 2
    assert house.left() == {house.corpus}


def test_of_a_night_whose_adapter_is_kept_the_weights_stay_and_nothing_else(house: House) -> None:
    house.keep(house.night / "ppo" / "adapter")
    house.audit(LEFT_SHARED, 2)
    clear(house.database, house.home)
    assert house.files_of_the_night() == KEPT
    assert clear(house.database, house.home) == 0


def test_the_weights_of_an_adapter_go_once_nothing_is_on_it_and_no_rollback_brings_it_back(
    house: House,
) -> None:
    house.promote("c")
    house.promote("a", house.night / "ppo" / "adapter")
    house.audit(LEFT_SHARED, 2)
    assert clear(house.database, house.home) == 2
    assert house.files_of_the_night() == KEPT
    house.promote("d")
    assert clear(house.database, house.home) == 0
    assert house.files_of_the_night() == KEPT, "a rollback brings it back"
    assert house.rollback() == "a"
    assert clear(house.database, house.home) == 0
    for letter in "de":
        house.promote(letter)
    assert clear(house.database, house.home) == 1
    assert not house.night.exists()
    assert [house.rollback() for _ in range(3)] == ["d", "c", ""]


def test_weights_that_are_needed_stay_by_whatever_path_they_are_known(house: House, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.symlink_to(house.home, target_is_directory=True)
    house.keep(other / (house.night / "ppo" / "adapter").relative_to(house.home))
    house.audit(LEFT_SHARED, 2)
    clear(house.database, house.home)
    assert house.files_of_the_night() == KEPT


def test_of_an_adapter_that_is_set_by_hand_the_weights_stay_without_a_row(house: House) -> None:
    house.audit(LEFT_SHARED, 2)
    clear(house.database, house.home, str(house.night / "ppo" / "adapter"))
    assert house.files_of_the_night() == KEPT


def test_what_a_night_added_before_it_gave_the_lock_back_is_kept(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.audit(LEFT_SHARED, 2)
    held = night_lock.held

    @contextmanager
    def held_after_its_end(folder: Path, database: Database) -> Iterator[int]:
        house.keep(house.night / "ppo" / "adapter")
        with held(folder, database) as descriptor:
            yield descriptor

    monkeypatch.setattr(night_lock, "held", held_after_its_end)
    clear(house.database, house.home)
    assert house.files_of_the_night() == KEPT


def test_what_a_killed_export_left_half_written_goes_and_what_one_at_work_writes_stays(house: House) -> None:
    places = [house.together.parent, house.corpus.parent]
    for place in places:
        night_journal.text(place / ".part" / "preference.jsonl", "what somebody asked")
    with (places[0] / ".lock").open("a") as at_work:
        fcntl.flock(at_work, fcntl.LOCK_EX)
        assert clear(house.database, house.home) == 1
        assert [(place / ".part").exists() for place in places] == [True, False]
    everything = house.left()
    assert clear(house.database, house.home) == 1
    assert clear(house.database, house.home) == 0
    assert not (places[0] / ".part").exists() and house.left() == everything


def test_a_night_at_work_is_waited_for(house: House) -> None:
    house.audit(ERASED, 2)
    with night_lock.held(house.home / "training", house.database):
        assert clear(house.database, house.home) == 0
    assert clear(house.database, house.home) == 4
