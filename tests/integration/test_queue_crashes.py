"""Who dies between two commits, one of DBOS's and one of ours: no job is lost, and none is done twice.

What is enqueued in our own transaction has no such gap (`test_receiver_crashes.py`). Left are what is put
off, which DBOS's client enqueues before our row says so, and a job that is begun anew.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from bot.control import cancel, retry
from bot.drills.points import Pointed, Points
from bot.jobs import Worker
from bot.queue import Queue, subject
from bot.retry import JITTER, MOST_TELLINGS
from bot.runner import Interrupted
from storage.database import Database
from storage.errors import GitHubRefused, GitHubUnavailable, Gone, RateLimited
from storage.records import JobOutcome, Question
from tests.integration.test_jobs import Bench, bench, hurry, job_of
from tests.integration.worker_program import steps_in
from tests.unit.bot.crashing import Died, each_death

__all__ = ["bench"]

pytestmark = pytest.mark.slow


@dataclass
class Life:
    """A worker; `stays`: whether it gives out no turns, so that only what was put off runs."""

    points: Points
    stays: bool = True


class Outage:
    """Workers one after the other, on one question each time, of which a step fails for the first of them."""

    def __init__(self, bench: Bench, step: str) -> None:
        self.bench, self.step = bench, step
        self.over = False
        self.asked = 3
        self.question: Question

    def ask(self) -> None:
        self.asked += 1
        self.over = False
        self.question = self.bench.ask(self.asked, number=self.asked)

    @property
    def job(self) -> str:
        return job_of(self.question)

    def later(self) -> dict[str, str]:
        """What was put off of the question's job."""
        known = self.bench.states()
        return {name: state for name, state in known.items() if subject(name) == self.job}

    @contextmanager
    def worker(self, points: Points) -> Iterator[Life]:
        """One more of them, with points around what DBOS's client enqueues of the question's own job, and
        around our row of its end. It hands nothing back: others take over what it leaves."""
        whole = steps_in(self.bench.home)

        def compose(question: Question) -> str:
            if self.step == "compose":
                raise GitHubRefused("GitHub refused this (422)", status=422)
            return whole.compose(question)

        def post(answer_id: str) -> None:
            if not self.over:
                raise GitHubUnavailable("GitHub answered 502")
            whole.post(answer_id)

        settings, life = self.bench.settings, Life(points, stays=points.at < 0)
        database = Database(settings.resolved_database_url, busy_timeout_s=30)
        made: Any = Worker(settings, database, replace(whole, compose=compose, post=post))
        release = made._dispatcher.release
        made._dispatcher.release = lambda: [] if life.stays else release()
        made._dispatcher.hand_back = lambda except_of: 0
        made._queue.put_later = around(points, "enqueue", made._queue.put_later, lambda job: job == self.job)
        made._attempts.ended = around(points, "our row", made._attempts.ended, lambda job: job == self.job)
        made.start()
        try:
            yield life
        finally:
            made.stop()

    def outlast(self, life: Life) -> None:
        """Until nobody waits any more, or the worker died on its own thread."""
        life.stays = False
        # DBOS writes its end down after the last of the points, our row's end before it.
        self.bench.wait(lambda: dead(life.points) or self.bench.states()[self.job] == "SUCCESS")
        if dead(life.points):
            raise Died

    def go_on(self, life: Life) -> None:
        """What was put off comes first, then the job itself; until all of it has ended."""
        self.over = True
        self.bench.wait(lambda: not self.later() or "SUCCESS" in self.later().values())
        life.stays = False
        self.bench.wait(lambda: set(self.bench.states().values()) == {"SUCCESS"})


def dead(points: Points) -> bool:
    return 0 <= points.at < len(points.passed)


def around(
    points: Points, name: str, call: Callable[..., object], its: Callable[[str], bool]
) -> Callable[..., object]:
    """The same, with a point before and after it where it is about such a job."""

    def pointed(job: str, *given: object, **more: object) -> object:
        pass_by = points if its(job) else (lambda name: None)
        pass_by(f"before {name}")
        done = call(job, *given, **more)
        pass_by(f"after {name}")
        return done

    return pointed


MUST = ["before enqueue", "after enqueue", "before our row", "after our row"]


def test_what_is_put_off_is_done_whoever_died_putting_it_off(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch)
    monkeypatch.setattr("bot.runner.UNENDED_S", 0.1)
    outage = Outage(bench, "post")
    for at in each_death(outage.worker, outage.outlast, outage.ask, again=outage.go_on, must=MUST):
        assert f"post {outage.question.answer_id}" in bench.log(), at
        assert bench.job(outage.job).outcome is JobOutcome.DONE, at
        assert bench.log().count(f"compose {outage.asked}") == 1, at


