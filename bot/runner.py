"""How a job's steps are carried out: tried again, put off, rested, counted, parked. DBOS records the ends.

A step that fails is written down with its kind and sentence, and `bot/retry.py` decides from what was
written, so that a resumed workflow decides the same. Posting what was composed, telling an asker and learning
from people are never given up while the cause may pass: after the first patience they go on as jobs of their
own, which hold up neither a thread nor a worker. An attempt is a row before it begins, so that one that ends
its process counts; after five such the job is parked. Run: `pytest tests/integration/test_jobs.py
tests/integration/test_poison.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, TypeVar

import structlog
from dbos import DBOS

from bot.attempts import Attempts
from bot.dispatch import Dispatcher
from bot.queue import Queue, counted_as, subject
from bot.retry import Failure, delay_s, later_s
from storage.database import Database
from storage.errors import DatabaseBusy, DatabaseError, Poisoned, Quiet, ThumbprintError
from storage.records import JobOutcome

T = TypeVar("T")
REST_FROM_S = 5.0
"""A job of a thread that has to wait for longer rests in the queue, and its worker takes another."""

ASIDE = frozenset({Quiet.__name__})
"""What is waited for so long that the thread does not wait too: the job goes behind those of its thread."""

UNENDED_S = 60.0
"""Whoever put something off, and died before the job's end was written, is taken over soon: the step is
carried out every so many seconds until that end is there, and then the job is done."""

UNFINISHED = frozenset({"ModelUnavailable"})
"""A post that fails so has no answer to keep: its question was changed, and is to be answered anew."""

log = structlog.get_logger()


class GaveUp(Exception):
    """A step failed for good, after all retries."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Interrupted(BaseException):
    """The queue cannot write down how far a job is: it is left as a kill leaves it, for the next worker.

    No Exception, for DBOS writes those down as the job's end.
    """


class Rested(BaseException):
    """The job rests in the queue, and goes on from there when it is due. No Exception, as above."""


