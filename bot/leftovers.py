"""What was made of people's rows and lies in folders goes with the rows: snapshots, and what nights left.

A snapshot is held against the audits since its rows were read (`storage/audits.py`; its manifest bears that
time): where a repository in it was erased or left what is shared, or a person was forgotten, it is deleted;
the next export makes it anew without those rows. So is what a night made of such a snapshot, but for an
adapter that is kept as a row or set by hand: its weights stay until another is promoted. An erased
repository's own nights go whole. Left out: folders beside `home`, which are the operator's.
Run: `pytest tests/unit/bot/test_leftovers.py`.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
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
    """A snapshot in a folder: whose rows it holds, whether shared, and from when on they may be lost."""

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
    """Nights and snapshots with rows that are gone. A snapshot comes last: it is what tells."""
    training = home / "training"
    made = [one for place in (home, training) for one in _made(place / "snapshots")]
    with database.unit(read_only=True) as unit:
        stale = [one.folder for one in made if unit.audits.lost(one.repositories, one.at, shared=one.shared)]
    return [*_nights(training / "nights", stale), *stale]


def _kept(database: Database, serving: str) -> set[Path]:
    """The folders of adapters that are rows, and of the one that is set."""
    with database.unit(read_only=True) as unit:
        rows = {Path(one.folder) for one in unit.adapters.all()}
    return rows | ({Path(serving).expanduser().absolute()} if serving else set())


def _made(place: Path) -> Iterator[Made]:
    """The snapshots of people's rows under a folder, as `place/<scope>/<id>`."""
    for file in sorted(place.glob(f"*/*/{MANIFEST}")):
        about = night_journal.read(file).get("about", {})
        if consent := about.get("consent"):
            yield Made(
                folder=file.parent,
                shared=not str(about.get("scope", "")).startswith("repository-"),
                repositories=frozenset(one["repository_id"] for one in consent),
                at=datetime.fromtimestamp(file.stat().st_mtime, UTC),
            )


def _nights(place: Path, stale: Collection[Path]) -> Iterator[Path]:
    """The folders of nights that were made of these snapshots."""
    for folder in sorted(place.glob("*/night-*")):
        flags = [str(flag) for flag in night_journal.read(folder / BEGUN).get("flags", ())]
        if any(flag == "--data" and Path(value) in stale for flag, value in pairwise(flags)):
            yield folder


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
