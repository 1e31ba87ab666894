"""Who gets a job when: turns between installations, rests, hand-overs between workers. Knows DBOS's rows.

A job waits in a queue that no worker listens to (`queue.WAITING`) until it is its turn (`bot/turns.py`); then
it is released into the one that all workers take from. A job that has to wait for long rests there again, so
that it holds no worker. A worker that stops hands its jobs back; those of one that died, its beat too old,
are taken over by whoever sees it first. Both go through turns again, where what has ended workers before goes
one at a time. Each of these is one transaction over our rows and DBOS's (ADR 0011).
Run: `pytest tests/integration/test_turns.py tests/integration/test_takeover.py`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from bot.queue import APPLICATION, EYES, LATER, THREADS, VERSION, WAITING, rows_of
from bot.retry import SUSPECT_FROM
from bot.turns import apart, choose
from storage.database import Database, UnitOfWork
from storage.records import JobOutcome
from storage.tables import jobs

LOCK = 0x64697370  # PostgreSQL advisory lock: one worker gives out turns, or takes over, at a time
ENDED = {
    "SUCCESS": JobOutcome.DONE,
    "ERROR": JobOutcome.FAILED,
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": JobOutcome.FAILED,
    "CANCELLED": JobOutcome.CANCELLED,
}

log = structlog.get_logger()


class Dispatcher:
    """One worker's part in giving out jobs. Threads share it; workers need not know of each other."""

    def __init__(self, database: Database, executor_id: str) -> None:
        self._database = database
        self._me = executor_id
        self._rows = rows_of(database)
        self._ours = self._rows.c.application_name == APPLICATION

    def join(self, slots: int, lease: timedelta) -> None:
        """Begin: from now on this worker has jobs, and what dead ones left is taken over.

        On SQLite there is one worker (`Database.claim`): all others are dead, whatever their beats.
        """
        with self._database.unit() as unit:
            if self._database.is_sqlite:
                unit.executors.bury(timedelta(0))
            unit.executors.join(self._me, slots)
            unit.commit()
        self.take_over(lease)

    def beat(self) -> bool:
        """A sign of life; False if this worker was taken for dead, and its jobs are others' now."""
        with self._database.unit() as unit:
            alive = unit.executors.beat(self._me)
            unit.commit()
        return alive

    def release(self) -> list[str]:
        """Give out the turns that are free among all workers; returns the jobs' ids."""
        with self._database.unit(read_only=True) as unit:
            if not unit.jobs.waiting(unit.executors.now(), 1):
                return []
        with self._database.unit() as unit:
            if not self._alone(unit):
                return []
            now, running, alive = unit.executors.now(), unit.jobs.running(), unit.executors.alive()
            free = sum(alive.values()) - sum(running.values())
            if free <= 0:
                return []
            suspects = unit.jobs.suspects(SUSPECT_FROM, alive)
            waiting = apart(unit.jobs.waiting(now, free + len(suspects)), suspects)
            served = unit.jobs.served({one.installation_id for one in waiting})
            chosen = choose(waiting, running, served, free)
            unit.jobs.release(chosen, now)
            moved = sa.and_(
                self._rows.c.workflow_uuid.in_(chosen),
                self._rows.c.queue_name == WAITING,
                self._rows.c.status == "ENQUEUED",
            )
            unit.connection.execute(self._rows.update().where(moved).values(queue_name=THREADS))
            unit.commit()
        return chosen

    def now(self) -> str:
        """The database's time, as DBOS can keep it."""
        with self._database.unit(read_only=True) as unit:
            return unit.executors.now().isoformat()

    def has_rested(self, job_id: str, began: str) -> bool:
        """Whether a job was put back since a time, and its turn has come again."""
        with self._database.unit(read_only=True) as unit:
            job = unit.jobs.get(job_id)
        return job is not None and job.due_at is not None and job.due_at >= datetime.fromisoformat(began)

    def rest(self, job_id: str, began: str, wait_s: float, error: str, *, aside: bool = False) -> bool:
        """Put a running job back for a while, so that it holds no worker; False for one of no thread.

        `began`: since when it waits, of `now`. `aside`: so that it holds up nothing else of its thread.
        """
        with self._database.unit() as unit:
            job = unit.jobs.get(job_id)
            if job is None or job.outcome is not JobOutcome.OPEN:
                return False
            mine = sa.and_(self._rows.c.workflow_uuid == job_id, self._rows.c.executor_id == self._me)
            self._enqueue(unit, mine, queue_name=WAITING)
            until = datetime.fromisoformat(began) + timedelta(seconds=wait_s)
            unit.jobs.rest(job_id, until, error, aside=aside)
            unit.commit()
        return True

    def hand_back(self, except_of: str = "") -> int:
        """End: whoever lives goes on with what this worker leaves. Returns how many jobs that are.

        `except_of`: the job that makes it end, whose attempt stays counted.
        """
        with self._database.unit() as unit:
            left = self._left_behind(unit, self._rows.c.executor_id == self._me)
            unit.jobs.attempts_handed_back(self._me, except_of, unit.executors.now())
            unit.executors.leave(self._me)
            unit.commit()
        return left

    def take_over(self, lease: timedelta) -> int:
        """Take the jobs of workers that gave no sign of life for `lease`; returns how many.

        A worker is dead once its row is gone: it is deleted here, and its jobs re-enqueued, in one
        transaction, or it beats first and nothing of it is touched. Their attempts stay without an end.
        First its connections are ended: it may stand still in the midst of a transaction, and hold this turn.
        """
        with self._database.unit(read_only=True) as unit:
            unit.executors.cut_off(lease)
        with self._database.unit() as unit:
            if not self._alone(unit):
                return 0
            dead = unit.executors.bury(lease)
            orphaned = self._rows.c.executor_id.not_in(list(unit.executors.alive()))
            taken = self._left_behind(unit, orphaned)
            self._renew(unit)
            unit.commit()
        if dead or taken:
            log.warning("work_taken_over", executors=dead, jobs=taken)
        return taken

    def settle(self) -> list[str]:
        """End our rows of jobs that ended in DBOS alone: an error in a workflow's code, a cancel there."""
        with self._database.unit(read_only=True) as unit:
            if unit.connection.execute(self._unsettled().limit(1)).first() is None:
                return []
        with self._database.unit() as unit:
            ended: list[str] = []
            now = unit.executors.now()
            for job_id, status in unit.connection.execute(self._unsettled()).all():
                error = None if status in ("SUCCESS", "CANCELLED") else "its workflow failed: see the log"
                unit.jobs.end([job_id], ENDED[status], now, error)
                ended.append(job_id)
            unit.commit()
        if ended:
            log.warning("jobs_settled", jobs=ended)
        return ended

    def _unsettled(self) -> sa.Select[Any]:
        status = self._rows.c.status
        joined = self._rows.join(jobs, jobs.c.id == self._rows.c.workflow_uuid)
        return (
            sa.select(jobs.c.id, status)
            .select_from(joined)
            .where(jobs.c.outcome == JobOutcome.OPEN.value, status.in_(list(ENDED)))
        )

    def _left_behind(self, unit: UnitOfWork, which: sa.ColumnElement[bool]) -> int:
        """Jobs whose worker is gone: one of a thread waits for its turn anew, others in their queues.

        One that our rows call ended has no turn to wait for: all that is missing is that DBOS hears of it.
        """
        running = sa.and_(self._ours, self._rows.c.status == "PENDING", self._rows.c.queue_name == THREADS)
        is_open = sa.exists().where(
            jobs.c.id == self._rows.c.workflow_uuid, jobs.c.outcome == JobOutcome.OPEN.value
        )
        of_threads = sa.select(self._rows.c.workflow_uuid).where(running, which, is_open)
        ids = list(unit.connection.execute(of_threads).scalars())
        unit.jobs.take_back(ids)
        turned = self._enqueue(unit, self._rows.c.workflow_uuid.in_(ids), queue_name=WAITING)
        return turned + self._enqueue(unit, which)

    def _enqueue(self, unit: UnitOfWork, which: sa.ColumnElement[bool], **values: str) -> int:
        """Running jobs into the queue again; whoever still runs one can write nothing of it down any more."""
        running = sa.and_(self._ours, self._rows.c.status == "PENDING", which)
        again = {"status": "ENQUEUED", "owner_xid": None, "started_at_epoch_ms": None, **values}
        return unit.connection.execute(self._rows.update().where(running).values(again)).rowcount

    def _renew(self, unit: UnitOfWork) -> None:
        """Jobs that a worker of another version began are begun anew: each step may be carried out again.

        And those that one put into a queue before it was divided between installations have a part of it.
        """
        old = sa.and_(
            self._ours,
            self._rows.c.status == "ENQUEUED",
            self._rows.c.application_version.is_not(None),
            self._rows.c.application_version != VERSION,
        )
        ids = list(unit.connection.execute(sa.select(self._rows.c.workflow_uuid).where(old)).scalars())
        if ids:
            outputs = sa.table("operation_outputs", sa.column("workflow_uuid"), schema=self._rows.schema)
            unit.connection.execute(outputs.delete().where(outputs.c.workflow_uuid.in_(ids)))
            of_them = self._rows.c.workflow_uuid.in_(ids)
            unit.connection.execute(self._rows.update().where(of_them).values(application_version=None))
        whole = sa.and_(
            self._ours,
            self._rows.c.queue_name.in_([EYES, LATER]),
            self._rows.c.queue_partition_key.is_(None),
        )
        unit.connection.execute(self._rows.update().where(whole).values(queue_partition_key="0"))

    def _alone(self, unit: UnitOfWork) -> bool:
        """Whether no other worker gives out turns at this moment. SQLite's one writer is alone anyway."""
        if self._database.is_sqlite:
            return True
        return bool(unit.connection.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(LOCK))))
