"""The workflows: the order of each job's steps, and what becomes of a step that fails. DBOS runs them.

With `bot/jobs.py` and `bot/queue.py` the only files that know DBOS. What a step does is in `bot/answer.py`
and `bot/feedback.py`. A step that fails is written down with its kind and sentence, and `bot/retry.py`
decides from what was written, so that a resumed workflow decides the same. Telling an asker and learning
from people are never given up while the cause may pass: after the first patience they go on as jobs of their
own, which hold up neither a thread nor a worker. Run: `pytest tests/integration/test_jobs.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from dbos import DBOS

from bot.queue import JobName, Queue
from bot.retry import Failure, delay_s, later_s
from storage.database import Database
from storage.errors import DatabaseBusy, DatabaseError, ThumbprintError
from storage.records import Question

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


class Interrupted(BaseException):
    """The queue cannot write down how far a job is: it is left as a kill leaves it, for the next worker.

    No Exception, for DBOS writes those down as the job's end.
    """


def register(database: Database, queue: Queue, steps: Steps, end: Callable[[ThumbprintError], None]) -> None:
    """Define the workflows. Their names and the order of their steps are what `queue.VERSION` stands for.

    `end` is called when this worker cannot go on, with the reason.
    """

    def asked(answer_id: str) -> Question:
        return _question(database, answer_id)

    lasting: dict[str, Callable[..., object]] = {
        "fail": lambda answer_id, kind, why: steps.fail(
            asked(answer_id), Failure(kind=kind, message=why).error()
        ),
        "edited": steps.edited,
        "deleted": steps.deleted,
        "refresh": steps.refresh,
    }
    run = Runner(database, queue, lasting, end)

    @DBOS.workflow(name=JobName.ACKNOWLEDGE.value)
    def acknowledge(answer_id: str) -> str:
        _name(answer_id)
        return run.or_never_mind("acknowledge", lambda: steps.acknowledge(asked(answer_id)))

    @DBOS.workflow(name=JobName.ANSWER.value)
    def answer(guid: str, answer_id: str) -> str:
        _name(answer_id)
        try:
            run.carry_out("compose", lambda: steps.compose(asked(answer_id)))
            run.carry_out("post", lambda: steps.post(answer_id))
        except GaveUp as gave_up:
            failure = gave_up.failure
            log.error("answer_failed", kind=failure.kind, reason=failure.message)
            run.put_off(_job(), "fail", (answer_id, failure.kind, failure.message), 0, 0.0)
            return "failed"
        return "done"

    @DBOS.workflow(name=JobName.EDITED.value)
    def edited(guid: str) -> str:
        _name(guid)
        return run.at_last("edited", guid)

    @DBOS.workflow(name=JobName.DELETED.value)
    def deleted(guid: str) -> str:
        _name(guid)
        return run.at_last("deleted", guid)

    @DBOS.workflow(name=JobName.REFRESH.value)
    def refresh(answer_id: str) -> str:
        _name(answer_id)
        return run.at_last("refresh", answer_id)

    @DBOS.workflow(name=JobName.LATER.value)
    def later(job: str, step: str, args: list[str], tries: int) -> str:
        _name(job)
        return run.once_more(job, step, args, tries)

    @DBOS.workflow(name=JobName.POLL.value)
    def poll() -> str:
        _name("poll")
        return run.or_never_mind("poll", steps.poll)  # the next tick is the next try


class Runner:
    """Carries out steps, each outcome written down. `lasting` are those that are not given up, by name."""

    def __init__(
        self,
        database: Database,
        queue: Queue,
        lasting: Mapping[str, Callable[..., object]],
        end: Callable[[ThumbprintError], None],
    ) -> None:
        self._database = database
        self._queue = queue
        self._lasting = lasting
        self._end = end

    def carry_out(self, step: str, call: Callable[[], object]) -> None:
        """Carry out one step until it succeeds, durably waiting between attempts.

        Raises GaveUp, and Interrupted, which is not to be caught.
        """
        attempts = 0
        while failure := self._try(step, call):
            attempts += 1
            wait_s = delay_s(failure, attempts)
            if wait_s is None:
                raise GaveUp(failure)
            log.info("step_waits", step=step, kind=failure.kind, attempts=attempts, wait_s=wait_s)
            with self._written_down():
                DBOS.sleep(wait_s)

    def or_never_mind(self, step: str, call: Callable[[], object]) -> str:
        """Carry out a step that may as well fail: something else matters more, or tries again."""
        try:
            self.carry_out(step, call)
        except GaveUp as gave_up:
            log.warning(f"{step}_failed", reason=str(gave_up))
            return "failed"
        return "done"

    def at_last(self, step: str, subject: str) -> str:
        """Carry out a lasting step, with patience here and then, for as long as it takes, as later jobs."""
        try:
            self.carry_out(step, lambda: self._lasting[step](subject))
        except GaveUp as gave_up:
            return self._again(_job(), step, (subject,), 1, gave_up.failure)
        return "done"

    def once_more(self, job: str, step: str, args: Sequence[str], tries: int) -> str:
        """One more try of a lasting step, or of telling an asker, and the next one where that fails too."""
        failure = self._try(step, lambda: self._lasting[step](*args))
        return "done" if failure is None else self._again(job, step, args, tries + 1, failure)

    def put_off(self, job: str, step: str, args: Sequence[str], tries: int, wait_s: float) -> None:
        """Leave a step to a job of its own. The same once, however often a workflow is resumed."""
        with self._written_down():
            self._queue.put_later(job, step, args, tries, wait_s)

    def _again(self, job: str, step: str, args: Sequence[str], tries: int, failure: Failure) -> str:
        wait_s = later_s(failure, tries)
        if wait_s is None:
            log.error("step_given_up", step=step, job=job, kind=failure.kind, reason=failure.message)
            return "failed"
        log.warning("step_put_off", step=step, job=job, kind=failure.kind, tries=tries, wait_s=wait_s)
        self.put_off(job, step, args, tries, wait_s)
        return "later"

    def _try(self, step: str, call: Callable[[], object]) -> Failure | None:
        with self._written_down():
            outcome: dict[str, Any] = DBOS.run_step({"name": step}, _attempt, step, call)
        return None if outcome["ok"] else Failure(**outcome["failure"])

    @contextmanager
    def _written_down(self) -> Iterator[None]:
        """Around what DBOS writes: where the database takes nothing, this worker ends."""
        try:
            with self._database.errors_translated():
                yield
        except (DatabaseBusy, DatabaseError) as error:
            self._end(error)
            raise Interrupted(str(error)) from error


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


def _name(job: str) -> None:
    """Have this thread's log lines say which job they are of."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(job=job)


def _job() -> str:
    """The id of the job that runs."""
    return str(DBOS.workflow_id)


def _question(database: Database, answer_id: str) -> Question:
    with database.unit(read_only=True) as unit:
        question = unit.answers.question(answer_id)
    if question is None:
        raise ThumbprintError(f"the question of {answer_id} is not in the database any more")
    return question
