"""The worker: a process that carries out jobs, takes over those of dead ones, and polls on a clock.

What a job's steps are is `bot/workflows.py`, what becomes of one that fails `bot/runner.py`, and who gets it
when `bot/dispatch.py`. Any number of workers share a PostgreSQL database; a SQLite file has one. A worker
ends with one sentence when its database takes nothing any more, when it was taken for dead, and when a step
hangs in it: whoever lives goes on with its jobs.

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
from importlib import import_module
from typing import NoReturn

import structlog
from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer

from bot import answer, feedback, logs, poll
from bot.access import Access
from bot.attempts import Attempts
from bot.catching_up import Route
from bot.consent import may_begin
from bot.context import Context
from bot.dispatch import Dispatcher
from bot.github import GitHub
from bot.models import Models
from bot.night_clock import Clock
from bot.pace import Limits
from bot.pacing import Pace
from bot.proposing import replied
from bot.queue import APPLICATION, SCHEDULED, VERSION, Job, JobName, Queue
from bot.runner import Runner
from bot.settings import Settings
from bot.time_slice import time_slice
from bot.trigger import ANY
from bot.upkeep import upkeep
from bot.workflows import Steps, register
from storage.database import Database
from storage.errors import DatabaseBusy, DatabaseError, ThumbprintError
from storage.executors import LEASE
from storage.records import Delivery

STOP_S = 8
"""So long may a step take to end once the worker is asked to stop; then its job is handed back."""
GONE_S = 18.0
"""So long after it was asked to stop a worker is gone, whatever still waits: for a database that is locked or
out of reach. What it could not hand back is taken over."""
TURN_S = 0.2
UNFORESEEN_S = 2.0
"""So long clocks, pulse and turns rest after an error that nobody foresaw, lest they fill the log."""
KEEP = timedelta(days=1)
SWEPT = (*SCHEDULED, JobName.ACKNOWLEDGE)
"""Jobs that leave nothing to look up: they are deleted a while after their end."""

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Pulse:
    """How often a worker beats, and after how long without a beat others take its jobs. Seconds."""

    beat_s: float = 5.0
    lease_s: float = LEASE.total_seconds()

    @property
    def lease(self) -> timedelta:
        """The same as a duration."""
        return timedelta(seconds=self.lease_s)


class Worker:
    """One process's DBOS, with its queues and its clocks: `start()`, then `stop()`. One in a process.

    `on_end` is called when it cannot go on by itself; `ended` then says why.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        steps: Steps,
        on_end: Callable[[], None] = lambda: None,
        pulse: Pulse = Pulse(),
    ) -> None:
        self.ended: ThumbprintError | None = None
        self.executor_id = database.session
        self.on_end = on_end
        self._settings, self._database, self._steps, self._pulse = settings, database, steps, pulse
        self._queue = Queue(database)
        self._dispatcher = Dispatcher(database, self.executor_id)
        self._attempts = Attempts(database, self.executor_id)
        self._stopping = threading.Event()
        self._hung = ""
        self._beaten = time.monotonic()
        self._swept = -float("inf")
        self._threads = [
            self._every(settings.poll_s, self._tick, "clock"),
            self._every(pulse.beat_s, self._beat, "pulse"),
            self._every(TURN_S, lambda: self._dispatcher.release(), "turns"),
        ]

    def start(self) -> None:
        """Bring the database up to date, take up what a dead worker left, and begin.

        Raises DatabaseError for a SQLite file that another worker has.
        """
        self._database.claim("work")
        self._queue.migrate()
        config = DBOSConfig(
            name=APPLICATION,
            system_database_engine=self._database.engine,
            serializer=DBOSPortableJSONSerializer(),
            application_version=VERSION,
            executor_id=self.executor_id,
            use_listen_notify=False,
            log_level="WARNING",
            run_migrations=False,
            enable_otlp=False,
        )
        DBOS(config=config)
        self._queue.register(self._settings.workers)
        runner = Runner(self._database, self._queue, self._end, self._dispatcher, self._attempts)
        register(self._database, self._steps, runner)
        self._dispatcher.join(self._settings.workers, self._pulse.lease)
        self._beaten = time.monotonic()
        with self._database.errors_translated():
            DBOS.launch()
        for thread in self._threads:
            thread.start()
        log.info(
            "worker_started",
            executor=self.executor_id,
            workers=self._settings.workers,
            database=self._database.name,
        )

    def stop(self) -> None:
        """Take no new job, let the running ones end within STOP_S seconds, hand back what is left."""
        self._stopping.set()
        DBOS.destroy(destroy_registry=True, workflow_completion_timeout_sec=STOP_S)
        for thread in self._threads:
            thread.join(timeout=1.0)
        try:
            left = self._dispatcher.hand_back(self._hung)
        except ThumbprintError as error:
            log.warning("not_handed_back", reason=str(error), so="its jobs are taken over in a while")
        else:
            log.info("worker_stopped", executor=self.executor_id, handed_back=left)
        self._queue.close()
        self._database.dispose()

    def _end(self, error: ThumbprintError) -> None:
        if self.ended is None:
            self.ended = error
            log.error("worker_ends", reason=str(error), so="another worker goes on with its jobs")
            self.on_end()

    def _every(self, pause_s: float, act: Callable[[], object], name: str) -> threading.Thread:
        def go_on() -> None:
            while not self._stopping.is_set():
                try:
                    act()
                except DatabaseError as error:
                    self._end(error)
                except ThumbprintError as error:
                    log.warning(f"{name}_failed", reason=str(error))
                except Exception:  # without this thread a worker looks alive and does nothing
                    log.exception(f"{name}_failed")
                    self._stopping.wait(UNFORESEEN_S)
                self._stopping.wait(pause_s)

        return threading.Thread(target=go_on, name=name, daemon=True)

    def _tick(self) -> None:
        self._database.beat("work")
        with self._database.unit(read_only=True) as unit:
            now = unit.executors.now()
        tick = int(now.timestamp() / self._settings.poll_s)
        for scheduled in SCHEDULED:
            self._queue.put_scheduled(scheduled, tick)
        if time.monotonic() - self._swept > KEEP.total_seconds() / 24:
            self._swept = time.monotonic()
            for name in SWEPT:
                self._queue.sweep(name, datetime.now(UTC) - KEEP)

    def _beat(self) -> None:
        """Live; or end: a step hangs, it was taken for dead, or the database is out of reach for as long."""
        hung = self._attempts.hung(self._settings.job_timeout_s)
        if hung is not None:
            self._hung = hung[0]
            self._end(ThumbprintError(f"the step {hung[1]} of {hung[0]} hangs, so this worker ends"))
            return
        if not self._lives():
            self._end(ThumbprintError("this worker was taken for dead: it beat too late"))
            return
        self._beaten = time.monotonic()
        self._dispatcher.take_over(self._pulse.lease)
        self._dispatcher.settle()

    def _lives(self) -> bool:
        """Whether the database still counts it among the living.

        A worker that stood still finds its connections cut by whoever took over from it: it asks once more,
        on a new one, before it says that the database was out of reach.
        """
        try:
            return self._dispatcher.beat()
        except DatabaseBusy:
            if self._database.is_sqlite or self._silent_s() <= 0.8 * self._pulse.lease_s:
                raise
        try:
            return self._dispatcher.beat()
        except DatabaseBusy:
            self._end(ThumbprintError(f"the database was out of reach for {self._silent_s():.0f} s"))
            raise

    def _silent_s(self) -> float:
        return time.monotonic() - self._beaten


