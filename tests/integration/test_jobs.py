"""Jobs on the real queue: order, patience, giving up, and going on after a kill -9."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from bot import retry
from bot.dispatch import Dispatcher
from bot.jobs import Pulse, Steps, Worker
from bot.queue import SCHEDULED, JobName, Queue, rows_of
from bot.settings import Settings
from storage.database import Database
from storage.errors import (
    DatabaseError,
    GitHubRefused,
    GitHubUnavailable,
    Gone,
    ModelUnavailable,
    RateLimited,
    ThumbprintError,
)
from storage.records import Delivery, JobOutcome, JobRow, Question
from tests.integration.worker_program import steps_in
from tests.unit.webhooks.test_route import APP, delivery, edited, ours, payload
from webhooks.route import Ignored, route

WAIT_S = 90.0


class Bench:
    """A database with a queue, deliveries put into it as the receiver does, and workers on it."""

    def __init__(self, home: Path, url: str = "") -> None:
        self.home = home
        self.settings = Settings(_env_file=None, home=home, poll_s=0.5, workers=3, database_url=url)
        self.database = Database(self.settings.resolved_database_url, busy_timeout_s=30)
        self.queue = Queue(self.database)
        self.queue.migrate()

    def deliver(self, content: dict[str, Any], guid: str) -> Question | None:
        taken: Delivery = replace(delivery(content), guid=guid)
        job = route(taken, APP)
        assert not isinstance(job, Ignored)
        with self.database.unit() as unit:
            unit.deliveries.add(taken)
            unit.repositories.upsert(job.repository)
            if job.question is not None:
                unit.answers.ask(job.question)
            assert self.queue.put(unit, job, guid)
            unit.commit()
        return job.question

    def ask(self, post_id: int, number: int = 3) -> Question:
        content = payload(issue={"number": number})
        content["comment"]["id"] = post_id
        question = self.deliver(content, f"g{post_id}")
        assert question is not None
        return question

    @contextmanager
    def worker(self, steps: Steps, settings: Settings | None = None) -> Iterator[None]:
        database = Database(self.settings.resolved_database_url, busy_timeout_s=30)
        worker = Worker(settings or self.settings, database, steps)
        worker.start()
        try:
            yield
        finally:
            worker.stop()

    def log(self) -> list[str]:
        path = self.home / "log"
        return path.read_text().splitlines() if path.exists() else []

    def states(self) -> dict[str, str]:
        rows = rows_of(self.database)
        query = sa.select(rows.c.workflow_uuid, rows.c.status).where(
            rows.c.name.not_in([one.value for one in SCHEDULED])
        )
        with self.database.engine.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def wait(self, until: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WAIT_S
        while not until():
            assert time.monotonic() < deadline, (self.log(), self.states())
            time.sleep(0.02)

    def wait_until_done(self) -> None:
        self.wait(lambda: bool(self.states()) and set(self.states().values()) == {"SUCCESS"})

    def job(self, job_id: str) -> JobRow:
        with self.database.unit(read_only=True) as unit:
            job = unit.jobs.get(job_id)
        assert job is not None
        return job


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.queue.close()
    made.database.dispose()


def test_a_question_goes_through_its_steps_in_order(bench: Bench) -> None:
    question = bench.ask(4)
    with bench.worker(steps_in(bench.home)):
        bench.wait_until_done()
    assert _answering(bench) == ["compose 4", f"post {question.answer_id}"]
    assert bench.log().count("acknowledge 4") == 1


@pytest.mark.parametrize("workers_are", ["generating", "down a thread's queue"])
def test_everybody_who_asks_is_acknowledged_at_once_however_busy_the_workers_are(
    bench: Bench, workers_are: str
) -> None:
    go_on = threading.Event()
    composing: list[int] = []

    def compose(question: Question) -> str:
        composing.append(question.post_id)
        go_on.wait(WAIT_S)
        return question.answer_id

    with bench.worker(replace(steps_in(bench.home), compose=compose)):
        for number in (1, 2, 3):
            bench.ask(number, number=number)
        bench.wait(lambda: len(composing) == 3)
        asked = range(10, 20)
        for post_id in asked:
            bench.ask(post_id, number=1 if workers_are != "generating" else post_id)
        bench.wait(lambda: {f"acknowledge {one}" for one in asked} <= set(bench.log()))
        assert len(composing) == 3, "nobody waited for a worker to be free"
        go_on.set()
        bench.wait_until_done()


def test_an_acknowledgement_that_hangs_keeps_nobody_from_being_answered(bench: Bench) -> None:
    go_on = threading.Event()
    question = bench.ask(4)
    steps = replace(steps_in(bench.home), acknowledge=lambda question: go_on.wait(WAIT_S))
    with bench.worker(steps):
        bench.wait(lambda: f"post {question.answer_id}" in bench.log())
        go_on.set()
        bench.wait_until_done()


def test_feedback_reaches_its_step_by_its_delivery(bench: Bench) -> None:
    bench.deliver(edited(ours()), "an-edit")
    bench.deliver(payload(action="deleted", comment=ours()), "a-deletion")
    with bench.worker(steps_in(bench.home)):
        bench.wait_until_done()
    assert bench.log() == ["edited an-edit", "deleted a-deletion"]


def test_one_thread_is_answered_in_order_and_never_twice_at_once(bench: Bench) -> None:
    running: list[int] = []
    most: list[int] = []

    def compose(question: Question) -> str:
        running.append(question.post_id)
        most.append(len(running))
        time.sleep(0.05)
        running.remove(question.post_id)
        return question.answer_id

    for post_id in (9, 8, 7, 6):
        bench.ask(post_id)
    composed: list[int] = []
    steps = steps_in(bench.home)
    with bench.worker(
        replace(steps, compose=lambda question: composed.append(question.post_id) or compose(question))
    ):
        bench.wait_until_done()
    assert composed == [9, 8, 7, 6]
    assert max(most) == 1


def test_threads_are_answered_side_by_side(bench: Bench) -> None:
    together = threading.Barrier(3, timeout=WAIT_S)

    def compose(question: Question) -> str:
        together.wait()
        return question.answer_id

    for number in (1, 2, 3):
        bench.ask(post_id=number, number=number)
    with bench.worker(replace(steps_in(bench.home), compose=compose)):
        bench.wait_until_done()


def test_a_model_that_comes_back_is_waited_for(bench: Bench) -> None:
    tries: list[float] = []

    def compose(question: Question) -> str:
        tries.append(time.monotonic())
        if len(tries) < 3:
            raise ModelUnavailable("the model server restarts")
        return question.answer_id

    bench.ask(4)
    with bench.worker(replace(steps_in(bench.home), compose=compose)):
        bench.wait_until_done()
    assert len(tries) == 3
    assert tries[1] - tries[0] >= 1.0
    assert tries[2] - tries[1] >= 2.0
    assert [line.split()[0] for line in _answering(bench)] == ["post"]


@pytest.mark.parametrize(
    ("error", "kind"),
    [(Gone("no such thread"), "Gone"), (KeyError("secret words of a thread"), "ThumbprintError")],
)
def test_what_fails_for_good_is_told_to_the_asker(bench: Bench, error: Exception, kind: str) -> None:
    told: list[ThumbprintError] = []

    def compose(question: Question) -> str:
        raise error

    bench.ask(4)
    steps = replace(steps_in(bench.home), compose=compose, fail=lambda question, error: told.append(error))
    with bench.worker(steps):
        bench.wait_until_done()
    assert [type(one).__name__ for one in told] == [kind]
    assert _answering(bench) == []
    assert "secret words" not in _everything_of_dbos(bench)


def test_an_acknowledgement_that_fails_keeps_nobody_from_being_answered(bench: Bench) -> None:
    def acknowledge(question: Question) -> None:
        raise Gone("locked")

    bench.ask(4)
    with bench.worker(replace(steps_in(bench.home), acknowledge=acknowledge)):
        bench.wait_until_done()
    assert [line.split()[0] for line in bench.log()] == ["compose", "post"]


def test_an_outage_longer_than_all_patience_and_a_restart_lose_no_question_and_no_edit(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was taken in is answered after a restart, or its asker is told; and what was taught is learned."""
    hurry(monkeypatch)
    tries: list[str] = []

    def down(*args: object) -> str:
        tries.append("try")
        raise GitHubUnavailable("GitHub answered 502")

    question = bench.ask(4)
    bench.deliver(edited(ours()), "an-edit")
    away = replace(steps_in(bench.home), acknowledge=down, compose=down, fail=down, edited=down, deleted=down)
    with bench.worker(away):
        bench.wait(lambda: {"later/3/answer/1/issue_comment/4"} <= set(bench.states()))
        bench.wait(lambda: any(one.startswith("later/3/edit/") for one in bench.states()))
    assert bench.log() == []
    with bench.worker(away):
        before = len(tries)
        bench.wait(lambda: len(tries) > before + 4)
    assert bench.log() == []
    assert "ERROR" not in bench.states().values()
    with bench.worker(steps_in(bench.home)):
        bench.wait_until_done()
    assert sorted(bench.log()) == ["edited an-edit", "fail 4 GitHubUnavailable"]
    assert question.answer_id not in "".join(bench.log())