class Runner:
    """Carries out steps, each outcome written down. `lasting` are those that are not given up, by name.

    `end` is called when this worker cannot go on, with the reason.
    """

    def __init__(
        self,
        database: Database,
        queue: Queue,
        end: Callable[[ThumbprintError], None],
        dispatcher: Dispatcher,
        attempts: Attempts,
    ) -> None:
        self._database = database
        self._queue = queue
        self.lasting: Mapping[str, Callable[..., object]] = {}
        self._end = end
        self._dispatcher = dispatcher
        self._attempts = attempts

    def carry_out(self, step: str, call: Callable[[], object], *, rests: bool = True) -> None:
        """Carry out one step until it succeeds, durably waiting between attempts.

        `rests`: whether the job is one of a thread, and so may rest in the queue. Raises GaveUp, and
        Interrupted and Rested, which are not to be caught.
        """
        attempts = 0
        while failure := self._try(step, call):
            attempts += 1
            wait_s = delay_s(failure, attempts, job_id())
            if wait_s is None:
                raise GaveUp(failure)
            log.info("step_waits", step=step, kind=failure.kind, attempts=attempts, wait_s=round(wait_s, 1))
            with self._written_down():
                if rests and (wait_s >= REST_FROM_S or failure.kind in ASIDE):
                    self._rest(wait_s, failure)
                else:
                    DBOS.sleep(wait_s)

    def _rest(self, wait_s: float, failure: Failure) -> None:
        """Leave the worker to others until then. When it began to is a step, so that it rests once; whoever
        died before our row said so has it rest all the same, for to try at once would use up a try."""
        now = self._dispatcher.now()  # before the step, which would keep a busy database as its end
        began: str | None = DBOS.run_step({"name": "rest"}, lambda: now)
        if began is None or self._dispatcher.has_rested(job_id(), began):  # None: by an older version
            return
        if self._dispatcher.rest(job_id(), began, wait_s, failure.message, aside=failure.kind in ASIDE):
            raise Rested
        time.sleep(wait_s)  # a job that an older version of Thumbprint took in

    def or_never_mind(self, step: str, call: Callable[[], object]) -> str:
        """Carry out a step that may as well fail: something else matters more, or tries again."""
        try:
            self.carry_out(step, call, rests=False)
        except GaveUp as gave_up:
            log.warning(f"{step}_failed", reason=str(gave_up))
            return "failed"
        return self.ended()

    def at_last(self, step: str, about: str) -> str:
        """Carry out a lasting step, with patience here and then, for as long as it takes, as later jobs."""
        try:
            self.carry_out(step, lambda: self.lasting[step](about))
        except GaveUp as gave_up:
            said = self._again(job_id(), step, (about,), 1, gave_up.failure)
            self.ended(gave_up.failure)
            return said
        return self.ended()

    def once_more(self, job: str, step: str, args: Sequence[str], tries: int) -> str:
        """One more try of a lasting step, or of telling an asker, and the next one where that fails too."""
        failure = self._try(step, lambda: self.lasting[step](*args))
        if failure is not None:
            return self._again(job, step, args, tries + 1, failure)
        if step != "fail" and not self._write(lambda: self._attempts.mended(subject(job_id()))):
            self.put_off(job, step, args, tries, UNENDED_S)  # it succeeded: no try of it is used up
            return "later"
        return self.ended()

    def ended(self, failure: Failure | None = None) -> str:
        """Write down how the job ended, before DBOS does; its thread's next one may begin."""
        outcome = JobOutcome.DONE
        if failure is not None:
            parked = failure.kind == Poisoned.__name__
            outcome = JobOutcome.PARKED if parked else JobOutcome.FAILED
            log.error("job_ended", outcome=outcome.value, kind=failure.kind, reason=failure.message)
        job, said = counted_as(job_id()), failure.message if failure else None
        self._write(lambda: self._attempts.ended(job, outcome, said))
        return outcome.value

    def put_off(self, job: str, step: str, args: Sequence[str], tries: int, wait_s: float) -> None:
        """Leave a step to a job of its own. The same once, however often a workflow is resumed."""
        with self._written_down():
            self._queue.put_later(job, step, args, tries, wait_s, after=job_id())

    def tell(self, job: str, answer_id: str, failure: Failure) -> None:
        """Have the asker told that there will be no answer. Tries at posting it are none at telling."""
        log.error("answer_failed", kind=failure.kind, reason=failure.message)
        self.put_off(job, "fail", (answer_id, failure.kind, failure.message), 0, 0.0)

    def _again(self, job: str, step: str, args: Sequence[str], tries: int, failure: Failure) -> str:
        wait_s = None if step == "post" and failure.kind in UNFINISHED else later_s(failure, tries, job, step)
        if wait_s is None:
            log.error("step_given_up", step=step, job=job, kind=failure.kind, reason=failure.message)
            if step == "post":
                self.tell(job, args[0], failure)
            return "failed"
        log.warning(
            "step_put_off", step=step, job=job, kind=failure.kind, tries=tries, wait_s=round(wait_s, 1)
        )
        self.put_off(job, step, args, tries, wait_s)
        return "later"

    def _try(self, step: str, call: Callable[[], object]) -> Failure | None:
        with self._written_down():
            outcome: dict[str, Any] = DBOS.run_step({"name": step}, self._attempt, step, call)
        return None if outcome["ok"] else Failure(**outcome["failure"])

    def _attempt(self, step: str, call: Callable[[], object]) -> dict[str, Any]:
        """One attempt, written down before and after. Only what is DBOS's result is decided from."""
        job = counted_as(job_id())
        number = self._write(lambda: self._attempts.begin(job, step))
        if number is None:
            poisoned = Poisoned(f"{step} ended its worker again and again, so the job is parked")
            failure: Failure | None = Failure.of(poisoned, step)
        else:
            with self._attempts.watched(job, step):
                failure = _carry_out(step, call)
            said = "" if failure is None else f"{failure.kind}: {failure.message}"
            self._write(lambda: self._attempts.end(job, number, said))
        return {"ok": True} if failure is None else {"ok": False, "failure": asdict(failure)}

    def _write(self, call: Callable[[], T]) -> T:
        with self._written_down():
            return call()

    @contextmanager
    def _written_down(self) -> Iterator[None]:
        """Around what DBOS writes: where the database takes nothing, this worker ends."""
        try:
            with self._database.errors_translated():
                yield
        except (DatabaseBusy, DatabaseError) as error:
            self._end(error)
            raise Interrupted(str(error)) from error


def _carry_out(step: str, call: Callable[[], object]) -> Failure | None:
    began = time.monotonic()
    try:
        call()
    except Exception as error:
        failure = Failure.of(error, step)
        if isinstance(error, ThumbprintError):
            log.warning("step_failed", step=step, kind=failure.kind, reason=failure.message)
        else:
            log.exception("step_failed", step=step, kind=failure.kind)
        return failure
    log.info("step_done", step=step, seconds=round(time.monotonic() - began, 3))
    return None


def name_job(job: str) -> None:
    """Have this thread's log lines say which job they are of."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(job=job)


def job_id() -> str:
    """The id of the job that runs."""
    return str(DBOS.workflow_id)
