"""A night's two ends: what there is to learn from and what serves before it, promotion after it.

Left out: the order of it all, and its row (`bot/night.py`).
Run: `pytest tests/unit/bot/test_night.py`.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import structlog

from bot import promoting
from bot.adapters import amiss
from bot.consent import exported
from bot.provenance import of_scope
from bot.settings import Settings
from learning.models import adapters, hub
from learning.training import snapshot
from learning.training.export import SHARED
from learning.training.night_options import Recipe
from learning.training.snapshot import Snapshot
from storage.database import Database, UnitOfWork
from storage.records import Repository

log = structlog.get_logger()

BY = "the night"
"""Who promotes, in the promotion's row."""


def snapshots(
    settings: Settings,
    database: Database,
    given: Path | None,
    repository: Repository | None,
    now: datetime,
) -> dict[str, Snapshot]:
    """The snapshot of each scope, by its name: the one that is given, or a new export."""
    if given is not None:
        one = snapshot.read(given.expanduser().absolute())
        return {str(one.manifest["about"].get("scope", SHARED)): one}
    into = settings.home.expanduser().absolute() / "snapshots"
    return {one.scope.name: one.snapshot for one in exported(settings, database, into, now, repository)}


def deployed(database: Database, settings: Settings, scope: str) -> Path | None:
    """The folder of the adapter that serves a scope now: promoted, or merged in by `THUMBPRINT_ADAPTER`.

    One whose files were changed since is noted as not taken, as a worker that loads it does: its former
    answers, and is what the night is held against.
    """
    with database.unit() as unit:
        where = of_scope(unit, scope)
        while name := promoting.deployed(unit, where):
            found = unit.adapters.get(name)
            if found is None or not (wrong := amiss(found)):
                break
            unit.adapters.set_fault(name, wrong)
            log.warning("adapter_refused", adapter=name, folder=found.folder, reason=wrong)
        unit.commit()
    return Path(found.folder) if name and found is not None else _merged(settings)


def _merged(settings: Settings) -> Path | None:
    """The folder of the adapter that our own server merges into its model."""
    if settings.model_url or not settings.adapter:
        return None
    return hub.resolve(settings.adapter, "adapter", settings.model_cache.expanduser())


def evidence_of(settings: Settings, recipe: Recipe) -> Path:
    """Whether the phrase memory is obeyed as before: the small measured loop, with both policies served."""
    from bot.bench import evidence

    return evidence.measure(settings, recipe.out / "ppo" / "adapter", recipe.deployed)


def promote(unit: UnitOfWork, settings: Settings, recipe: Recipe, adapter: Path, now: datetime) -> None:
    """Put what the gate passed in force; the caller commits. Raises ConfigurationError: it may not be."""
    places, folder = [recipe.data.parent, recipe.out / "data"], _merged(settings)
    manifest = adapters.read(folder) if folder is not None else None
    offer = promoting.offered(unit, adapter, now, gate=recipe.out / "gate", snapshots=places)
    promoting.promote(unit, offer, now, by=BY, merged=manifest.id if manifest is not None else "")