def test_what_is_put_off_holds_up_neither_its_thread_nor_a_worker(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch, later_s=600.0)
    told: list[str] = []

    def edited_in_vain(guid: str) -> None:
        told.append(guid)
        raise GitHubUnavailable("GitHub answered 502")

    with bench.worker(replace(steps_in(bench.home), edited=edited_in_vain)):
        bench.deliver(edited(ours()), "an-edit")
        bench.wait(lambda: "DELAYED" in bench.states().values())
        question = bench.ask(4)
        bench.wait(lambda: f"post {question.answer_id}" in bench.log())
    assert bench.queue.unfinished() == {"DELAYED": 1}


def test_feedback_that_fails_for_good_ends_at_once_and_is_said(bench: Bench) -> None:
    tries: list[str] = []

    def refused(guid: str) -> None:
        tries.append(guid)
        raise Gone("the repository is not there any more")

    bench.deliver(edited(ours()), "an-edit")
    with capture_logs() as logs, bench.worker(replace(steps_in(bench.home), edited=refused)):
        bench.wait_until_done()
    assert tries == ["an-edit"]
    [said] = [one for one in logs if one["event"] == "step_given_up"]
    assert (said["kind"], said["reason"]) == ("Gone", "the repository is not there any more")


def test_githubs_retry_after_is_honoured_and_the_worker_is_free_meanwhile(bench: Bench) -> None:
    limited, other = bench.ask(4), bench.ask(5, number=9)
    second = bench.ask(6)

    def post(answer_id: str) -> None:
        if answer_id == limited.answer_id:
            raise RateLimited("wait", retry_after_s=120.0)
        steps_in(bench.home).post(answer_id)

    one_worker = bench.settings.model_copy(update={"workers": 1})
    with bench.worker(replace(steps_in(bench.home), post=post), one_worker):
        bench.wait(lambda: f"post {other.answer_id}" in bench.log())
        bench.wait(lambda: bench.job(job_of(limited)).due_at is not None)
        bench.wait(lambda: bench.queue.unfinished() == {"ENQUEUED": 2})
    rests = bench.job(job_of(limited))
    assert rests.due_at is not None
    left_s = (rests.due_at - datetime.now(UTC)).total_seconds()
    assert 60 < left_s <= 120.0 * (1 + retry.JITTER)
    assert rests.error == "wait"
    assert f"compose {second.post_id}" not in bench.log()  # it comes after the one that rests


