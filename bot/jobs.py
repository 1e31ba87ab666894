"""The worker: DBOS workflows that carry out jobs, resume them after a kill -9, and poll on a clock.

With `bot/queue.py` the only file that knows DBOS. A workflow here is only the order of its steps; what they
do is in `bot/answer.py` and `bot/feedback.py`. A step that fails is written down with its kind and sentence,
and `bot/retry.py` decides from what was written, so that a resumed workflow decides the same.

    thumbprint work
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer

from bot import answer, feedback, logs
from bot.context import Context
from bot.github import GitHub
from bot.models import Models
from bot.queue import APPLICATION, VERSION, JobName, Queue
from bot.retry import Failure, delay_s
from bot.settings import Settings
from storage.database import Database
from storage.errors import ThumbprintError
from storage.records import Question

EXECUTOR = "worker"
"""One worker holds a database (`Database.claim`), so a restarted one takes up its own jobs, by this name."""

STOP_S = 3
KEEP_POLLS = timedelta(days=1)

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Steps:
    """What the workflows carry out. Each may be carried out again after a crash, and does nothing twice."""

    acknowledge: Callable[[Question], object]
    compose: Callable[[Question], str]
    post: Callable[[str], object]
    fail: Callable[[Question, ThumbprintError], object]
    edited: Callable[[str], object]
    deleted: Callable[[str], object]
    refresh: Callable[[str], object]
    poll: Callable[[], object]


class GaveUp(Exception):
    """A step failed for good, after all retries."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Worker:
    """One process's DBOS, with its queues and its clock: `start()`, then `stop()`. One in a process."""

    def __init__(self, settings: Settings, database: Database, steps: Steps) -> None:
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
        register(self._database, self._steps)
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

    def _tick(self) -> None:
        swept = 0.0
        while not self._stopping.is_set():
            try:
                self._database.beat("work")
                self._queue.put_poll(int(time.time() / self._settings.poll_s))
                if time.monotonic() - swept > KEEP_POLLS.total_seconds() / 24 or not swept:
                    swept = time.monotonic()
                    self._queue.sweep(JobName.POLL, datetime.now(UTC) - KEEP_POLLS)
            except ThumbprintError as error:
                log.warning("tick_failed", reason=str(error))
            self._stopping.wait(self._settings.poll_s)


def register(database: Database, steps: Steps) -> None:
    """Define the workflows. Their names and the order of their steps are what `queue.VERSION` stands for."""

    @DBOS.workflow(name=JobName.ANSWER.value)
    def answer(guid: str, answer_id: str) -> str:
        question = _question(database, answer_id)
        structlog.contextvars.bind_contextvars(job=answer_id, thread=question.thread_key)
        try:
            try:
                carry_out("acknowledge", lambda: steps.acknowledge(question))
            except GaveUp as gave_up:
                log.warning("acknowledge_failed", reason=str(gave_up))  # the answer matters more
            carry_out("compose", lambda: steps.compose(question))
            carry_out("post", lambda: steps.post(answer_id))
        except GaveUp as gave_up:
            error = gave_up.failure.error()
            log.error("answer_failed", kind=gave_up.failure.kind, reason=str(error))
            carry_out("fail", lambda: steps.fail(question, error))
            return "failed"
        return "done"

    @DBOS.workflow(name=JobName.EDITED.value)
    def edited(guid: str) -> str:
        carry_out("edited", lambda: steps.edited(guid))
        return "done"

    @DBOS.workflow(name=JobName.DELETED.value)
    def deleted(guid: str) -> str:
        carry_out("deleted", lambda: steps.deleted(guid))
        return "done"

    @DBOS.workflow(name=JobName.REFRESH.value)
    def refresh(answer_id: str) -> str:
        carry_out("refresh", lambda: steps.refresh(answer_id))
        return "done"

    @DBOS.workflow(name=JobName.POLL.value)
    def poll() -> str:
        try:
            carry_out("poll", steps.poll)
        except GaveUp as gave_up:
            log.warning("poll_failed", reason=str(gave_up))  # the next tick is the next try
            return "failed"
        return "done"


def carry_out(step: str, call: Callable[[], object]) -> None:
    """Carry out one step until it succeeds, durably waiting between attempts. Raises GaveUp."""
    attempts = 0
    while True:
        attempts += 1
        outcome: dict[str, Any] = DBOS.run_step({"name": step}, _attempt, step, call)
        if outcome["ok"]:
            return
        failure = Failure(**outcome["failure"])
        wait_s = delay_s(failure, attempts)
        if wait_s is None:
            raise GaveUp(failure)
        log.info("step_waits", step=step, kind=failure.kind, attempts=attempts, wait_s=wait_s)
        DBOS.sleep(wait_s)


def _attempt(step: str, call: Callable[[], object]) -> dict[str, Any]:
    began = time.monotonic()
    try:
        call()
    except Exception as error:
        failure = Failure.of(error, step)
        if isinstance(error, ThumbprintError):
            log.warning("step_failed", step=step, kind=failure.kind, reason=failure.message)
        else:
            log.exception("step_failed", step=step, kind=failure.kind)
        return {
            "ok": False,
            "failure": {
                "kind": failure.kind,
                "message": failure.message,
                "retry_after_s": failure.retry_after_s,
            },
        }
    log.info("step_done", step=step, seconds=round(time.monotonic() - began, 3))
    return {"ok": True}


def _question(database: Database, answer_id: str) -> Question:
    with database.unit(read_only=True) as unit:
        question = unit.answers.question(answer_id)
    if question is None:
        raise ThumbprintError(f"the question of {answer_id} is not in the database any more")
    return question


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
        poll=lambda: feedback.poll(context),
    )


def work(settings: Settings) -> None:
    """Carry out jobs until SIGTERM or SIGINT. May raise ConfigurationError or DatabaseError at the start."""
    logs.configure(settings.log_level)
    database = Database(settings.resolved_database_url, busy_timeout_s=30.0)
    context = Context(settings=settings, database=database, github=GitHub(settings), models=Models(settings))
    worker = Worker(settings, database, steps_of(context))
    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    worker.start()
    asked.wait()
    worker.stop()
    # A step that still waits for the model would keep the interpreter alive; the next worker resumes it.
    os._exit(0)