def test_whoever_asked_is_told_once_whoever_died_before_telling(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch)
    outage = Outage(bench, "compose")
    for at in each_death(outage.worker, outage.outlast, outage.ask, again=outage.go_on, must=MUST):
        assert bench.log().count(f"fail {outage.asked} GitHubRefused") == 1, at
        assert list(outage.later()) == [f"later/0/{outage.job}"], at
        assert bench.job(outage.job).outcome is JobOutcome.FAILED, at


def tries_at(bench: Bench, job: str) -> list[int]:
    """The tries that went before each thing put off of a job, in the order of its numbers."""
    found = {one.workflow_id: one.input for one in bench.queue._client.list_workflows(name="later")}
    numbered = {int(name.split("/")[1]): given for name, given in found.items() if subject(name) == job}
    return [given["args"][3] for _, given in sorted(numbered.items()) if given]


def test_a_step_that_is_done_and_repeated_since_a_worker_died_uses_up_no_try_of_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever put it off is not taken over yet, so its end is not written: the job is open."""
    hurry(monkeypatch)
    monkeypatch.setattr("bot.runner.UNENDED_S", 0.05)
    outage = Outage(bench, "post")
    outage.ask()
    outage.over = True
    bench.queue.put_later(outage.job, "post", (outage.question.answer_id,), 1, 0.0)
    with outage.worker(Points()):
        bench.wait(lambda: f"later/{MOST_TELLINGS + 3}/{outage.job}" in bench.states())
        outage.over = False
        bench.wait(lambda: 3 in tries_at(bench, outage.job))
    tries = tries_at(bench, outage.job)
    assert tries == sorted(tries) and tries.count(1) > MOST_TELLINGS and tries.count(2) == 1


def test_a_job_whose_worker_died_before_it_rested_rests_and_uses_up_no_try(bench: Bench) -> None:
    """GitHub asked us to wait: DBOS knows of it, our row does not."""
    question = bench.ask(4)
    tries: list[int] = []

    def compose(question: Question) -> str:
        tries.append(question.post_id)
        raise RateLimited("wait", retry_after_s=120.0)

    died = threading.Event()

    def die(*given: object, **more: object) -> bool:
        died.set()
        raise Interrupted  # as a kill leaves it

    settings = bench.settings
    for lives in (False, True):
        database = Database(settings.resolved_database_url, busy_timeout_s=30)
        worker: Any = Worker(settings, database, replace(steps_in(bench.home), compose=compose))
        worker._dispatcher.hand_back = lambda except_of: 0
        if not lives:
            worker._dispatcher.rest = die
        worker.start()
        try:
            bench.wait(lambda: bench.job(job_of(question)).due_at is not None if lives else died.is_set())  # noqa: B023
        finally:
            worker.stop()
    assert len(tries) == 1
    rests = bench.job(job_of(question))
    assert rests.due_at is not None and rests.error == "wait"
    assert 60 < (rests.due_at - datetime.now(UTC)).total_seconds() <= 120 * (1 + JITTER)


@contextmanager
def hands(url: str, points: Points) -> Iterator[tuple[Database, Queue]]:
    """Whoever begins a job anew: an operator, or a worker once its repository is open again."""
    database = Pointed(url, points)
    queue: Any = Queue(database)
    for name in ("delete_workflows", "rewind_workflow"):
        call = getattr(queue._client, name)
        setattr(queue._client, name, around(points, name, call, lambda which: True))
    try:
        yield database, queue
    finally:
        queue.close()
        database.dispose()


def test_a_job_that_is_begun_anew_is_done_once_whoever_died_over_it(bench: Bench) -> None:
    asked, job = 3, ""

    def cancelled() -> None:
        nonlocal asked, job
        asked += 1
        job = job_of(bench.ask(asked, number=asked))
        with bench.database.unit() as unit:
            cancel(bench.database, unit, [job])
            unit.commit()
        bench.queue.put_later(job, "post", ("a_1",), 1, 3600.0)

    def begin(by: tuple[Database, Queue]) -> None:
        with suppress(Gone):  # it waits already
            retry(*by, job)

    must = ["delete_workflows", "rewind_workflow", "commit in control.retry"]
    must = [f"{when} {name}" for name in must for when in ("before", "after")]
    begun = partial(hands, bench.settings.resolved_database_url)
    for at in each_death(begun, begin, cancelled, must=must):
        assert bench.job(job).outcome is JobOutcome.OPEN, at
        assert f"later/1/{job}" not in bench.states(), at
    with bench.worker(steps_in(bench.home)):
        bench.wait(lambda: bench.states()[job] == "SUCCESS" and bench.queue.unfinished() == {})
    assert [bench.log().count(f"compose {number}") for number in range(4, asked + 1)] == [1] * (asked - 3)