@pytest.mark.parametrize(
    "error", [RateLimited("wait", retry_after_s=0.1), GitHubUnavailable("GitHub answered 502")]
)
def test_a_finished_answer_is_lost_to_no_limit_and_no_outage(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, error: ThumbprintError
) -> None:
    hurry(monkeypatch)
    hurried = retry.Patience(first_s=0.1, longest_s=0.1, total_s=0.2)
    monkeypatch.setitem(retry.PATIENCE, "RateLimited", hurried)
    monkeypatch.setattr(retry, "LEAST_HINT_S", 0.1)
    tries: list[str] = []

    def post(answer_id: str) -> None:
        tries.append(answer_id)
        if len(tries) < 9:
            raise error
        steps_in(bench.home).post(answer_id)

    question = bench.ask(4)
    with bench.worker(replace(steps_in(bench.home), post=post)):
        bench.wait(lambda: f"post {question.answer_id}" in bench.log())
        bench.wait_until_done()
    assert _answering(bench) == ["compose 4", f"post {question.answer_id}"], "nobody is told of a failure"
    assert "later/3/answer/1/issue_comment/4" in bench.states(), "it outlasted all patience"
    assert bench.job(job_of(question)).outcome is JobOutcome.DONE


@pytest.mark.parametrize(
    "error", [GitHubRefused("GitHub refused this (422)", status=422), ModelUnavailable("to be answered anew")]
)
def test_an_answer_that_cannot_be_posted_is_told_to_the_asker(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, error: ThumbprintError
) -> None:
    hurried = retry.Patience(first_s=0.1, longest_s=0.1, total_s=0.2)
    monkeypatch.setitem(retry.PATIENCE, "ModelUnavailable", hurried)

    def post(answer_id: str) -> None:
        raise error

    bench.ask(4)
    with bench.worker(replace(steps_in(bench.home), post=post)):
        bench.wait(lambda: len(_answering(bench)) == 2)
        bench.wait_until_done()
    assert _answering(bench) == ["compose 4", f"fail 4 {type(error).__name__}"]


