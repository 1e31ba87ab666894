"""Closing at once what a delivery says is closed: the receiver's half of the App's standing.

In the transaction that keeps the delivery: from its commit on no call goes out for what was closed
(`bot/access.py`), its jobs are cancelled, queued and running ones, and its rows leave what is made of several
repositories' rows (`ConfigurationStore.shared`). Nothing is opened here.
Left out: asking GitHub (`bot/standing.py`). Run: `pytest tests/integration/test_lifecycle.py`.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import structlog

from bot.control import cancel
from bot.lifecycle import Turn
from storage.database import Database, UnitOfWork
from storage.records import Installation, Standing

log = structlog.get_logger()

ASK = "ask/installation/"
"""Marks of installations that GitHub is to be asked for begin so."""

CLOSED = "its repository is out of bounds"
"""Why the jobs of a closed repository were cancelled: those go on when it is open again, and no others."""


def close(database: Database, unit: UnitOfWork, turn: Turn, now: datetime) -> None:
    """Close at once what a delivery closes, and note whom GitHub is to be asked for. The caller commits."""
    known = unit.installations.get(turn.installation_id)
    if turn.standing is not None:
        said = Installation(
            id=turn.installation_id,
            account_id=turn.account_id,
            account=turn.account,
            standing=turn.standing,
            since=min(turn.since or now, now),
        )
        unit.installations.save(said)
    removed = Standing.REMOVED in (turn.standing, known and known.standing)
    for repository in turn.named:
        unit.repositories.meet(repository, now if turn.added else None)
    for repository_id in turn.private:
        unit.repositories.set_private(repository_id)
    for repository_id in turn.archived:
        unit.repositories.set_archived(repository_id)
    theirs = [one.id for one in unit.repositories.of_installation(turn.installation_id)]
    lost = unit.repositories.lose(theirs if removed else turn.lost, turn.installation_id, now)
    suspended = theirs if turn.standing is Standing.SUSPENDED else []
    cancelled = cancel_jobs(database, unit, {*lost, *suspended, *turn.archived})
    if turn.asked and not removed:
        unit.progress.set_mark(f"{ASK}{turn.installation_id}", now)
    log.info("standing_closed", installation=turn.installation_id, lost=len(lost), cancelled=cancelled)


def cancel_jobs(database: Database, unit: UnitOfWork, repository_ids: Collection[int]) -> int:
    """End all jobs of repositories that are out of bounds, with what was put off of ended ones."""
    return sum(cancel(database, unit, unit.jobs.of_repository(one), CLOSED) for one in sorted(repository_ids))
