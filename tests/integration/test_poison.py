"""A job that kills its worker is counted, parked after five, told of, and tried again by hand."""

from __future__ import annotations

import signal

import pytest

from bot.control import overview, retry
from bot.retry import MOST_DEATHS
from storage.records import JobOutcome
from tests.integration.test_jobs import Bench, bench, job_of, worker_process

__all__ = ["bench"]
pytestmark = pytest.mark.slow


def test_a_job_that_kills_its_worker_is_parked_after_five_and_its_asker_told(bench: Bench) -> None:
    poison, innocent = bench.ask(4), bench.ask(5, number=9)
    (bench.home / "die").write_text("compose 4")
    for _ in range(MOST_DEATHS):
        assert bench.job(job_of(poison)).outcome is JobOutcome.OPEN
        with worker_process(bench.home) as worker:
            assert worker.wait(60) == -signal.SIGKILL
    with worker_process(bench.home):
        bench.wait(lambda: "fail 4 Poisoned" in bench.log())
        bench.wait(lambda: f"post {innocent.answer_id}" in bench.log())
        bench.wait_until_done()
    assert bench.log().count("compose 4") == MOST_DEATHS
    assert f"post {poison.answer_id}" not in bench.log()
    assert bench.log().count("fail 4 Poisoned") == 1
    assert bench.job(job_of(innocent)).outcome is JobOutcome.DONE
    [shown] = [one for one in overview(bench.database, 9).jobs if one.id == job_of(poison)]
    assert (shown.state, shown.attempts) == ("parked", MOST_DEATHS)
    assert "again and again" in shown.error

    (bench.home / "die").unlink()
    retry(bench.database, bench.queue, job_of(poison))
    with worker_process(bench.home):
        bench.wait(lambda: f"post {poison.answer_id}" in bench.log())
        bench.wait_until_done()
    assert bench.job(job_of(poison)).outcome is JobOutcome.DONE
    assert bench.log().count("fail 4 Poisoned") == 1


def test_a_job_that_only_ran_beside_the_poisonous_one_is_not_parked_with_it(bench: Bench) -> None:
    before, poison, after = (bench.ask(post_id, number=post_id) for post_id in (3, 4, 5))
    (bench.home / "die").write_text("compose 4")
    (bench.home / "slow").write_text("compose 3\ncompose 5")  # not done when the other one kills the worker
    deaths = 0
    while bench.job(job_of(poison)).outcome is JobOutcome.OPEN:
        with worker_process(bench.home) as worker:
            bench.wait(
                lambda: worker.poll() is not None or bench.job(job_of(poison)).outcome is not JobOutcome.OPEN
            )
            deaths += worker.poll() == -signal.SIGKILL
            if worker.poll() is None:
                bench.wait_until_done()
    assert deaths == MOST_DEATHS
    assert bench.job(job_of(poison)).outcome is JobOutcome.PARKED
    assert bench.log().count("compose 3") + bench.log().count("compose 5") > 2, "they did die with it"
    for innocent in (before, after):
        assert bench.job(job_of(innocent)).outcome is JobOutcome.DONE
        assert bench.log().count(f"post {innocent.answer_id}") == 1