def test_a_job_that_rested_goes_on_where_it_was(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.runner.REST_FROM_S", 0.0)
    tries: list[int] = []

    def post(answer_id: str) -> None:
        tries.append(1)
        if len(tries) < 3:
            raise GitHubUnavailable("502")

    monkeypatch.setitem(
        retry.PATIENCE, "GitHubUnavailable", retry.Patience(first_s=0.1, longest_s=0.1, total_s=9.0)
    )
    question = bench.ask(4)
    with bench.worker(replace(steps_in(bench.home), post=post)):
        bench.wait_until_done()
    assert (len(tries), _answering(bench)) == (3, ["compose 4"])
    assert bench.job(job_of(question)).outcome is JobOutcome.DONE


def test_the_poll_ticks_one_at_a_time(bench: Bench) -> None:
    running: list[int] = []
    counts: list[int] = []

    def poll() -> None:
        running.append(1)
        counts.append(len(running))
        time.sleep(0.7)
        running.pop()

    with bench.worker(replace(steps_in(bench.home), poll=poll)):
        bench.wait(lambda: len(counts) >= 3)
    assert set(counts) == {1}
    assert bench.database.last_beat("work") is not None


def test_every_job_of_the_clock_has_a_step_and_none_waits_behind_itself(bench: Bench) -> None:
    assert set(steps_in(bench.home).by_the_clock) == set(SCHEDULED)
    for name in SCHEDULED:
        assert bench.queue.put_scheduled(name, 1)
        assert not bench.queue.put_scheduled(name, 1), "this tick's was already"
        assert not bench.queue.put_scheduled(name, 2), "another one waits"


@pytest.mark.parametrize(("method", "thread"), [("release", "turns"), ("beat", "pulse")])
def test_an_error_that_nobody_foresaw_ends_neither_turns_nor_pulse(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, method: str, thread: str
) -> None:
    """A thread that ended would leave a worker that seems alive and gives out no job, or beats no more."""
    real, calls = getattr(Dispatcher, method), list[str]()

    def breaks_once(dispatcher: Dispatcher) -> object:
        calls.append(method)
        if len(calls) == 1:
            raise RuntimeError("not foreseen")
        return real(dispatcher)

    monkeypatch.setattr(Dispatcher, method, breaks_once)
    monkeypatch.setattr("bot.jobs.UNFORESEEN_S", 0.1)
    bench.ask(1)
    database = Database(bench.settings.resolved_database_url, busy_timeout_s=30)
    worker = Worker(bench.settings, database, steps_in(bench.home), pulse=Pulse(beat_s=0.1))
    with capture_logs() as said:
        worker.start()
        try:
            bench.wait(lambda: len(calls) > 2)
            bench.wait_until_done()
        finally:
            worker.stop()
    assert [one["log_level"] for one in said if one["event"] == f"{thread}_failed"] == ["error"]
    assert worker.ended is None


def test_old_polls_are_swept_and_answers_are_kept(bench: Bench) -> None:
    bench.ask(4)
    with bench.worker(steps_in(bench.home)):
        bench.wait_until_done()
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        bench.wait(lambda: bench.queue.sweep(JobName.POLL, tomorrow) > 0)
        assert bench.queue.sweep(JobName.ACKNOWLEDGE, tomorrow) == 1
    kept = {job for job in bench.states() if not job.startswith("upkeep/")}
    assert kept == {"answer/1/issue_comment/4"}


def test_a_second_worker_on_one_database_does_not_start(bench: Bench) -> None:
    with bench.worker(steps_in(bench.home)):
        second = Database(bench.settings.resolved_database_url)
        with pytest.raises(DatabaseError, match="another `thumbprint work`"):
            second.claim("work")
        second.dispose()


def test_a_job_that_was_stopped_in_its_midst_is_resumed(bench: Bench) -> None:
    """Stopped with SIGTERM's path, in one process: what ran is not run again, what did not is."""
    bench.ask(4)
    (bench.home / "hold").write_text("compose")
    with bench.worker(steps_in(bench.home)):
        bench.wait(lambda: "compose 4" in bench.log())
    (bench.home / "hold").unlink()
    with bench.worker(steps_in(bench.home)):
        bench.wait_until_done()
    names = [line.split()[0] for line in _answering(bench)]
    assert names == ["compose", "compose", "post"]


def test_a_worker_whose_queue_cannot_be_written_ends_and_the_next_resumes_its_jobs(bench: Bench) -> None:
    bench.ask(4)
    with bench.database.engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER no_room BEFORE INSERT ON operation_outputs"
            " BEGIN SELECT RAISE(ABORT, 'no room'); END"
        )
    ended = threading.Event()
    database = Database(bench.settings.resolved_database_url, busy_timeout_s=30)
    worker = Worker(bench.settings, database, steps_in(bench.home), ended.set)
    worker.start()
    assert ended.wait(WAIT_S)
    worker.stop()
    assert isinstance(worker.ended, DatabaseError)
    assert set(bench.states().values()) <= {"PENDING", "ENQUEUED"}
    with bench.database.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER no_room")
    with bench.worker(steps_in(bench.home)):
        bench.wait_until_done()
    assert [line.split()[0] for line in _answering(bench)][-1] == "post"


