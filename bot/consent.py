"""Whether repositories still say that they may train a model: GitHub is asked before an export and a night.

A push that opts out is heard of at once, one that failed within minutes (`bot/sweeping.py`); but a yes that
nobody asked about for days is nobody's word, and may be a lost push old. So before anything is made of
several people's words the files are read anew, and whether a repository is public; what could not be asked
is a no. A night has no key: its worker asks before it starts it. Archived repositories cannot change theirs.
Left out: what opting in means (`learning/training/export.py`).
Run: `pytest tests/integration/test_consent.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from bot.access import Access
from bot.context import Context
from bot.github import GitHub
from bot.learning_mode import follow
from bot.models import Models
from bot.settings import Settings
from bot.time_slice import GoOn, endless
from storage.database import Database, UnitOfWork
from storage.errors import GitHubRefused, GitHubUnavailable, Gone, OutOfBounds, RateLimited
from storage.records import Repository

if TYPE_CHECKING:
    from learning.training.export import Exported

ASKED = timedelta(minutes=30)
"""A yes that was read so lately is not asked for again."""

LAPSES = timedelta(hours=1)
"""A yes that was read longer ago counts no more: time enough for a night to begin after its worker asked."""

IN_TIME = timedelta(minutes=45)
"""A yes that was read so lately still counts when the night that begins now has read its data."""

ASKING = "night/asking"
"""The mark of when it was begun to ask for a night."""

STALE = 3 * ASKED
"""Asking that began longer ago was for another night: since then no worker was there."""

log = structlog.get_logger()


def exported(
    settings: Settings, database: Database, into: Path, now: datetime, repository: Repository | None = None
) -> list[Exported]:
    """Snapshots of what may train now, as `learning.training.export.export`.

    With the App's key GitHub is asked first, and may not answer (GitHubUnavailable, RateLimited). Without,
    what a worker read counts, as long as it is no older than `LAPSES`.
    """
    from learning.training.export import export  # it reads tables; a worker that only asks needs it not

    if settings.app_id and settings.private_key_file:
        with _connected(settings, database) as context:
            ask_due(context, now)
    lapse(database, now)
    return export(database, into, repository)


def ask_due(context: Context, now: datetime, go_on: GoOn = endless) -> bool:
    """Read anew what was read more than `ASKED` ago, or changed since; False where there was no time for all.

    One that changed is read by the clock, too (`bot/learning_mode.py`), but maybe a moment too late. One that
    GitHub does not show is no yes any more. Raises GitHubUnavailable; and RateLimited, once all were asked
    but those of installations whose limit is used up.
    """
    limited: dict[int, RateLimited] = {}
    with context.database.unit(read_only=True) as unit:
        due = _reached(unit, unit.configurations.to_ask(now - ASKED))
    for repository_id, installation_id in due.items():
        if installation_id in limited:
            continue
        if not go_on():
            return False
        try:
            client = context.github.client(installation_id, repository_id, writes=False)
            follow(context, client, client.repository(repository_id), anew=True)
        except (GitHubRefused, Gone, OutOfBounds) as error:
            log.warning("consent_unknown", repository=repository_id, reason=str(error))
            with context.database.unit() as unit:
                unit.configurations.unread(repository_id)
                unit.commit()
        except RateLimited as error:
            limited[installation_id] = error
    for each in limited.values():
        raise each
    return True


def may_begin(context: Context, now: datetime, go_on: GoOn = endless) -> bool:
    """Whether a night may begin: all were asked, or there were too many to ask them all in time.

    After `ASKED` it begins where most were asked in time, after twice that with whoever was. The others are
    left out of this night, and asked first for the next one. Where nobody was, asking begins anew, and so it
    does while GitHub is out of reach: then GitHubUnavailable is raised.
    """
    since = _asking_since(context.database, now)
    try:
        if ask_due(context, now, go_on):
            return True
    except RateLimited as limited:
        log.warning("consent_waits", reason=str(limited))
    except GitHubUnavailable:
        _mark(context.database, now)
        raise
    if now - since < ASKED:
        return False
    with context.database.unit(read_only=True) as unit:
        asked = set(unit.configurations.in_training()) - set(unit.configurations.in_training(now - IN_TIME))
        left = _reached(unit, unit.configurations.to_ask(now - IN_TIME))
    late = now - since >= 2 * ASKED
    if not asked or (len(asked) < len(left) and not late):
        if late:
            _mark(context.database, now)
        return False
    log.warning("night_begins_without", asked=len(asked), left_out=len(left))
    return True


def _asking_since(database: Database, now: datetime) -> datetime:
    """When it was begun to ask for the night that is due; now, for the first time of one."""
    with database.unit(read_only=True) as unit:
        since, runs = unit.progress.mark(ASKING), unit.adapters.runs(1, until=now)
    if since is None or now - since >= STALE or (runs and runs[0].started_at >= since):
        _mark(database, now)
        return now
    return since


def _mark(database: Database, now: datetime) -> None:
    with database.unit() as unit:
        unit.progress.set_mark(ASKING, now)
        unit.commit()


def lapse(database: Database, now: datetime) -> list[int]:
    """Whoever said yes more than `LAPSES` ago trains nothing until a worker read it again; who that is."""
    with database.unit() as unit:
        old = _reached(unit, unit.configurations.in_training(now - LAPSES))
        for repository_id in old:
            unit.configurations.changed(repository_id)
        unit.commit()
    if old:
        log.warning("consent_lapsed", repositories=list(old), so="a worker reads their files within a minute")
    return list(old)


def _reached(unit: UnitOfWork, repository_ids: Collection[int]) -> dict[int, int]:
    """Those of these repositories whose files can be read, and their installations."""
    reached = {one: unit.repositories.reach(one) for one in repository_ids}
    return {
        one: reach.installation_id for one, reach in reached.items() if reach is not None and not reach.closed
    }


@contextmanager
def _connected(settings: Settings, database: Database) -> Iterator[Context]:
    context = Context(
        settings=settings,
        database=database,
        github=GitHub(settings, access=Access(database)),
        models=Models(settings),
    )
    try:
        context.queue.migrate()
        yield context
    finally:
        context.github.close()
        context.models.close()
        context.queue.close()
