"""The jobs of threads: place, turn, attempts, end. No arithmetic, no commit by itself.

What runs them is DBOS, whose rows have the same ids; whose turn it is, `bot/turns.py` decides.
Left out: jobs that belong to no thread (👀, polls), of which only the attempts are here.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields
from datetime import datetime

import sqlalchemy as sa

from storage.columns import insert_new
from storage.records import JobOutcome, JobRow, Waiting
from storage.tables import job_attempts, jobs

OPEN = jobs.c.outcome == JobOutcome.OPEN.value
MOST_LISTED = 10_000
AT_ONCE = 500
ASIDE = 1 << 48
"""Added to the place of a job that lets all others of its thread pass, those to come too."""

_COLUMNS = [each.name for each in fields(JobRow) if each.name != "attempts"]


class JobStore:
    """Jobs and the attempts at their steps, on one unit of work's connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def add(self, job: JobRow) -> bool:
        """Keep a job; False if it is kept already."""
        row = {name: getattr(job, name) for name in _COLUMNS}
        return insert_new(self._connection, jobs, {**row, "outcome": job.outcome.value}, "id")

    def get(self, job_id: str) -> JobRow | None:
        """The job, or None if it is unknown."""
        found = self.listed([job_id])
        return found[0] if found else None

    def listed(self, ids: Collection[str]) -> list[JobRow]:
        """Jobs by their ids, in the order in which they were put."""
        return self._rows(jobs.c.id.in_(list(ids)), limit=len(ids))

    def recent(self, limit: int, *, ended: bool) -> list[JobRow]:
        """Jobs that wait or run, the oldest first, or those that failed for good, the last first."""
        failed = jobs.c.outcome.in_([JobOutcome.FAILED.value, JobOutcome.PARKED.value])
        return self._rows(failed, limit, jobs.c.ended_at.desc()) if ended else self._rows(OPEN, limit)

    def open_of(self, *, installation_id: int | None = None, repository_id: int | None = None) -> list[str]:
        """The ids of jobs that wait or run, of an installation or of a repository."""
        query = sa.select(jobs.c.id).where(OPEN)
        if installation_id is not None:
            query = query.where(jobs.c.installation_id == installation_id)
        if repository_id is not None:
            query = query.where(jobs.c.repository_id == repository_id)
        return list(self._connection.execute(query).scalars())

    def of_repository(self, repository_id: int) -> list[str]:
        """The ids of all jobs of a repository, ended ones too."""
        query = sa.select(jobs.c.id).where(jobs.c.repository_id == repository_id).order_by(jobs.c.id)
        return list(self._connection.execute(query).scalars())

    def cancelled(self, repository_id: int, why: str) -> list[JobRow]:
        """The jobs of a repository that were cancelled with these words, in the order of their put."""
        its = sa.and_(jobs.c.repository_id == repository_id, jobs.c.outcome == JobOutcome.CANCELLED.value)
        return self._rows(sa.and_(its, jobs.c.error == why), limit=MOST_LISTED)

    def failed(self) -> int:
        """How many jobs failed or were parked, and were not tried again."""
        ended = jobs.c.outcome.in_([JobOutcome.FAILED.value, JobOutcome.PARKED.value])
        return int(self._connection.execute(sa.select(sa.func.count()).where(ended)).scalar_one())

    def _rows(
        self, condition: sa.ColumnElement[bool], limit: int, order: sa.ColumnElement[datetime] | None = None
    ) -> list[JobRow]:
        attempts = (
            sa.select(sa.func.count())
            .where(job_attempts.c.job_id == jobs.c.id, ~_succeeded())
            .scalar_subquery()
            .label("attempts")
        )
        by = [jobs.c.put_at, jobs.c.place] if order is None else [order]
        query = sa.select(jobs, attempts).where(condition).order_by(*by, jobs.c.id).limit(limit)
        return [_job(row) for row in self._connection.execute(query)]

    # ------------------------------------------------------------ turns

    def waiting(self, now: datetime, most: int) -> list[Waiting]:
        """The first job of each thread, where it waits and is due; of each installation at most `most`.

        A thread whose first job is released or rests has none.
        """
        in_thread = sa.func.row_number().over(
            partition_by=jobs.c.thread_key, order_by=[jobs.c.released_at.is_(None), jobs.c.place, jobs.c.id]
        )
        heads = (
            sa.select(
                jobs.c.id,
                jobs.c.installation_id,
                jobs.c.place,
                jobs.c.put_at,
                jobs.c.released_at,
                jobs.c.due_at,
                in_thread.label("nth"),
            )
            .where(OPEN)
            .subquery()
        )
        nth = sa.func.row_number().over(
            partition_by=heads.c.installation_id, order_by=[heads.c.put_at, heads.c.place, heads.c.id]
        )
        due = sa.or_(heads.c.due_at.is_(None), heads.c.due_at <= now)
        ranked = (
            sa.select(heads.c.id, heads.c.installation_id, heads.c.put_at, nth.label("rank"))
            .where(heads.c.nth == 1, heads.c.released_at.is_(None), due)
            .subquery()
        )
        query = sa.select(ranked).where(ranked.c.rank <= most).order_by(ranked.c.put_at, ranked.c.id)
        return [
            Waiting(id=row.id, installation_id=row.installation_id, put_at=row.put_at)
            for row in self._connection.execute(query)
        ]

    def running(self) -> dict[int, int]:
        """How many jobs of each installation are in the workers' hands."""
        query = sa.select(jobs.c.installation_id, sa.func.count()).where(
            OPEN, jobs.c.released_at.is_not(None)
        )
        rows = self._connection.execute(query.group_by(jobs.c.installation_id))
        return {row[0]: row[1] for row in rows}

    def served(self, installation_ids: Collection[int]) -> dict[int, datetime]:
        """When a job of each installation was released last, for those of which one ever was."""
        found = {}
        for one in installation_ids:
            query = sa.select(sa.func.max(jobs.c.released_at)).where(jobs.c.installation_id == one)
            at = self._connection.execute(query).scalar_one()
            if at is not None:
                found[one] = at
        return found

    def release(self, ids: Sequence[str], now: datetime) -> None:
        """Into the workers' hands. Until when one rested stays known: so it is seen that it did."""
        self._update(ids, released_at=now)

    def take_back(self, ids: Sequence[str]) -> None:
        """Out of the workers' hands: each waits for its turn anew, in its old place."""
        self._update(ids, released_at=None)

    def rest(self, job_id: str, until: datetime, error: str, *, aside: bool = False) -> None:
        """Out of the workers' hands until a time. Its thread waits with it, unless it goes `aside`."""
        self._update([job_id], released_at=None, due_at=until, error=error)
        if aside:
            near = sa.and_(jobs.c.id == job_id, jobs.c.place < ASIDE)
            self._connection.execute(jobs.update().where(near).values(place=jobs.c.place + ASIDE))

    def end(self, ids: Sequence[str], outcome: JobOutcome, now: datetime, error: str | None = None) -> int:
        """It is over; returns how many ended. Jobs that did before stay as they are.

        The attempts at a job that is done are forgotten.
        """
        values = {"error": error} if error is not None else {}
        ended = self._update(ids, outcome=outcome.value, ended_at=now, **values)
        if outcome is JobOutcome.DONE:
            stays = (jobs.c.id == job_attempts.c.job_id, jobs.c.outcome != JobOutcome.DONE.value)
            over = sa.and_(job_attempts.c.job_id.in_(list(ids)), ~sa.exists().where(*stays))
            self._connection.execute(job_attempts.delete().where(over))
        return ended

    def mend(self, job_id: str) -> bool:
        """One that failed succeeded later; False for one that is open still, which may fail yet."""
        is_open = sa.select(jobs.c.id).where(jobs.c.id == job_id, OPEN)
        if self._connection.execute(is_open).first() is not None:  # asked first: it may fail in between
            return False
        failed = sa.and_(jobs.c.id == job_id, jobs.c.outcome == JobOutcome.FAILED.value)
        done = jobs.update().where(failed).values(outcome=JobOutcome.DONE.value, error="")
        self._connection.execute(done)
        return True

    def call_off(self, ids: Sequence[str], now: datetime, error: str | None = None) -> int:
        """Those that failed will not be tried later: they are cancelled; returns how many."""
        failed = sa.and_(jobs.c.id.in_(list(ids)), jobs.c.outcome == JobOutcome.FAILED.value)
        values = {"outcome": JobOutcome.CANCELLED.value, "ended_at": now}
        said = {"error": error} if error is not None else {}
        return self._connection.execute(jobs.update().where(failed).values({**values, **said})).rowcount

    def reopen(self, job_id: str) -> None:
        """It waits again in its old place, and what was tried counts no more."""
        values = {"outcome": JobOutcome.OPEN.value, "ended_at": None, "due_at": None, "released_at": None}
        self._connection.execute(jobs.update().where(jobs.c.id == job_id).values(values))
        self.forget_attempts([job_id])

    def _update(self, ids: Sequence[str], **values: object) -> int:
        wanted = jobs.update().where(jobs.c.id.in_(list(ids)), OPEN)
        return self._connection.execute(wanted.values(values)).rowcount

    # ------------------------------------------------------------ attempts

    def begin_attempt(self, job_id: str, step: str, executor_id: str, now: datetime) -> int:
        """Write down that a step begins, before it does. Returns the attempt's number."""
        last = sa.select(sa.func.coalesce(sa.func.max(job_attempts.c.number), 0)).where(
            job_attempts.c.job_id == job_id
        )
        number = int(self._connection.execute(last).scalar_one()) + 1
        row = {"job_id": job_id, "number": number, "step": step, "executor_id": executor_id}
        self._connection.execute(job_attempts.insert().values(**row, began_at=now, ended_at=None, error=""))
        return number

    def end_attempt(self, job_id: str, number: int, now: datetime, error: str) -> None:
        """It came to an end: with success, or with an error's sentence."""
        this = sa.and_(job_attempts.c.job_id == job_id, job_attempts.c.number == number)
        self._connection.execute(job_attempts.update().where(this).values(ended_at=now, error=error))
        if error:
            self._update([job_id], error=error)

    def unended(self, job_id: str, step: str, since: datetime | None = None) -> int:
        """How many attempts at a step, begun at `since` or later, never came to an end: their process died,
        or was ended, in them."""
        query = sa.select(sa.func.count()).where(
            job_attempts.c.job_id == job_id, job_attempts.c.step == step, job_attempts.c.ended_at.is_(None)
        )
        if since is not None:
            query = query.where(job_attempts.c.began_at >= since)
        return int(self._connection.execute(query).scalar_one())

    def suspects(self, least: int, alive: Collection[str]) -> dict[str, bool]:
        """Open jobs with which at least so many workers ended, each with whether it is in workers' hands.

        `alive` are the workers whose attempts may come to an end still.
        """
        died = sa.and_(job_attempts.c.ended_at.is_(None), job_attempts.c.executor_id.not_in(list(alive)))
        query = (
            sa.select(jobs.c.id, jobs.c.released_at.is_not(None))
            .join_from(jobs, job_attempts, jobs.c.id == job_attempts.c.job_id)
            .where(OPEN, died)
            .group_by(jobs.c.id, jobs.c.released_at)
            .having(sa.func.count() >= least)
        )
        return {row[0]: bool(row[1]) for row in self._connection.execute(query)}

    def attempts_handed_back(self, executor_id: str, except_of: str, now: datetime) -> None:
        """A worker stops in order: the attempts that it breaks off are no fault of their jobs.

        `except_of`: the job because of which it stops, if there is one.
        """
        its = sa.and_(
            job_attempts.c.executor_id == executor_id,
            job_attempts.c.ended_at.is_(None),
            job_attempts.c.job_id != except_of,
        )
        self._connection.execute(job_attempts.update().where(its).values(ended_at=now))

    def forget_attempts(self, ids: Sequence[str]) -> None:
        """Count what was tried no more."""
        for start in range(0, len(ids), AT_ONCE):
            some = list(ids[start : start + AT_ONCE])
            self._connection.execute(job_attempts.delete().where(job_attempts.c.job_id.in_(some)))

    def sweep(self, before: datetime) -> None:
        """Delete what was done before a time, and attempts of jobs that nobody knows any more."""
        self._connection.execute(
            jobs.delete().where(jobs.c.outcome == JobOutcome.DONE.value, jobs.c.ended_at < before)
        )
        known = sa.select(jobs.c.id).where(jobs.c.id == job_attempts.c.job_id).exists()
        self._connection.execute(job_attempts.delete().where(job_attempts.c.began_at < before, ~known))


def _succeeded() -> sa.ColumnElement[bool]:
    return sa.and_(job_attempts.c.ended_at.is_not(None), job_attempts.c.error == "")


def _job(row: sa.Row[tuple[object, ...]]) -> JobRow:
    values = dict(row._mapping)
    values["outcome"] = JobOutcome(values["outcome"])
    return JobRow(**values)