@contextmanager
def worker_process(home: Path, *pulse: float, **settings: object) -> Iterator[subprocess.Popen[bytes]]:
    """A worker in a process of its own, with these settings; `pulse`: its beat and its lease in seconds."""
    command = [sys.executable, "-m", "tests.integration.worker_program", str(home), *map(str, pulse)]
    env = {f"THUMBPRINT_{name.upper()}": str(value) for name, value in settings.items()}
    with (home / "stderr").open("ab") as said:
        process = subprocess.Popen(
            command, cwd=Path(__file__).parents[2], stderr=said, env={**os.environ, **env}
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


@pytest.mark.slow
@pytest.mark.parametrize("step", ["compose", "post"])
def test_a_killed_workers_job_is_finished_by_the_next(bench: Bench, step: str) -> None:
    question = bench.ask(4)
    (bench.home / "hold").write_text(step)
    with worker_process(bench.home) as first:
        bench.wait(lambda: any(line.startswith(step) for line in bench.log()))
        first.send_signal(signal.SIGKILL)
        first.wait()
    assert bench.states()["answer/1/issue_comment/4"] == "PENDING"
    before = _answering(bench)
    (bench.home / "hold").unlink()
    with worker_process(bench.home):
        bench.wait_until_done()
    steps = ["compose 4", f"post {question.answer_id}"]
    at = [one.split()[0] for one in steps].index(step)
    assert before == steps[: at + 1]
    # The step under way runs again, for nobody knows how far it came; those before it do not.
    assert _answering(bench) == [*before, *steps[at:]]


@pytest.mark.slow
def test_a_killed_workers_acknowledgement_is_given_by_the_next(bench: Bench) -> None:
    bench.ask(4)
    (bench.home / "hold").write_text("acknowledge")
    with worker_process(bench.home) as first:
        bench.wait(lambda: "acknowledge 4" in bench.log())
        first.kill()
        first.wait()
    (bench.home / "hold").unlink()
    with worker_process(bench.home):
        bench.wait_until_done()
    assert bench.log().count("acknowledge 4") == 2  # it runs again: reacting twice is reacting once


@pytest.mark.slow
def test_jobs_that_waited_while_no_worker_ran_are_all_done(bench: Bench) -> None:
    (bench.home / "hold").write_text("compose")
    for post_id in range(1, 9):
        bench.ask(post_id, number=post_id % 4 + 1)
    with worker_process(bench.home) as first:
        bench.wait(lambda: len([line for line in bench.log() if line.startswith("compose")]) >= 4)
        first.kill()
        first.wait()
    (bench.home / "hold").unlink()
    with worker_process(bench.home):
        bench.wait_until_done()
    posted = [line for line in bench.log() if line.startswith("post ")]
    assert len(posted) == len(set(posted)) == 8


def job_of(question: Question) -> str:
    """The id of the job that answers it."""
    return f"answer/{question.repository_id}/{question.post_kind.value}/{question.post_id}"


def _answering(bench: Bench) -> list[str]:
    """What was done but for acknowledging, which goes on beside it."""
    return [line for line in bench.log() if not line.startswith("acknowledge")]


def hurry(monkeypatch: pytest.MonkeyPatch, later_s: float = 0.1) -> None:
    """An outage of a day in a second: the same decisions, with short pauses."""
    short = retry.Patience(first_s=0.1, longest_s=0.1, total_s=0.2)
    monkeypatch.setitem(retry.PATIENCE, "GitHubUnavailable", short)
    monkeypatch.setattr(retry, "LATER_FIRST_S", later_s)
    monkeypatch.setattr(retry, "LATER_LONGEST_S", later_s)


def _everything_of_dbos(bench: Bench) -> str:
    with bench.database.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM operation_outputs").fetchall()
        rows += connection.exec_driver_sql("SELECT * FROM workflow_status").fetchall()
    return json.dumps(rows, default=str)
