"""SIGTERM: within 20 s a worker has ended what it does, or handed it back. A step that hangs ends it."""

from __future__ import annotations

import signal
import subprocess
import time

import pytest

from storage.records import JobOutcome
from tests.integration.test_jobs import Bench, bench, job_of, worker_process

__all__ = ["bench"]
pytestmark = pytest.mark.slow
WITHIN_S = 20.0


def stop(worker: subprocess.Popen[bytes]) -> int:
    """SIGTERM; its exit code, if that comes in time."""
    began = time.monotonic()
    worker.send_signal(signal.SIGTERM)
    code = worker.wait(60)
    assert time.monotonic() - began < WITHIN_S
    return code


def test_a_step_that_ends_soon_is_waited_for(bench: Bench) -> None:
    question = bench.ask(4)
    (bench.home / "slow").write_text("compose 4")
    with worker_process(bench.home) as worker:
        bench.wait(lambda: "compose 4" in bench.log())
        assert stop(worker) == 0
    with worker_process(bench.home):
        bench.wait_until_done()
    assert bench.log().count("compose 4") == 1
    assert bench.log().count(f"post {question.answer_id}") == 1


def test_a_step_that_does_not_end_is_handed_back_and_stops_are_no_deaths(bench: Bench) -> None:
    question = bench.ask(4)
    (bench.home / "hold").write_text("compose")
    for times in range(1, 3):
        with worker_process(bench.home) as worker:
            bench.wait(lambda: bench.log().count("compose 4") == times)  # noqa: B023
            assert stop(worker) == 0
        assert bench.job(job_of(question)).outcome is JobOutcome.OPEN
        assert bench.states()[job_of(question)] == "ENQUEUED"
        with bench.database.unit(read_only=True) as unit:
            assert unit.jobs.unended(job_of(question), "compose") == 0
    (bench.home / "hold").unlink()
    with worker_process(bench.home):
        bench.wait_until_done()
    assert bench.log().count(f"post {question.answer_id}") == 1


def test_a_worker_that_cannot_hand_back_is_gone_in_time_and_its_job_is_taken_over(bench: Bench) -> None:
    question = bench.ask(4)
    (bench.home / "hold").write_text("compose")
    with worker_process(bench.home) as worker:
        bench.wait(lambda: "compose 4" in bench.log())
        with bench.database.unit():  # somebody holds the file
            assert stop(worker) == 1
    assert bench.states()[job_of(question)] == "PENDING"
    (bench.home / "hold").unlink()
    with worker_process(bench.home):
        bench.wait_until_done()
    assert bench.log().count(f"post {question.answer_id}") == 1


def test_a_step_that_hangs_ends_its_worker_counts_and_leaves_the_others_their_place(bench: Bench) -> None:
    hangs, beside = bench.ask(4), bench.ask(5, number=9)
    (bench.home / "hold").write_text("compose")
    with worker_process(bench.home, 0.5, 30.0, job_timeout_s=3.0) as worker:
        bench.wait(lambda: {"compose 4", "compose 5"} <= set(bench.log()))
        assert worker.wait(60) == 1
    assert "hangs, so this worker ends" in (bench.home / "stderr").read_text()
    with bench.database.unit(read_only=True) as unit:
        counted = [unit.jobs.unended(job_of(one), "compose") for one in (hangs, beside)]
    assert sorted(counted) == [0, 1], "the one that is named, and not the one beside it"
    (bench.home / "hold").unlink()
    with worker_process(bench.home):
        bench.wait_until_done()
    for question in (hangs, beside):
        assert bench.log().count(f"post {question.answer_id}") == 1
