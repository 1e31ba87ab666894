"""What was made of people's rows and lies in folders goes with the rows: snapshots, and what nights left.

A snapshot is held against the audits since its rows were read (`storage/audits.py`; its manifest bears that
time): where a repository in it was erased or left what is shared, or a person was forgotten, it is deleted;
the next export makes it anew without those rows. A night says for itself whose rows it learned from and when
they were read, whatever became of its snapshot: what it made goes likewise, but for an adapter that is set by
hand, is in force, would be brought back by a rollback of that, or was not promoted yet: its weights stay as
long as that is so. An erased repository's own nights go whole. What a night left that broke before it had a
folder may quote anybody, and goes as soon as anybody's rows do. Left out: folders beside `home`, which are
the operator's.
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
from storage.adapters import LET_GO
from storage.audits import ERASED, FORGOT_USER, LEFT_SHARED
from storage.database import Database, UnitOfWork
from storage.errors import SetupError

MANIFEST = "manifest.json"
ACTS = (ERASED, FORGOT_USER, LEFT_SHARED)

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
    """Delete what holds rows that are gone; of how many snapshots and nights. Nothing of those while a night
    is at work. What an export that was killed left half written is deleted in any case.

    `serving` is the adapter that is set by hand: a folder of a night's may serve without a row.
    Raises SetupError where something cannot be deleted.
    """
    swept = _sweep(home)
    with database.unit(read_only=True) as unit:
        if not _doomed(unit, home, serving):
            return swept
    try:
        with night_lock.held(home / "training", database):
            with database.unit() as unit:  # anew: a night may have ended since, and its adapter have a row
                doomed = _doomed(unit, home, serving)
                _let_go(unit, [path for paths in doomed.values() for path in paths])
                unit.commit()
            for folder, paths in doomed.items():
                _delete(folder, paths)
    except night_lock.AtWork:
        return swept
    log.info("leftovers_deleted", folders=len(doomed))
    return swept + len(doomed)


def _sweep(home: Path) -> int:
    """Delete what killed exports left half written; of how many. One that is at work is not disturbed."""
    places = [part.parent for root in (home, home / "training") for part in root.glob("snapshots/*/.part")]
    if not places:
        return 0
    from learning.training import snapshot  # it reads tables; a worker that has none to delete needs it not

    return sum(snapshot.sweep(place) for place in places)


def _doomed(unit: UnitOfWork, home: Path, serving: str) -> dict[Path, list[Path]]:
    """What goes of each snapshot and each night with rows that are gone; those of which nothing does are
    left out."""
    training = home / "training"
    made = [*_nights(training / "nights")]
    made += [one for place in (home, training) for one in _snapshots(place / "snapshots")]
    gone = [one.folder for one in made if unit.audits.lost(one.repositories, one.at, shared=one.shared)]
    kept = _kept(unit, serving) if gone else set()
    found = {folder: list(_without(folder, kept)) for folder in gone}
    found[training] = [one for one in training.glob("*.log") if unit.audits.since(_written(one), ACTS)]
    return {folder: paths for folder, paths in found.items() if paths}


def _kept(unit: UnitOfWork, serving: str) -> set[Path]:
    """The folders of adapters that are needed, and of the one that is set."""
    needed = unit.adapters.needed()
    rows = {Path(one.folder).resolve() for one in unit.adapters.all() if one.id in needed}
    return rows | ({Path(serving).expanduser().resolve()} if serving else set())


def _without(folder: Path, kept: Collection[Path]) -> Iterator[Path]:
    """What of a folder goes: all of it, or, with kept adapters in it, all but those and the note of whose
    rows they learned from, by which they are found again. That goes last: who deletes may die before."""
    if folder in kept:
        return
    if not any(one.is_relative_to(folder) for one in kept):
        yield from sorted(folder.iterdir(), key=lambda one: one.name in (BEGUN, MANIFEST))
        yield folder
        return
    for one in sorted(folder.iterdir()):
        if one.is_dir() and not one.is_symlink():
            yield from _without(one, kept)
        elif one.name != BEGUN:
            yield one


def _let_go(unit: UnitOfWork, doomed: Collection[Path]) -> None:
    """Note of adapters that they have no weights any more, so that no rollback brings them back."""
    for one in unit.adapters.all():
        if any(Path(one.folder).resolve().is_relative_to(path) for path in doomed):
            unit.adapters.set_fault(one.id, LET_GO)


def _snapshots(place: Path) -> Iterator[Made]:
    """The snapshots of people's rows under a folder, as `place/<scope>/<id>`."""
    for file in sorted(place.glob(f"*/*/{MANIFEST}")):
        about = night_journal.read(file).get("about", {})
        if consent := about.get("consent"):
            yield Made(
                folder=file.parent.resolve(),
                shared=_shared(about),
                repositories=frozenset(one["repository_id"] for one in consent),
                at=_written(file),
            )


def _nights(place: Path) -> Iterator[Made]:
    """The nights that learned from people's rows, by what they noted as they began."""
    for file in sorted(place.glob(f"*/night-*/{BEGUN}")):
        begun = night_journal.read(file)
        if consent := begun.get("consent"):
            yield Made(
                folder=file.parent.resolve(),
                shared=_shared(begun),
                repositories=frozenset(consent),
                at=datetime.fromisoformat(begun["as_of"]),
            )


def _written(file: Path) -> datetime:
    return datetime.fromtimestamp(file.stat().st_mtime, UTC)


def _shared(about: Mapping[str, object]) -> bool:
    return not str(about.get("scope", "")).startswith("repository-")


def _delete(folder: Path, paths: Collection[Path]) -> None:
    """Delete what goes of a folder."""
    try:
        for path in paths:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    except OSError as error:
        raise SetupError(
            f"{folder} holds rows that are gone, and cannot be deleted ({error.strerror}): give this user "
            "write access to it, or remove it."
        ) from error
