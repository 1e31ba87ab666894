"""Whose an adapter is: by the snapshots that it, and each adapter that it went on from, learned from.

Published questions and what everybody shares are everybody's; an account's snapshot is that account's, a
repository's own snapshot that repository's alone. Where a snapshot or a parent cannot be found nobody can
say, and the adapter is not promoted. Left out: which rows are in a snapshot (`learning/training/export.py`).

    pytest tests/unit/bot/test_promoting.py
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from learning.models import adapters
from learning.models.adapters import MANIFEST, Manifest
from storage.database import UnitOfWork
from storage.errors import ConfigurationError

SHARED = "shared"


@dataclass(frozen=True, kw_only=True)
class Owner:
    """Everybody (both 0), an installation, or one repository of it."""

    installation_id: int = 0
    repository_id: int = 0


def owner_of(unit: UnitOfWork, folder: Path, manifest: Manifest, snapshots: Sequence[Path] = ()) -> Owner:
    """Who alone may be answered by the adapter in `folder`; `snapshots` are folders to look for them in.

    Raises ConfigurationError where that cannot be said, or two learned from could not share an adapter.
    """
    near = [up / "data" for up in folder.parents[:3]]
    own = _of_snapshot(unit, manifest.snapshot, [*snapshots, *near])
    if not manifest.parent:
        return own
    known = unit.adapters.get(manifest.parent)
    if known is not None:
        return _both(own, Owner(installation_id=known.installation_id, repository_id=known.repository_id))
    for place in _beside(folder):
        above = adapters.read(place)
        if above is not None and above.id == manifest.parent:
            return _both(own, owner_of(unit, place, above, snapshots))
    raise ConfigurationError(
        f"The adapter in {folder} went on from {manifest.parent[:12]}, which is not here: put its folder "
        "beside it, or nobody can say whose data it learned from."
    )


def _of_snapshot(unit: UnitOfWork, name: str, places: Sequence[Path]) -> Owner:
    for place in places:
        for file in (
            place / "manifest.json",
            place / name / "manifest.json",
            *place.glob(f"*/{name}/manifest.json"),
        ):
            try:
                told = json.loads(file.read_text(encoding="utf-8"))
                if told["id"] == name:
                    return of_scope(unit, told["about"].get("scope") or SHARED)
            except (OSError, ValueError, KeyError, TypeError, AttributeError):
                continue
    raise ConfigurationError(
        f"The snapshot {name[:12]} that this adapter learned from is not here, so nobody can say whose "
        "data is in it: name its folder by --data."
    )


def of_scope(unit: UnitOfWork, scope: str) -> Owner:
    """Of a snapshot's scope, as `learning/training/export.py` names it; a corpus has none."""
    kind, _, number = scope.partition("-")
    if scope == SHARED:
        return Owner()
    if kind == "account" and number.isdecimal():
        return Owner(installation_id=int(number))
    if kind == "repository" and number.isdecimal():
        found = unit.repositories.get(int(number))
        if found is not None:
            return Owner(installation_id=found.installation_id, repository_id=found.id)
    raise ConfigurationError(f"Nobody here knows the scope {scope} of the adapter's snapshot: make it anew.")


def _both(one: Owner, other: Owner) -> Owner:
    """The narrower of two, if one lies in the other."""
    narrow, wide = sorted((one, other), key=lambda each: (each.installation_id == 0, each.repository_id == 0))
    inside = wide.installation_id in (0, narrow.installation_id)
    if not inside or wide.repository_id not in (0, narrow.repository_id):
        raise ConfigurationError(
            "This adapter learned from data of two owners who do not share: nobody may be answered by it."
        )
    return narrow


def _beside(folder: Path) -> Iterator[Path]:
    """The folders near an adapter's that hold an adapter: of the same run, or of runs beside it."""
    for up in folder.parents[:2]:
        for file in sorted((*up.glob(f"*/{MANIFEST}"), *up.glob(f"*/*/{MANIFEST}"))):
            if file.parent != folder:
                yield file.parent
