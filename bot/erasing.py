"""What the App lost is erased, a grace period later: rows, jobs, and what is held in memory.

The grace (`THUMBPRINT_ERASE_AFTER_DAYS`) is there because people uninstall by mistake, and repositories come
back after a transfer. An audit says that it happened, with numbers alone; what was made of the rows follows
it (`bot/leftovers.py`). The log of SQLite's file is emptied of them, where a worker died before by whoever
comes next: a mark says so. What GitHub still lists of its deliveries is remembered by its GUIDs, for else it
would be sent again, and make the repository known once more. Left out: backups and logs, the operator's.
Run: `pytest tests/integration/test_lifecycle.py`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from bot.context import Context
from bot.sweeping import KEPT_BEYOND
from storage.audits import ERASED
from storage.database import Database
from storage.erasure import IN_LOG, erase
from storage.records import Audit, Standing

log = structlog.get_logger()


def erase_due(context: Context, now: datetime) -> int:
    """Erase the repositories that were lost longer ago than the grace period; returns how many."""
    before = now - timedelta(days=context.settings.erase_after_days)
    with context.database.unit(read_only=True) as unit:
        due = unit.repositories.lost_before(before)
    for repository_id in due:
        erase_lost(context, repository_id, before, now)
    _forget_accounts(context, before, now)
    empty_log(context.database)
    return len(due)


def empty_log(database: Database) -> None:
    """Empty SQLite's log, if something was erased since it was; what keeps it from that, it waits for."""
    with database.unit(read_only=True) as unit:
        since = unit.progress.mark(IN_LOG)
    if since is not None and database.vacuum():
        with database.unit() as unit:
            unit.progress.drop_mark(IN_LOG, since)
            unit.commit()


def erase_lost(context: Context, repository_id: int, before: datetime, now: datetime) -> bool:
    """Erase a repository that was lost before a time; False for one that is back meanwhile."""
    with context.database.unit() as unit:
        if repository_id not in unit.repositories.lost_before(before):
            return False
        context.queue.forget(unit, repository_id)  # first: what is erased next names the jobs
        unit.jobs.forget_attempts(
            [each for one in unit.jobs.of_repository(repository_id) for each in (one, f"eyes/{one}")]
        )
        listed = now - context.settings.github_host.redelivery_window - KEPT_BEYOND
        unit.progress.sight_kept(repository_id, listed)
        counts = erase(unit.connection, repository_id)
        unit.progress.set_mark(IN_LOG, now)
        unit.audits.add_now(Audit(at=now, act=ERASED, repository_id=repository_id, counts=counts))
        unit.commit()
    context.memories.forget(repository_id)
    log.info("repository_erased", repository=repository_id, rows=sum(counts.values()))
    return True


def _forget_accounts(context: Context, before: datetime, now: datetime) -> None:
    """Of installations that were removed before a time nothing stays but their numbers.

    What was trained on their account's data alone goes, too; its weights are leftovers then.
    """
    with context.database.unit(read_only=True) as unit:
        known, owners = unit.installations.all(), unit.adapters.owners()
    removed = [one for one in known if one.standing is Standing.REMOVED and one.since < before]
    gone = [one.id for one in removed if one.account or one.id in owners]
    for installation_id in gone:
        with context.database.unit() as unit:
            unit.installations.forget_account(installation_id)
            unit.configurations.forget_defaults(installation_id)
            unit.adapters.forget_installation(installation_id)
            unit.progress.set_mark(IN_LOG, now)
            unit.commit()
