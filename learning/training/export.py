"""What people did where it may train becomes snapshots: a shared one, and each private repository's own.

A repository opts in by `training: true` in its configuration. A private one's rows are in its own
snapshot and nowhere else; public ones' are in the shared one, and in their account's, be it one
repository: whether an account has enough to learn from is the night's to say. Where all who share are of
one account it has none, for that would be the shared one again, and its night the same night twice.
All is read in one transaction: a snapshot is one moment of the database. Where somebody was forgotten, or
a repository left, between that moment and the last byte, it is made anew. Left out: asking GitHub whether
files still say so (`bot/consent.py`; one that is known to have changed counts as no).
Run: `thumbprint export`; `pytest tests/integration/test_export.py`.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from learning.memory.hearing import over
from learning.memory.phrases import judge
from learning.prompt import TEMPLATE
from learning.training import snapshot
from learning.training.columns import KINDS
from learning.training.hygiene import PER_PERSON, PER_REPOSITORY, cleaned
from learning.training.preferences import Item, items
from learning.training.rows import Rows, Triplet
from learning.training.snapshot import Snapshot
from storage.database import Database, UnitOfWork
from storage.errors import ConfigurationError, DataError
from storage.phrases import taken_back
from storage.records import Closed, Learning, Repository, Story

SHARED, OWN = "shared", "repository-"
TRIES = 3
"""So often is an export made anew because rows left under it."""

OPT_IN = "set `training: true` in its .github/thumbprint.yml"


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Whose rows are in one snapshot: a folder's name, and repositories, a private one only by itself."""

    name: str
    repositories: tuple[Repository, ...]

    @property
    def alone(self) -> bool:
        """Whether it is one repository's own."""
        return self.name.startswith(OWN)


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A scope and its snapshot."""

    scope: Scope
    snapshot: Snapshot


def export(database: Database, into: Path, repository: Repository | None = None) -> list[Exported]:
    """Write a snapshot of each scope as `into/<scope>/<id>`, or of one repository alone; what was written.

    The list is empty where nobody opted in. Raises ConfigurationError for a named repository that did not,
    DataError where rows left under each try; what was written of those is deleted.
    """
    held: set[Path] = set()
    try:
        for _ in range(TRIES):
            with database.unit() as unit:
                began = unit.audits.settled()
            found = _export(database, into, repository, began)
            lost = _lost(database, found, began)
            held = (held | lost) - ({one.snapshot.folder for one in found} - lost)
            if not lost:
                return found
    finally:
        for folder in held:
            shutil.rmtree(folder, ignore_errors=True)  # what stays is older than what left: leftovers
    raise DataError(
        "People or repositories left the data each time that it was exported: export it once more."
    )


def _export(database: Database, into: Path, repository: Repository | None, began: datetime) -> list[Exported]:
    """One try: all is read, then all is written; `began` is a time before the first row is read."""
    with database.unit(read_only=True) as unit:
        chosen = scopes(unit) if repository is None else [alone(unit, repository)]
        known = {one.id: one for scope in chosen for one in scope.repositories}
        made = {number: _items(unit, one) for number, one in sorted(known.items())}
    found = []
    for scope in chosen:
        rows, about = _snapshot(scope, [item for one in scope.repositories for item in made[one.id]])
        written = snapshot.write(rows, into / scope.name, about=about, as_of=began)
        found.append(Exported(scope=scope, snapshot=written))
    return found


def _lost(database: Database, found: Sequence[Exported], began: datetime) -> set[Path]:
    """The folders of snapshots with rows that were read and are gone by now."""
    with database.unit(read_only=True) as unit:
        return {
            one.snapshot.folder
            for one in found
            if unit.audits.lost(
                {each.id for each in one.scope.repositories}, began, shared=not one.scope.alone
            )
        }


def scopes(unit: UnitOfWork) -> list[Scope]:
    """Everybody's who share, each account's where several do, and each private repository's own."""
    public = unit.configurations.shared()
    shared = [one for one in _opted_in(unit) if one.id in public]
    found = [Scope(name=SHARED, repositories=tuple(shared))] if shared else []
    accounts = sorted({one.installation_id for one in shared})
    for account in accounts if len(accounts) > 1 else ():
        theirs = tuple(one for one in shared if one.installation_id == account)
        found.append(Scope(name=f"account-{account}", repositories=theirs))
    return found + [_own(one) for one in _opted_in(unit) if one.id not in public]


def alone(unit: UnitOfWork, repository: Repository) -> Scope:
    """One repository's own scope. Raises ConfigurationError where it is not to train a model."""
    for one in _opted_in(unit):
        if one.id == repository.id:
            return _own(one)
    raise ConfigurationError(
        f"{repository.full_name} has not opted in, or the App may not use it just now: {OPT_IN}, have it "
        "read (any question or push does), and see that learning is on."
    )


def _own(repository: Repository) -> Scope:
    return Scope(name=f"{OWN}{repository.id}", repositories=(repository,))


def _opted_in(unit: UnitOfWork) -> list[Repository]:
    """The repositories whose rows may train, by number: they say so, the App has them, and they learn."""
    training = set(unit.configurations.in_training())
    found = []
    for one in sorted(unit.repositories.all(), key=lambda one: one.id):
        reach = unit.repositories.reach(one.id)
        closed = reach.closed if reach is not None else Closed.REMOVED
        if one.id in training and closed in (None, Closed.ARCHIVED) and one.learning is not Learning.OFF:
            found.append(one)
    return found


def _items(unit: UnitOfWork, repository: Repository) -> list[Item]:
    """The rows of one repository, before they are held against each other."""
    events = unit.feedback.of_repository(repository.id)
    named = {event.answer_id for event in events} | set(unit.drafts.approved(repository.id))
    stories = [story for name in sorted(named) if (story := unit.answers.story(name)) is not None]
    late = over(events)
    return items(stories, private=repository.private, late=late, gone=_gone(unit, repository, stories, late))


def _gone(
    unit: UnitOfWork, repository: Repository, stories: Sequence[Story], late: frozenset[str]
) -> set[str]:
    """The ids of events that teach nothing any more, or, where learning is frozen, not yet."""
    forgotten = unit.phrases.forgotten(repository.id)
    gone = {
        evidence.event_id
        for story in (stories if forgotten else ())
        for evidence in judge(story.answer, story.feedback, unheard=late)[1]
        if taken_back(evidence, forgotten)
    }
    gone |= {event.id for story in stories for event in story.feedback if event.pending}
    if repository.learning is Learning.FROZEN:
        acting = unit.phrases.acting_events([story.answer.id for story in stories])
        gone |= {event.id for story in stories for event in story.feedback} - acting
    return gone


def _snapshot(scope: Scope, found: Sequence[Item]) -> tuple[Rows, dict[str, object]]:
    """The rows of a scope, and what its manifest says of where they are from."""
    current = [
        item for item in found if isinstance(item.row, Triplet) or item.row.origin.template == TEMPLATE
    ]
    left, out = cleaned(current, shared=len(scope.repositories) > 1)
    by_kind: dict[str, Any] = {
        kind.field: tuple(item.row for item in left if type(item.row) is kind.row) for kind in KINDS
    }
    about = {
        "scope": scope.name,
        "consent": [
            {"repository_id": one.id, "private": one.private, "training": True} for one in scope.repositories
        ],
        "template": TEMPLATE,
        "per_person": PER_PERSON,
        "per_repository": PER_REPOSITORY,
        "left_out": {**out, "other_template": len(found) - len(current)},
    }
    return Rows(**by_kind), about
