"""What can be enqueued, by name and ids, in the transaction that keeps what it is about.

With `jobs.py`, `workflows.py`, `runner.py`, `dispatch.py` and `control.py` the only file that knows DBOS. The
receiver imports this one, so it imports neither GitHub's client nor the model's. No text of a thread enters
DBOS's tables: a job's arguments are ids. Left out: whose turn it is (`bot/dispatch.py`).
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
import structlog
from dbos import DBOSClient, DBOSPortableJSONSerializer, EnqueueOptions, error

from storage.database import Database, UnitOfWork
from storage.records import JobRow, Question, Repository

APPLICATION = "thumbprint"
"""DBOS's name for us: all our processes use it, and a shared PostgreSQL may hold others'."""

VERSION = "3"
"""The shape of the workflows in `bot/jobs.py`: raise it when their steps change order or meaning. Not the
package's version, for then every upgrade would begin anew what ran meanwhile (`Dispatcher.take_over`)."""

WAITING = "waiting"
"""Where jobs wait for their turn: no worker listens to it."""
THREADS = "threads"
EYES = "eyes"
LATER = "later"
EYES_AT_ONCE, EYES_OF_ONE = 16, 4
LATER_AT_ONCE, LATER_OF_ONE = 4, 2
OF_A_JOB = ("workflow_input", "workflow_output", "operation_outputs", "workflow_status")
"""DBOS's tables of a job; what else hangs on the last one goes with it."""
AT_ONCE = 500
"""Ids in one statement."""


log = structlog.get_logger()


class JobName(enum.Enum):
    """The workflows that a delivery, the clock, or somebody who undoes a lesson can start."""

    ACKNOWLEDGE = "acknowledge"
    ANSWER = "answer"
    EDITED = "edited"
    DELETED = "deleted"
    REPLIED = "replied"
    REFRESH = "refresh"
    POST = "post"
    LATER = "later"
    POLL = "poll"
    UPKEEP = "upkeep"
    RETRAIN = "retrain"


SCHEDULED = {JobName.POLL: "polls", JobName.UPKEEP: "upkeep", JobName.RETRAIN: "nights"}
"""What the clock starts, each in a queue of its own: one at a time over all workers. One more is a line here
and its step in `Steps.by_the_clock` (`bot/workflows.py`)."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a delivery asks for. `id` follows from its meaning: the same thing twice is one job.

    Jobs of one `thread_key` run one at a time, in order; those of different ones side by side. An ANSWER
    carries its question; of others, `actor_id` did what they are about, then, where a delivery says so.
    """

    name: JobName
    id: str
    thread_key: str
    repository: Repository
    question: Question | None = None
    actor_id: int = 0
    acted_at: datetime | None = None


def rows_of(database: Database) -> sa.TableClause:
    """DBOS's rows, of which we read and move those that are ours; its documentation names the columns."""
    names = (
        "workflow_uuid",
        "name",
        "status",
        "queue_name",
        "queue_partition_key",
        "executor_id",
        "owner_xid",
    )
    more = ("application_name", "application_version", "deduplication_id")
    times = ("started_at_epoch_ms", "completed_at")
    columns: list[sa.ColumnClause[object]] = [sa.column(name, sa.String) for name in (*names, *more)]
    columns += [sa.column(name, sa.BigInteger) for name in times]
    return sa.table("workflow_status", *columns, schema=None if database.is_sqlite else "dbos")


