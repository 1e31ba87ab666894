"""What was made of people's rows and lies in folders goes with the rows: snapshots, and what nights left.

A snapshot is held against the audits since its rows were read (`storage/audits.py`; its manifest bears that
time): where a repository in it was erased or left what is shared, or a person was forgotten, it is deleted;
the next export makes it anew without those rows. A night says for itself whose rows it learned from and when
they were read, whatever became of its snapshot: what it made goes likewise, but for an
adapter that is kept as a row or set by hand: its weights stay until another is promoted. An erased
repository's own nights go whole. Left out: folders beside `home`, which are the operator's.
Run: `pytest tests/unit/bot/test_leftovers.py`.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog

from bot import night_lock
from learning.training import night_journal
from learning.training.night_journal import BEGUN
from storage.database import Database
from storage.errors import SetupError

MANIFEST = "manifest.json"

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Made:
    """A snapshot or a night in a folder: whose rows are in it, whether shared, and from when on they may be
    lost."""

    folder: Path
    shared: bool
    repositories: frozenset[int]
    at: datetime


def clear(database: Database, home: Path, serving: str = "") -> int:
    """Delete what holds rows that are gone; how many folders. Nothing while a night is at work.

    `serving` is the adapter that is set by hand: a folder of a night's may serve without a row.
    Raises SetupError where one cannot be deleted.
    """
    if not _gone(database, home):
        return 0
    try:
        with night_lock.held(home / "training", database):
            gone = _gone(database, home)  # anew: a night may have ended since, and its adapter have a row
            kept = _kept(database, serving)
            for folder in gone:
                _delete(folder, kept)
    except night_lock.AtWork:
        return 0
    log.info("leftovers_deleted", folders=len(gone))
    return len(gone)


def _gone(database: Database, home: Path) -> list[Path]:
    """Nights and snapshots with rows that are gone."""
    training = home / "training"
    made = [*_nights(training / "nights")]
    made += [one for place in (home, training) for one in _snapshots(place / "snapshots")]
    with database.unit(read_only=True) as unit:
        return [one.folder for one in made if unit.audits.lost(one.repositories, one.at, shared=one.shared)]


def _kept(database: Database, serving: str) -> set[Path]:
    """The folders of adapters that are rows, and of the one that is set."""
    with database.unit(read_only=True) as unit:
        rows = {Path(one.folder) for one in unit.adapters.all()}
    return rows | ({Path(serving).expanduser().absolute()} if serving else set())


def _snapshots(place: Path) -> Iterator[Made]:
    """The snapshots of people's rows under a folder, as `place/<scope>/<id>`."""
    for file in sorted(place.glob(f"*/*/{MANIFEST}")):
        about = night_journal.read(file).get("about", {})
        if consent := about.get("consent"):
            yield Made(
                folder=file.parent,
                shared=_shared(about),
                repositories=frozenset(one["repository_id"] for one in consent),
                at=datetime.fromtimestamp(file.stat().st_mtime, UTC),
            )


def _nights(place: Path) -> Iterator[Made]:
    """The nights that learned from people's rows, by what they noted as they began."""
    for file in sorted(place.glob(f"*/night-*/{BEGUN}")):
        begun = night_journal.read(file)
        if consent := begun.get("consent"):
            yield Made(
                folder=file.parent,
                shared=_shared(begun),
                repositories=frozenset(consent),
                at=datetime.fromisoformat(begun["as_of"]),
            )


def _shared(about: Mapping[str, object]) -> bool:
    return not str(about.get("scope", "")).startswith("repository-")


def _delete(folder: Path, kept: Collection[Path]) -> None:
    """Delete a folder but for the adapters in it that are kept."""
    if folder in kept:
        return
    try:
        if not any(one.is_relative_to(folder) for one in kept):
            shutil.rmtree(folder)
            return
        for one in sorted(folder.iterdir()):
            if one.is_dir() and not one.is_symlink():
                _delete(one, kept)
            else:
                one.unlink()
    except OSError as error:
        raise SetupError(
            f"{folder} holds rows that are gone, and cannot be deleted ({error.strerror}): give this user "
            "write access to it, or remove it."
        ) from error
