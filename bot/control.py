"""What an operator, or an uninstallation, does to jobs: list, cancel, try again. Knows DBOS's rows.

thumbprint jobs
thumbprint jobs retry ID
thumbprint jobs cancel ID
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from bot.queue import AT_ONCE, LATER, SCHEDULED, THREADS, JobName, Queue, is_scheduled, rows_of, subject
from bot.retry import CLOCK_FORGETS, is_poison
from storage.database import Database, UnitOfWork
from storage.errors import Gone
from storage.records import JobOutcome, JobRow, stable_id

STOPPED = (
    "it ended its worker again and again, and is left out for an hour: mend the cause, then try it again"
)
ACTIVE = ("ENQUEUED", "DELAYED", "PENDING")


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A job as an operator sees it. `state` is a word or two: waits, rests, runs, failed, parked."""

    id: str
    state: str
    thread: str
    attempts: int
    put_at: datetime
    error: str


@dataclass(frozen=True, kw_only=True)
class Overview:
    """What the queue holds at a moment of the database's clock."""

    now: datetime
    counts: dict[str, int]
    workers: list[str]
    beat: datetime | None
    jobs: list[Shown]


def overview(database: Database, limit: int) -> Overview:
    """Jobs that wait, rest or run, the oldest first; then those that failed or are parked, the last first."""
    beat = database.last_beat("work")
    with database.unit(read_only=True) as unit:
        now = unit.executors.now()
        found = [*unit.jobs.recent(limit, ended=False), *unit.jobs.recent(limit, ended=True)]
        known = states(database, unit, [job.id for job in found])
        later = put_off(database, unit)
        names = {one.id: one.full_name for one in unit.repositories.all()}
        workers = sorted(unit.executors.beating())
        open_jobs, running = len(unit.jobs.open_of()), _running(database, unit)
        failed = unit.jobs.failed()
        since = now - CLOCK_FORGETS
        stopped = [(one.value, unit.jobs.unended(one.value, one.value, since)) for one in SCHEDULED]
    shown = [
        Shown(id=name, state="parked", thread="", attempts=deaths, put_at=now, error=STOPPED)
        for name, deaths in stopped
        if is_poison(deaths)
    ]
    shown += [
        Shown(
            id=job.id,
            state=_state(job, known.get(job.id, ""), job.id in later, now),
            thread=f"{names.get(job.repository_id, job.repository_id)}#{job.thread_key.rpartition('/')[2]}",
            attempts=job.attempts,
            put_at=job.put_at,
            error=job.error,
        )
        for job in found
    ]
    counts = {"waiting": open_jobs - running, "running": running, "failed": failed}
    return Overview(now=now, counts=counts, workers=workers, beat=beat, jobs=shown)


def _running(database: Database, unit: UnitOfWork) -> int:
    rows = rows_of(database)
    pending = sa.and_(rows.c.status == "PENDING", rows.c.queue_name == THREADS)
    return int(unit.connection.execute(sa.select(sa.func.count()).where(pending)).scalar_one())


def _state(job: JobRow, status: str, put_off: bool, now: datetime) -> str:
    if job.outcome is JobOutcome.FAILED and put_off:
        return "failed, tries again"
    if job.outcome is not JobOutcome.OPEN:
        return str(job.outcome.value)
    if job.due_at is not None and job.due_at > now:
        day = "" if job.due_at - now < timedelta(days=1) else f"{job.due_at:%Y-%m-%d} "
        return f"rests until {day}{job.due_at:%H:%M:%S}"
    return "runs" if status == "PENDING" else "waits"


def states(database: Database, unit: UnitOfWork, ids: Collection[str]) -> dict[str, str]:
    """DBOS's own word of each job: ENQUEUED, PENDING, SUCCESS, …"""
    rows = rows_of(database)
    query = sa.select(rows.c.workflow_uuid, rows.c.status).where(rows.c.workflow_uuid.in_(list(ids)))
    return {row[0]: row[1] for row in unit.connection.execute(query)}


def put_off(database: Database, unit: UnitOfWork) -> dict[str, str]:
    """The jobs of which something was put off and is still to come: the later job's id by the job's."""
    rows = rows_of(database)
    active = sa.and_(rows.c.queue_name == LATER, rows.c.status.in_(ACTIVE))
    found = unit.connection.execute(sa.select(rows.c.workflow_uuid).where(active)).scalars()
    return {subject(one): one for one in found}


def cancel(database: Database, unit: UnitOfWork, ids: Collection[str], why: str | None = None) -> int:
    """End jobs that wait or run, with their 👀 and what was put off of them; returns how many jobs.

    One that failed, and of which something was still to be tried, is cancelled as well. A parked one stays:
    it is not begun anew when its repository is open again, and what its asker is told waits for that.
    In the unit's own transaction. A step under way comes to its end; none follows it.
    """
    rows, wanted, now, ended = rows_of(database), sorted(set(ids)), unit.executors.now(), 0
    later = put_off(database, unit) if wanted else {}
    cancelled = {
        "status": "CANCELLED",
        "owner_xid": None,
        "queue_name": None,
        "deduplication_id": None,
        "started_at_epoch_ms": None,
        "completed_at": int(now.timestamp() * 1000),
    }
    for start in range(0, len(wanted), AT_ONCE):
        some = wanted[start : start + AT_ONCE]
        of = unit.jobs.listed([one for one in some if one in later])
        put = [job.id for job in of if job.outcome is not JobOutcome.PARKED]
        which = [*some, *(f"eyes/{one}" for one in some), *(later[one] for one in put)]
        active = sa.and_(rows.c.workflow_uuid.in_(which), rows.c.status.in_(ACTIVE))
        unit.connection.execute(rows.update().where(active).values(cancelled))
        ended += unit.jobs.end(some, JobOutcome.CANCELLED, now, why) + unit.jobs.call_off(put, now, why)
    return ended


def retry(database: Database, queue: Queue, job_id: str) -> None:
    """Begin a job anew that failed, was parked or cancelled: in its old place, its attempts forgotten.

    A question is answered anew; what somebody approved is posted as it was approved.
    One of the clock begins at its next tick. Raises Gone for one that is unknown, waits, runs, or is done.
    """
    if is_scheduled(job_id):
        with database.unit() as unit:
            unit.jobs.forget_attempts([job_id])
            unit.commit()
        return
    with database.unit(read_only=True) as unit:
        job = unit.jobs.get(job_id)
        state = states(database, unit, [job_id]).get(job_id)
    if job is None or state is None:
        raise Gone(f"There is no job {job_id}: `thumbprint jobs` lists them.")
    if job.outcome in (JobOutcome.OPEN, JobOutcome.DONE):
        how = "is done" if job.outcome is JobOutcome.DONE else "waits or runs already"
        raise Gone(f"The job {job_id} {how}: there is nothing to try again.")
    queue.rewind(job, ended=state not in ACTIVE)
    with database.unit() as unit:
        if job.name == JobName.ANSWER.value:
            _, repository_id, kind, post_id = job_id.split("/")
            unit.answers.reopen(stable_id("a", repository_id, kind, post_id))
        if job.name == JobName.POST.value:
            unit.answers.repost(job_id.split("/")[1])
        unit.jobs.reopen(job_id)
        unit.commit()
