"""The workflows: the order of each job's steps. DBOS runs them.

What a step does is in `bot/answer.py` and `bot/feedback.py`; how it is carried out, tried again, counted and
given up in `bot/runner.py`. Run: `pytest tests/integration/test_jobs.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog
from dbos import DBOS

from bot.queue import JobName
from bot.retry import Failure
from bot.runner import GaveUp, Runner, job_id, name_job
from storage.database import Database
from storage.errors import ThumbprintError
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
    replied: Callable[[str], object]
    refresh: Callable[[str], object]
    poll: Callable[[], object]
    upkeep: Callable[[], object]
    retrain: Callable[[], object]

    @property
    def by_the_clock(self) -> dict[JobName, Callable[[], object]]:
        """The steps of `queue.SCHEDULED`."""
        return {JobName.POLL: self.poll, JobName.UPKEEP: self.upkeep, JobName.RETRAIN: self.retrain}


def register(database: Database, steps: Steps, run: Runner) -> None:
    """Define the workflows. Their names and the order of their steps are what `queue.VERSION` stands for.

    DBOS's own limit on recoveries is off: what it gives up, it gives up in silence.
    """

    def asked(answer_id: str) -> Question:
        return _question(database, answer_id)

    lasting: dict[str, Callable[..., object]] = {
        "post": steps.post,
        "fail": lambda answer_id, kind, why: steps.fail(
            asked(answer_id), Failure(kind=kind, message=why).error()
        ),
        "edited": steps.edited,
        "deleted": steps.deleted,
        "replied": steps.replied,
        "refresh": steps.refresh,
    }
    run.lasting = lasting

    @DBOS.workflow(name=JobName.ACKNOWLEDGE.value, max_recovery_attempts=None)
    def acknowledge(answer_id: str) -> str:
        name_job(answer_id)
        return run.or_never_mind("acknowledge", lambda: steps.acknowledge(asked(answer_id)))

    @DBOS.workflow(name=JobName.ANSWER.value, max_recovery_attempts=None)
    def answer(guid: str, answer_id: str) -> str:
        name_job(answer_id)
        try:
            run.carry_out("compose", lambda: steps.compose(asked(answer_id)))
        except GaveUp as gave_up:
            run.tell(job_id(), answer_id, gave_up.failure)
            return run.ended(gave_up.failure)
        return run.at_last("post", answer_id)

    @DBOS.workflow(name=JobName.EDITED.value, max_recovery_attempts=None)
    def edited(guid: str) -> str:
        name_job(guid)
        return run.at_last("edited", guid)

    @DBOS.workflow(name=JobName.DELETED.value, max_recovery_attempts=None)
    def deleted(guid: str) -> str:
        name_job(guid)
        return run.at_last("deleted", guid)

    @DBOS.workflow(name=JobName.REPLIED.value, max_recovery_attempts=None)
    def replied(guid: str) -> str:
        name_job(guid)
        return run.at_last("replied", guid)

    @DBOS.workflow(name=JobName.REFRESH.value, max_recovery_attempts=None)
    def refresh(answer_id: str) -> str:
        name_job(answer_id)
        return run.at_last("refresh", answer_id)

    @DBOS.workflow(name=JobName.POST.value, max_recovery_attempts=None)
    def post(answer_id: str) -> str:
        name_job(answer_id)
        return run.at_last("post", answer_id)

    @DBOS.workflow(name=JobName.LATER.value, max_recovery_attempts=None)
    def later(job: str, step: str, args: list[str], tries: int) -> str:
        name_job(job)
        return run.once_more(job, step, args, tries)

    def schedule(name: JobName, step: Callable[[], object]) -> None:
        @DBOS.workflow(name=name.value, max_recovery_attempts=None)
        def scheduled() -> str:
            name_job(name.value)
            return run.or_never_mind(name.value, step)  # the next tick is the next try

    for name, step in steps.by_the_clock.items():
        schedule(name, step)


def _question(database: Database, answer_id: str) -> Question:
    with database.unit(read_only=True) as unit:
        question = unit.answers.question(answer_id)
    if question is None:
        raise ThumbprintError(f"the question of {answer_id} is not in the database any more")
    return question