class Queue:
    """The durable queue in a database; threads share it. Made once per process; `close()` when done."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._client = DBOSClient(
            system_database_engine=database.engine,
            serializer=DBOSPortableJSONSerializer(),
            application_name=APPLICATION,
            use_listen_notify=False,
            lazy=True,
            retry_connection_errors=False,
        )
        self._rows = rows_of(database)

    @property
    def database(self) -> Database:
        """The database that the queue is in."""
        return self._database

    def migrate(self) -> None:
        """Create or update our tables and DBOS's. Safe to call from several processes at once."""
        self._database.migrate()
        with self._database.errors_translated():
            # The client has no public way to do this, and `DBOS.migrate` would open the file with the
            # interpreter's own SQLite (see storage/engine.py).
            self._client._sys_db.run_migrations()

    def put(self, unit: UnitOfWork, job: Job, guid: str) -> bool:
        """Enqueue a job in the unit's own transaction; False if this job was enqueued before.

        The delivery `guid` has to be kept in the same unit: its place is the job's place in the thread. A
        question's 👀 is a job of its own, which waits neither for its thread nor for a worker that generates.
        """
        number = unit.deliveries.number(guid)
        if number is None:
            raise ValueError("a job is enqueued together with its delivery: add the delivery first")
        row = JobRow(
            id=job.id,
            name=job.name.value,
            repository_id=job.repository.id,
            installation_id=job.repository.installation_id,
            thread_key=job.thread_key,
            place=number,
            put_at=unit.executors.now(),
        )
        args = (guid,) if job.question is None else (guid, job.question.answer_id)
        if not self._put(unit, row, *args):
            return False
        if job.question is not None:
            eyes = EnqueueOptions(
                workflow_name=JobName.ACKNOWLEDGE.value,
                queue_name=EYES,
                workflow_id=f"eyes/{job.id}",
                queue_partition_key=str(row.installation_id),
            )
            self._client.enqueue_in_transaction(unit.connection, eyes, job.question.answer_id)
        return True

    def put_refresh(self, unit: UnitOfWork, question: Question, revision: int | str) -> bool:
        """Have an answer's comment say what is known at this revision; False if that is asked for already.

        In the unit's own transaction, and before the waiting jobs of its thread: somebody looks at it now.
        """
        row = JobRow(
            id=f"refresh/{question.answer_id}/{revision}",
            name=JobName.REFRESH.value,
            repository_id=question.repository_id,
            installation_id=question.installation_id,
            thread_key=question.thread_key,
            place=0,
            put_at=unit.executors.now(),
        )
        return self._put(unit, row, question.answer_id)

    def put_post(self, unit: UnitOfWork, question: Question, now: datetime) -> bool:
        """Have an answer posted that is composed already: somebody approved it, or nobody did in time."""
        row = JobRow(
            id=f"post/{question.answer_id}/{now.timestamp():.6f}",
            name=JobName.POST.value,
            repository_id=question.repository_id,
            installation_id=question.installation_id,
            thread_key=question.thread_key,
            place=0,
            put_at=unit.executors.now(),
        )
        return self._put(unit, row, question.answer_id)

    def _put(self, unit: UnitOfWork, job: JobRow, *args: str) -> bool:
        options = EnqueueOptions(
            workflow_name=job.name,
            queue_name=WAITING,
            workflow_id=job.id,
            workflow_id_reuse_policy="reject",
            queue_partition_key=job.thread_key,
        )
        try:
            self._client.enqueue_in_transaction(unit.connection, options, *args)
        except error.DBOSWorkflowIDInUseError:
            return False
        return unit.jobs.add(job)

    def put_later(
        self, job: str, step: str, args: Sequence[str], tries: int, delay_s: float, after: str = ""
    ) -> None:
        """Have a step carried out after `delay_s`, outside of its thread; `tries` at it went before.

        `after`: who puts it off, where that was put off itself: its number follows from that one's, not from
        the tries, for not each that is put off again was a try. However much one installation has, the
        others' turns come beside it.
        """
        number = int(after.split("/")[1]) + 1 if is_later(after) else tries
        with self._database.unit(read_only=True) as unit:
            row = unit.jobs.get(job)
        options = EnqueueOptions(
            workflow_name=JobName.LATER.value,
            queue_name=LATER,
            workflow_id=f"later/{number}/{job}",
            workflow_id_reuse_policy="reject",
            queue_partition_key=str(row.installation_id if row else 0),
        )
        if delay_s > 0:
            options["delay_seconds"] = delay_s
        try:
            with self._database.errors_translated():
                self._client.enqueue(options, job, step, list(args), tries)
        except error.DBOSWorkflowIDInUseError:  # by a worker that was killed before it could write that down
            log.info("put_off_already", job=job, step=step, number=number)

    def put_scheduled(self, name: JobName, tick: int | str) -> bool:
        """Enqueue one of SCHEDULED; False while another one waits or runs, or if this tick's was already."""
        options = EnqueueOptions(
            workflow_name=name.value,
            queue_name=SCHEDULED[name],
            workflow_id=f"{name.value}/{tick}",
            workflow_id_reuse_policy="reject",
            deduplication_id=name.value,
        )
        try:
            with self._database.errors_translated():
                self._client.enqueue(options)
        except (error.DBOSQueueDeduplicatedError, error.DBOSWorkflowIDInUseError):
            return False
        return True

    def register(self, workers: int, polling_s: float = 0.25) -> None:
        """Set up the queues: one job a thread at a time, `workers` threads side by side, 👀 beside them."""
        with self._database.errors_translated():
            self._client.register_queue(
                THREADS, partition_concurrency=1, worker_concurrency=workers, polling_interval_sec=polling_s
            )
            self._client.register_queue(
                EYES,
                worker_concurrency=EYES_AT_ONCE,
                partition_worker_concurrency=EYES_OF_ONE,
                polling_interval_sec=polling_s,
            )
            self._client.register_queue(
                LATER,
                worker_concurrency=LATER_AT_ONCE,
                partition_worker_concurrency=LATER_OF_ONE,
                polling_interval_sec=polling_s,
            )
            for scheduled in SCHEDULED.values():
                self._client.register_queue(scheduled, worker_concurrency=1, polling_interval_sec=1.0)

    def unfinished(self) -> dict[str, int]:
        """How many jobs wait (ENQUEUED, DELAYED) and run (PENDING). Raises when the queue is out of reach."""
        query = (
            sa.select(self._rows.c.status, sa.func.count())
            .where(self._rows.c.status.in_(["ENQUEUED", "DELAYED", "PENDING"]))
            .where(self._rows.c.queue_name.in_([WAITING, THREADS, LATER]))
            .group_by(self._rows.c.status)
        )
        with self._database.unit(read_only=True) as unit:
            return {row[0]: row[1] for row in unit.connection.execute(query)}

    def rewind(self, job: JobRow, *, ended: bool) -> None:
        """Have DBOS begin a job of a thread anew, once it is its turn; what was put off of it is forgotten.

        `ended`: whether it came to an end in DBOS.
        """
        with self._database.errors_translated():
            self._client.delete_workflows(self._put_off_of(job.id))
            if ended:
                self._client.rewind_workflow(job.id, queue_name=WAITING, queue_partition_key=job.thread_key)

    def _put_off_of(self, job_id: str) -> list[str]:
        """The ids of all jobs that were put off of one: at one that is left the next tries would end."""
        later = self._rows.c.workflow_uuid
        with self._database.unit(read_only=True) as unit:
            query = sa.select(later).where(
                later.startswith("later/"), later.endswith(job_id, autoescape=True)
            )
            return [one for one in unit.connection.execute(query).scalars() if subject(one) == job_id]

    def sweep(self, name: JobName, before: datetime) -> int:
        """Delete the finished jobs of one kind that ended before a time; returns how many."""
        with self._database.errors_translated():
            old = self._client.list_workflows(
                name=name.value,
                status=["SUCCESS", "ERROR", "CANCELLED"],
                completed_before=before.isoformat(),
                load_input=False,
                load_output=False,
            )
            self._client.delete_workflows([job.workflow_id for job in old])
        with self._database.unit() as unit:
            unit.jobs.sweep(before)
            unit.commit()
        return len(old)

    def forget(self, unit: UnitOfWork, repository_id: int) -> int:
        """Delete all jobs of a repository, whatever became of them: it is erased. Returns how many.

        In the unit's own transaction, before what names the jobs is erased: DBOS deletes the same rows.
        """
        job, thread = self._rows.c.workflow_uuid, self._rows.c.queue_partition_key
        kinds = ("answer", "edit", "deleted")
        theirs = [job.like(f"{before}{kind}/{repository_id}/%") for kind in kinds for before in ("", "eyes/")]
        query = sa.select(job).where(sa.or_(thread.like(f"{repository_id}/%"), *theirs))
        ids = {*unit.connection.execute(query).scalars(), *unit.jobs.of_repository(repository_id)}
        later = unit.connection.execute(sa.select(job).where(job.like("later/%"))).scalars()
        ids |= {one for one in later if subject(one) in ids}
        ordered = sorted(ids)
        for name in OF_A_JOB:
            table = sa.table(name, sa.column("workflow_uuid", sa.String), schema=self._rows.schema)
            for start in range(0, len(ordered), AT_ONCE):
                some = table.c.workflow_uuid.in_(ordered[start : start + AT_ONCE])
                unit.connection.execute(table.delete().where(some))
        return len(ids)

    def close(self) -> None:
        """Let go of the database; its engine stays open."""
        self._client.destroy()


def counted_as(job_id: str) -> str:
    """Whose attempts a job's are: its own, or, of what the clock starts, those of all ticks together."""
    name = job_id.partition("/")[0]
    return name if is_scheduled(name) else job_id


def is_scheduled(name: str) -> bool:
    """Whether this is the name of what the clock starts."""
    return name in [one.value for one in SCHEDULED]


def is_later(job_id: str) -> bool:
    """Whether this is the id of what was put off of a job."""
    return job_id.startswith("later/")


def subject(later_id: str) -> str:
    """The id of the job that something was put off of: `later/3/answer/…` → `answer/…`."""
    return later_id.split("/", 2)[-1]


def migrate(database: Database) -> None:
    """Create or update all tables in a database, DBOS's included."""
    queue = Queue(database)
    try:
        queue.migrate()
    finally:
        queue.close()
