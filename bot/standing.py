"""Where the App stands: GitHub is asked what is open, and the rows are brought in line.

The worker's half: the receiver closed what a delivery closes (`bot/closing.py`) and noted whom to ask for.
All installations are asked for once a day besides, so that no order of deliveries and no lost one leaves the
rows wrong for longer. Jobs that were cancelled as their repository was closed go on when it is open again.
Left out: reading deliveries (`bot/lifecycle.py`); erasing (`bot/erasing.py`); what was written while the App
was suspended (`bot/catching_up.py`). Run: `pytest tests/integration/test_lifecycle.py`.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from datetime import datetime, timedelta

import structlog

from bot.catching_up import CATCH_UP
from bot.closing import ASK, CLOSED, cancel_jobs, close
from bot.context import Context
from bot.control import retry
from bot.lifecycle import Turn
from bot.time_slice import GoOn, endless
from storage.database import UnitOfWork
from storage.errors import GitHubRefused, Gone, OutOfBounds
from storage.records import Installation, Repository, Standing

log = structlog.get_logger()

ASKED_ALL = "asked/installations"
EVERY = timedelta(days=1)
"""How often GitHub is asked for all installations, whatever deliveries said."""

WAITED = timedelta(days=3)
"""A job that waited for longer before its repository was closed is not taken up when it is open again."""

CANCELLED = timedelta(days=30)
"""Nor is one that was cancelled longer ago: nobody waits for that answer any more."""


def settle_due(context: Context, now: datetime, go_on: GoOn = endless) -> None:
    """Ask GitHub for the installations that deliveries were about, and for all of them once a day.

    Those for which there is no time any more have their turn in the next round. One that GitHub does not let
    us ask for holds up no other.
    """
    with context.database.unit(read_only=True) as unit:
        asked = unit.progress.mark(ASKED_ALL)
    if asked is None or now - asked >= EVERY:
        ask_for_all(context, now)
    with context.database.unit(read_only=True) as unit:
        waiting = unit.progress.marks(ASK)
    for name, at in waiting.items():
        if not go_on():
            return
        installation_id = int(name.removeprefix(ASK))
        try:
            settle(context, installation_id, now)
        except (GitHubRefused, Gone) as error:
            log.warning("standing_unknown", installation=installation_id, reason=str(error))
            continue
        with context.database.unit() as unit:
            unit.progress.drop_mark(name, at)
            unit.commit()


def ask_for_all(context: Context, now: datetime) -> None:
    """Note that GitHub is to be asked for all installations: those that it lists, and those known here."""
    listed = {one.id for one in context.github.app().installations()}
    with context.database.unit() as unit:
        known = {one.id for one in unit.installations.all() if one.standing is not Standing.REMOVED}
        known |= {one.installation_id for one in unit.repositories.all() if one.removed_at is None}
        for installation_id in sorted(listed | known):
            unit.progress.set_mark(f"{ASK}{installation_id}", now)
        unit.progress.set_mark(ASKED_ALL, now)
        unit.commit()


def settle(context: Context, installation_id: int, now: datetime) -> None:
    """Bring one installation and its repositories in line with what GitHub says of them now.

    May raise GitHubUnavailable, RateLimited, GitHubRefused.
    """
    with context.database.unit(read_only=True) as unit:
        before = unit.installations.get(installation_id)
    if before is not None and before.standing is Standing.REMOVED:
        return
    said = context.github.app().installation(installation_id)
    if said is None or said.standing is Standing.SUSPENDED:
        _close(context, installation_id, said, before, now)
        return
    with context.database.unit() as unit:
        unit.installations.save(said)
        if before is not None and before.standing is Standing.SUSPENDED:
            for one in unit.repositories.of_installation(installation_id):
                _unheard(unit, one.id, before.since)
        unit.commit()
    with suppress(OutOfBounds):  # closed again meanwhile: the delivery that closed it asks anew
        _open(context, installation_id, context.github.repositories(installation_id), now)


def _close(
    context: Context,
    installation_id: int,
    said: Installation | None,
    before: Installation | None,
    now: datetime,
) -> None:
    known = said or before
    gone = Turn(
        installation_id=installation_id,
        account_id=known.account_id if known else 0,
        account=known.account if known else "",
        standing=Standing.REMOVED if said is None else Standing.SUSPENDED,
        since=None if said is None else said.since,
        asked=False,
    )
    with context.database.unit() as unit:
        close(context.database, unit, gone, now)
        unit.commit()


def _open(context: Context, installation_id: int, listed: Collection[Repository], now: datetime) -> None:
    """Note what an active installation has, close what it has no more, and take up what was cancelled."""
    with context.database.unit() as unit:
        current = unit.installations.get(installation_id)
        if current is None or current.standing is not Standing.ACTIVE:
            return
        known = {one.id for one in unit.repositories.of_installation(installation_id)}
        for repository in listed:
            unit.repositories.settle(repository)
        lost = unit.repositories.lose(known - {one.id for one in listed}, installation_id, now)
        archived = [one.id for one in listed if one.archived]
        cancel_jobs(context.database, unit, {*lost, *archived})
        unit.commit()
    again = sum(take_up(context, one.id, now) for one in listed if not one.archived)
    log.info("standing_settled", installation=installation_id, repositories=len(listed), again=again)


def take_up(context: Context, repository_id: int, now: datetime) -> int:
    """Begin anew what was cancelled as the repository was closed; returns how many jobs. Twice is once."""
    with context.database.unit(read_only=True) as unit:
        cancelled = unit.jobs.cancelled(repository_id, CLOSED)
    taken = 0
    for job in cancelled:
        ended = job.ended_at or job.put_at
        if ended - job.put_at <= WAITED and now - ended <= CANCELLED:
            with suppress(Gone):  # DBOS keeps it no more
                retry(context.database, context.queue, job.id)
                taken += 1
    return taken


def _unheard(unit: UnitOfWork, repository_id: int, since: datetime) -> None:
    """Of a suspended repository nothing was heard: all that was written since is read (`catching_up.py`).

    One that was to be read from an earlier time on still is.
    """
    heard = unit.repositories.heard_until(repository_id)
    if heard is None or heard > since:
        unit.repositories.set_heard(repository_id, since)
    name = f"{CATCH_UP}{repository_id}"
    unit.progress.set_mark(name, min(since, unit.progress.mark(name) or since))
