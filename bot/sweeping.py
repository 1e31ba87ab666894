"""The sweep for missed deliveries, every five minutes: list, compare, have sent again.

How far it came is a mark in the database. A sweep that comes later than GitHub's window (3 days, on an
Enterprise Server 7) cannot have everything sent again, nor one that GitHub lists too much for: what was
written since the last one is read then (`bot/catching_up.py`). One that GitHub refuses to send again holds up
no other, and is asked for once an hour. Where a push failed, files that were read before it are read anew
(`bot/learning_mode.py`). Left out: which ones (`bot/missed.py`); a push that a proxy took and lost, for which
files are old enough within minutes (`bot/configurations.py`).

    pytest tests/integration/test_missed.py
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from bot.catching_up import CATCH_UP, FURTHEST
from bot.context import Context
from bot.github_app import DeliveryAttempt
from bot.missed import plan
from bot.time_slice import GoOn, endless
from storage.database import UnitOfWork

log = structlog.get_logger()

EVERY = timedelta(minutes=5)
OVERLAP = timedelta(minutes=10)
"""What is looked at again: an attempt may be listed late, and be under way while the list is read."""

CLOCKS_APART = timedelta(minutes=2)
"""Our clock and GitHub's: a file read so shortly after a push failed may have been read before it."""

MOST_LISTED = 50_000
"""Attempts that are listed at most, 100 a call."""

SWEPT, OPEN_SINCE = "deliveries/swept", "deliveries/open"
OUTAGE = "deliveries/outage"
"""When the last outage began after which not everything was sent again."""
REFUSED = "refused/attempt/"
"""Marks of attempts that GitHub refused to repeat begin so."""

REFUSED_FOR = timedelta(hours=1)
KEPT_BEYOND = timedelta(days=1)


def sweep_due(context: Context, now: datetime, go_on: GoOn = endless) -> None:
    """Sweep, unless that was done less than five minutes ago."""
    with context.database.unit(read_only=True) as unit:
        last = unit.progress.mark(SWEPT)
    if last is None or now - last >= EVERY:
        sweep(context, now, go_on)


def sweep(context: Context, now: datetime, go_on: GoOn = endless) -> int:
    """Have sent again what failed or is missing; returns how many deliveries were asked for.

    What there is no time to ask for is asked for by the next sweep; a list that takes too long is too much.
    """
    window = context.settings.github_host.redelivery_window
    with context.database.unit(read_only=True) as unit:
        last, open_since = unit.progress.mark(SWEPT), unit.progress.mark(OPEN_SINCE)
    oldest = now - window
    begin = min((at for at in (last, open_since) if at is not None), default=oldest)
    app = context.github.app()
    listed: list[DeliveryAttempt] = []
    too_much = False
    for one in app.attempts(max(oldest, begin - OVERLAP)):
        too_much = len(listed) == MOST_LISTED or not go_on()
        if too_much:
            break
        listed.append(one)
    with context.database.unit(read_only=True) as unit:
        reached = unit.progress.known({one.guid for one in listed})
        marks = unit.progress.marks(REFUSED)
    rested = {name: at for name, at in marks.items() if now - at >= REFUSED_FOR}
    refused = {int(name.removeprefix(REFUSED)) for name in marks.keys() - rested.keys()}
    planned = plan(listed, reached, now, refused)
    sent = {one.id: app.redeliver(one.id) for one in planned.again if go_on()}
    again = sum(sent.values())
    with context.database.unit() as unit:
        for name, at in rested.items():
            unit.progress.drop_mark(name, at)
        for attempt_id in (one for one, done in sent.items() if not done):
            unit.progress.set_mark(f"{REFUSED}{attempt_id}", now)
        _to_read(unit, begin if begin < oldest or too_much else None, now)
        for repository_id, at in planned.pushed.items():
            if unit.configurations.missed(repository_id, at + CLOCKS_APART):
                log.info("push_missed", repository=repository_id, at=at.isoformat())
        unit.progress.set_mark(SWEPT, now)
        unit.progress.set_mark(OPEN_SINCE, planned.open_since or now)
        unit.progress.forget_sightings(oldest - KEPT_BEYOND)
        unit.commit()
    if planned.given_up:
        log.error("deliveries_given_up", guids=list(planned.given_up)[:20], count=len(planned.given_up))
    log.info("deliveries_swept", listed=len(listed), again=again, open_since=str(planned.open_since))
    return again


def _to_read(unit: UnitOfWork, outage: datetime | None, now: datetime) -> None:
    """Note what is to be read: after an `outage`, since when, all; else what became known since the last one.

    No delivery that reached us said that the App was given the latter: that was lost in the outage, perhaps,
    with all that was asked there until now. Where there was none, what is known now was never out of hearing.
    """
    last = unit.progress.mark(OUTAGE)
    last = None if last is None or now - last > FURTHEST else last
    unheard = unit.repositories.unheard()
    if outage is not None:
        last = min(outage, last or outage)
        unit.progress.set_mark(OUTAGE, last)
        for repository in unit.repositories.all():
            _read_from(unit, repository.id, outage)
    for repository_id in unheard:
        if last is None:
            unit.repositories.set_heard(repository_id, now)
        else:
            _read_from(unit, repository_id, last)


def _read_from(unit: UnitOfWork, repository_id: int, since: datetime) -> None:
    name = f"{CATCH_UP}{repository_id}"
    unit.progress.set_mark(name, min(since, unit.progress.mark(name) or since))
