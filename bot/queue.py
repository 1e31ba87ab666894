"""What can be enqueued, by name and ids, in the transaction that keeps what it is about.

With `bot/jobs.py` the only file that knows DBOS. The receiver imports this one, so it imports neither
GitHub's client nor the model's. No text of a thread enters DBOS's tables: a job's arguments are ids.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dbos import DBOSClient, DBOSPortableJSONSerializer, EnqueueOptions, error

from storage.database import Database, UnitOfWork
from storage.records import Question, Repository

APPLICATION = "thumbprint"
"""DBOS's name for us: all our processes use it, and a shared PostgreSQL may hold others'."""

VERSION = "2"
"""The shape of the workflows in `bot/jobs.py`: raise it when their steps change order or meaning. Not the
package's version, for then a job that was running during an upgrade would never be taken up again."""

THREADS = "threads"
EYES = "eyes"
LATER = "later"
POLLS = "polls"
EYES_AT_ONCE = 16
LATER_AT_ONCE = 2
MOST_PRIORITIES = 2**31 - 1


class JobName(enum.Enum):
    """The workflows that a delivery, the clock, or somebody who undoes a lesson can start."""

    ACKNOWLEDGE = "acknowledge"
    ANSWER = "answer"
    EDITED = "edited"
    DELETED = "deleted"
    REFRESH = "refresh"
    LATER = "later"
    POLL = "poll"


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a delivery asks for. `id` follows from its meaning: the same thing twice is one job.

    Jobs of one `thread_key` run one at a time, in order; those of different ones side by side. An ANSWER
    carries its question.
    """

    name: JobName
    id: str
    thread_key: str
    repository: Repository
    question: Question | None = None


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
        options = EnqueueOptions(
            workflow_name=job.name.value,
            queue_name=THREADS,
            workflow_id=job.id,
            workflow_id_reuse_policy="reject",
            queue_partition_key=job.thread_key,
            # Within a partition the lowest goes first. DBOS's clock has one-second steps on SQLite.
            priority=(number - 1) % MOST_PRIORITIES + 1,
        )
        args = (guid,) if job.question is None else (guid, job.question.answer_id)
        try:
            self._client.enqueue_in_transaction(unit.connection, options, *args)
        except error.DBOSWorkflowIDInUseError:
            return False
        if job.question is not None:
            eyes = EnqueueOptions(
                workflow_name=JobName.ACKNOWLEDGE.value, queue_name=EYES, workflow_id=f"eyes/{job.id}"
            )
            self._client.enqueue_in_transaction(unit.connection, eyes, job.question.answer_id)
        return True

    def put_refresh(self, unit: UnitOfWork, question: Question, revision: int) -> bool:
        """Have an answer's comment say what is known at this revision; False if that is asked for already.

        In the unit's own transaction, and before the waiting jobs of its thread: somebody looks at it now.
        """
        options = EnqueueOptions(
            workflow_name=JobName.REFRESH.value,
            queue_name=THREADS,
            workflow_id=f"refresh/{question.answer_id}/{revision}",
            workflow_id_reuse_policy="reject",
            queue_partition_key=question.thread_key,
        )
        try:
            self._client.enqueue_in_transaction(unit.connection, options, question.answer_id)
        except error.DBOSWorkflowIDInUseError:
            return False
        return True

    def put_later(self, job: str, step: str, args: Sequence[str], tries: int, delay_s: float) -> None:
        """Have a step carried out after `delay_s`, outside of its thread; `tries` of `job` went before."""
        options = EnqueueOptions(
            workflow_name=JobName.LATER.value,
            queue_name=LATER,
            workflow_id=f"later/{tries}/{job}",
            workflow_id_reuse_policy="reject",
        )
        if delay_s > 0:
            options["delay_seconds"] = delay_s
        try:
            with self._database.errors_translated():
                self._client.enqueue(options, job, step, list(args), tries)
        except error.DBOSWorkflowIDInUseError:
            return

    def put_poll(self, tick: int) -> bool:
        """Enqueue the poll of this tick of the clock; False while another poll waits or runs."""
        options = EnqueueOptions(
            workflow_name=JobName.POLL.value,
            queue_name=POLLS,
            workflow_id=f"poll/{tick}",
            deduplication_id=JobName.POLL.value,
        )
        try:
            with self._database.errors_translated():
                self._client.enqueue(options)
        except error.DBOSQueueDeduplicatedError:
            return False
        return True

    def register(self, workers: int, polling_s: float = 0.25) -> None:
        """Set up the queues: one job a thread at a time, `workers` threads side by side, 👀 beside them."""
        with self._database.errors_translated():
            self._client.register_queue(
                THREADS, partition_concurrency=1, worker_concurrency=workers, polling_interval_sec=polling_s
            )
            self._client.register_queue(EYES, worker_concurrency=EYES_AT_ONCE, polling_interval_sec=polling_s)
            self._client.register_queue(
                LATER, worker_concurrency=LATER_AT_ONCE, polling_interval_sec=polling_s
            )
            self._client.register_queue(POLLS, worker_concurrency=1, polling_interval_sec=1.0)

    def unfinished(self) -> dict[str, int]:
        """How many jobs wait (ENQUEUED, DELAYED) and run (PENDING). Raises when the queue is out of reach."""
        with self._database.errors_translated():
            found = self._client.list_queued_workflows(load_input=False)
        return dict(Counter(job.status for job in found if job.queue_name in (THREADS, LATER)))

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
        return len(old)

    def forget(self, ids: Sequence[str]) -> None:
        """Delete jobs of threads, with their 👀, whatever became of them: their repository is erased."""
        with self._database.errors_translated():
            self._client.delete_workflows([*ids, *(f"eyes/{one}" for one in ids)])

    def close(self) -> None:
        """Let go of the database; its engine stays open."""
        self._client.destroy()


def migrate(database: Database) -> None:
    """Create or update all tables in a database, DBOS's included."""
    queue = Queue(database)
    try:
        queue.migrate()
    finally:
        queue.close()
