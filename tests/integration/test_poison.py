"""A job that kills its worker is counted, parked after five, told of, and tried again by hand."""

from __future__ import annotations

import signal
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.control import overview, retry
from bot.drills.town import town, wait_for
from bot.queue import Queue
from bot.retry import MOST_DEATHS, MOST_TELLINGS
from storage.errors import GitHubRefused
from storage.records import JobOutcome, PostKind
from tests.integration.test_drills import home
from tests.integration.test_jobs import Bench, bench, hurry, job_of, worker_process
from tests.integration.worker_program import steps_in

__all__ = ["bench", "home"]
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


def test_an_asker_is_told_though_the_workers_that_were_to_tell_were_killed_five_times(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kills from outside strike whatever runs; these are the rows that they leave."""
    hurry(monkeypatch)
    question = bench.ask(4)
    job = job_of(question)
    with bench.database.unit() as unit:
        for number in range(MOST_DEATHS):
            unit.jobs.begin_attempt(job, "compose", f"killed-{number}", datetime.now(UTC))
            unit.jobs.begin_attempt(f"later/0/{job}", "fail", f"killed-{number}", datetime.now(UTC))
        unit.commit()
    with bench.worker(steps_in(bench.home)):
        bench.wait(lambda: bench.log() == ["acknowledge 4", "fail 4 Poisoned"])
        bench.wait_until_done()
    assert bench.job(job).outcome is JobOutcome.PARKED


def test_tries_at_posting_an_answer_are_no_tries_at_telling_its_asker(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A post that was put off for hours fails for good, and the workers that are to tell are killed."""
    hurry(monkeypatch)
    question = bench.ask(4)
    job, before = job_of(question), MOST_TELLINGS + 3

    def refused(answer_id: str) -> None:
        raise GitHubRefused("GitHub refused this (422)", status=422)

    with bench.database.unit() as unit:
        for number in range(MOST_DEATHS):
            unit.jobs.begin_attempt(
                f"later/{before + 1}/{job}", "fail", f"killed-{number}", datetime.now(UTC)
            )
        unit.commit()
    bench.queue.put_later(job, "post", (question.answer_id,), before, 0.0)
    with bench.worker(replace(steps_in(bench.home), compose=refused, post=refused)):
        bench.wait(lambda: f"later/{before + 2}/{job}" in bench.states())
        bench.wait_until_done()
    assert "fail 4 GitHubRefused" in bench.log()


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


def test_a_poll_that_kills_its_worker_is_left_out_and_answers_go_on(bench: Bench) -> None:
    (bench.home / "die").write_text("poll")
    for _ in range(MOST_DEATHS):
        with worker_process(bench.home) as worker:
            assert worker.wait(60) == -signal.SIGKILL
    with worker_process(bench.home):
        question = bench.ask(4)
        bench.wait(lambda: f"post {question.answer_id}" in bench.log())
        bench.wait_until_done()
        [parked] = overview(bench.database, 9).jobs
        assert (parked.id, parked.state, parked.attempts) == ("poll", "parked", MOST_DEATHS)
        (bench.home / "die").unlink()
        retry(bench.database, bench.queue, "poll")
        with bench.database.unit(read_only=True) as unit:
            assert unit.jobs.unended("poll", "poll") == 0
    assert bench.log().count("poll") == MOST_DEATHS
    assert overview(bench.database, 9).jobs == []


def test_on_github_the_asker_of_a_poisonous_job_is_told_once_and_answered_when_it_is_tried_again(
    home: Path,
) -> None:
    with town(home=home) as everything:
        since = datetime.now(UTC).replace(microsecond=0)
        everything.model.hold.clear()  # the worker is killed while the model writes, again and again
        repository = everything.repositories[0]
        number = everything.ask(repository)
        [worker] = everything.workers
        for times in range(1, MOST_DEATHS + 1):
            wait_for(lambda: everything.model.asked >= times, worker)  # noqa: B023
            worker.kill()
            worker.wait_stopped(30)
            everything.run_what_died()

        def comments() -> list[str]:
            client = everything.github.client(repository.installation_id, repository.id, writes=False)
            posts = client.our_comments(repository.full_name, number, PostKind.ISSUE, since)
            return [post.body for post in posts]

        wait_for(lambda: bool(comments()) and not everything.open_jobs(), worker)
        [told] = comments()
        assert everything.model.asked == MOST_DEATHS and everything.model.text not in told
        [job] = overview(everything.database, 9).jobs
        assert job.state == "parked"

        everything.model.hold.set()
        queue = Queue(everything.database)
        retry(everything.database, queue, job.id)
        queue.close()
        wait_for(lambda: everything.model.text in "".join(comments()), worker)
        wait_for(lambda: not everything.open_jobs(), worker)
        assert len(comments()) == 1
