"""The worker: a process that carries out jobs, resumes them after a kill -9, and polls on a clock.

What a job's steps are and what becomes of one that fails is `bot/workflows.py`. A worker whose database takes
nothing any more ends with one sentence: whoever starts the next one has its jobs resumed.

    thumbprint work
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog
from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer

from bot import answer, feedback, logs, poll
from bot.access import Access
from bot.context import Context
from bot.github import GitHub
from bot.models import Models
from bot.queue import APPLICATION, VERSION, JobName, Queue
from bot.settings import Settings
from bot.workflows import Steps, register
from storage.database import Database
from storage.errors import DatabaseError, ThumbprintError

EXECUTOR = "worker"
"""One worker holds a database (`Database.claim`), so a restarted one takes up its own jobs, by this name."""

STOP_S = 3
KEEP = timedelta(days=1)
SWEPT = (JobName.POLL, JobName.ACKNOWLEDGE)
"""Jobs that leave nothing to look up: they are deleted a while after their end."""

log = structlog.get_logger()


class Worker:
    """One process's DBOS, with its queues and its clock: `start()`, then `stop()`. One in a process.

    `on_end` is called when it cannot go on by itself; `ended` then says why.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        steps: Steps,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self.ended: ThumbprintError | None = None
        self._on_end = on_end
        self._settings = settings
        self._database = database
        self._queue = Queue(database)
        self._stopping = threading.Event()
        self._clock = threading.Thread(target=self._tick, name="clock", daemon=True)
        self._steps = steps

    def start(self) -> None:
        """Claim the database, bring it up to date, take up what an earlier worker left, and begin."""
        self._database.claim("work")
        self._queue.migrate()
        config = DBOSConfig(
            name=APPLICATION,
            system_database_engine=self._database.engine,
            serializer=DBOSPortableJSONSerializer(),
            application_version=VERSION,
            executor_id=EXECUTOR,
            use_listen_notify=False,
            log_level="WARNING",
            run_migrations=False,
            enable_otlp=False,
        )
        DBOS(config=config)
        self._queue.register(self._settings.workers)
        register(self._database, self._queue, self._steps, self._end)
        with self._database.errors_translated():
            DBOS.launch()
        self._clock.start()
        log.info("worker_started", workers=self._settings.workers, database=self._database.name)

    def stop(self) -> None:
        """Take no new job, let the running ones go on for a moment; the next start resumes what is left."""
        self._stopping.set()
        DBOS.destroy(destroy_registry=True, workflow_completion_timeout_sec=STOP_S)
        self._clock.join(timeout=STOP_S)
        self._queue.close()
        self._database.dispose()
        log.info("worker_stopped")

    def _end(self, error: ThumbprintError) -> None:
        if self.ended is None:
            self.ended = error
            log.error("worker_ends", reason=str(error), so="the next worker resumes its jobs")
            self._on_end()

    def _tick(self) -> None:
        swept = 0.0
        while not self._stopping.is_set():
            try:
                self._database.beat("work")
                self._queue.put_poll(int(time.time() / self._settings.poll_s))
                if time.monotonic() - swept > KEEP.total_seconds() / 24 or not swept:
                    swept = time.monotonic()
                    for name in SWEPT:
                        self._queue.sweep(name, datetime.now(UTC) - KEEP)
            except DatabaseError as error:
                self._end(error)
            except ThumbprintError as error:
                log.warning("tick_failed", reason=str(error))
            self._stopping.wait(self._settings.poll_s)


def steps_of(context: Context) -> Steps:
    """The real steps, on the GitHub and the model server of a context."""
    return Steps(
        acknowledge=lambda question: answer.acknowledge(context, question),
        compose=lambda question: answer.compose_job(context, question),
        post=lambda answer_id: answer.post(context, answer_id),
        fail=lambda question, error: answer.fail(context, question, error),
        edited=lambda guid: feedback.edited(context, guid),
        deleted=lambda guid: feedback.deleted(context, guid),
        refresh=lambda answer_id: feedback.refresh(context, answer_id),
        poll=lambda: poll.poll(context),
    )


def work(settings: Settings) -> None:
    """Carry out jobs until SIGTERM, SIGINT, or a database that takes nothing any more (exit code 1).

    May raise ConfigurationError or DatabaseError at the start.
    """
    logs.configure(settings.log_level)
    database = Database(settings.resolved_database_url, busy_timeout_s=30.0)
    context = Context(
        settings=settings,
        database=database,
        github=GitHub(settings, access=Access(database)),
        models=Models(settings),
    )
    asked = threading.Event()
    worker = Worker(settings, database, steps_of(context), asked.set)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    worker.start()
    asked.wait()
    worker.stop()
    # A step that still waits for the model would keep the interpreter alive; the next worker resumes it.
    os._exit(1 if worker.ended else 0)