def router_of(settings: Settings) -> Route:
    """What the receiver makes of a delivery, for what is read later because nothing could be delivered.

    Routing lives in `webhooks`, above this room, and is taken by name, as `thumbprint serve` takes the app.
    Whatever may ask somewhere is let through: the job reads the repository's files, and decides.
    """
    routing = import_module("webhooks.route")
    app = routing.App(slug=settings.app_slug, id=settings.app_id)

    def routed(delivery: Delivery) -> Job | None:
        found = routing.route(delivery, app, lambda repository_id: routing.Known(ANY))
        return found if isinstance(found, Job) else None

    return routed


def steps_of(context: Context) -> Steps:
    """The real steps, on the GitHub and the model server of a context."""
    route = router_of(context.settings)
    return Steps(
        acknowledge=lambda question: answer.acknowledge(context, question),
        compose=lambda question: answer.compose_job(context, question),
        post=lambda answer_id: answer.post(context, answer_id),
        fail=lambda question, error: answer.fail(context, question, error),
        edited=lambda guid: feedback.edited(context, guid),
        deleted=lambda guid: feedback.deleted(context, guid),
        replied=lambda guid: replied(context, guid),
        refresh=lambda answer_id: feedback.refresh(context, answer_id),
        poll=lambda: poll.poll(context, go_on=time_slice(context.settings)),
        upkeep=lambda: upkeep(context, route),
        retrain=Clock(
            context.settings,
            context.database,
            ask=lambda now: may_begin(context, now, time_slice(context.settings)),
        ).tick,
    )


def work(settings: Settings) -> NoReturn:
    """Carry out jobs until SIGTERM or SIGINT (exit code 0), or until the worker ends by itself (1).

    May raise ConfigurationError or DatabaseError at the start.
    """
    logs.configure(settings.log_level)
    database = Database(settings.resolved_database_url, busy_timeout_s=30.0)
    context = Context(
        settings=settings,
        database=database,
        github=GitHub(settings, access=Access(database), pace=Pace(database, Limits.of(settings))),
        models=Models(settings),
    )
    carry_on(Worker(settings, database, steps_of(context)))


def carry_on(worker: Worker) -> NoReturn:
    """Start a worker, and end this process when SIGTERM or SIGINT comes or the worker ends by itself."""
    asked = threading.Event()

    def ask() -> None:
        if not asked.is_set():
            asked.set()
            last = threading.Timer(GONE_S, _leave)
            last.daemon = True
            last.start()

    worker.on_end = ask
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ask())
    worker.start()
    asked.wait()
    worker.stop()
    # A step that still waits for the model would keep the interpreter alive; its job was handed back.
    os._exit(1 if worker.ended else 0)


def _leave() -> None:
    log.error("worker_left", so="what it could not hand back is taken over", after_s=GONE_S)
    os._exit(1)
