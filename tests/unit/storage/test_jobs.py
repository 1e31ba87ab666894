"""Jobs keep their place in their thread; an attempt is counted from before it begins."""

from __future__ import annotations

from datetime import timedelta

from storage.database import Database
from storage.records import JobOutcome, JobRow
from tests.unit.storage.things import NOW

MINUTE = timedelta(minutes=1)


def job(number: int, thread: str = "1/1", installation: int = 7) -> JobRow:
    return JobRow(
        id=f"j{number}",
        name="answer",
        repository_id=1,
        installation_id=installation,
        thread_key=thread,
        place=number,
        put_at=NOW + number * MINUTE,
    )


def test_a_job_is_kept_once_and_found_again(database: Database) -> None:
    with database.unit() as unit:
        assert unit.jobs.add(job(1))
        assert not unit.jobs.add(job(1, thread="another"))
        unit.commit()
    with database.unit(read_only=True) as unit:
        assert unit.jobs.get("j1") == job(1)
        assert unit.jobs.get("j2") is None


def test_of_each_thread_only_the_first_job_waits_for_its_turn(database: Database) -> None:
    with database.unit() as unit:
        for one in (job(3), job(1), job(2), job(4, thread="1/2"), job(5, thread="2/1", installation=8)):
            unit.jobs.add(one)
        assert [one.id for one in unit.jobs.waiting(NOW, 9)] == ["j1", "j4", "j5"]
        assert [one.id for one in unit.jobs.waiting(NOW, 1)] == ["j1", "j5"]
        unit.jobs.release(["j1"], NOW)
        assert [one.id for one in unit.jobs.waiting(NOW, 9)] == ["j4", "j5"]
        assert unit.jobs.running() == {7: 1}
        assert unit.jobs.served([7, 8]) == {7: NOW}
        unit.jobs.end(["j1"], JobOutcome.DONE, NOW)
        assert [one.id for one in unit.jobs.waiting(NOW, 9)] == ["j2", "j4", "j5"]


def test_a_job_that_comes_before_its_thread_waits_until_the_one_that_runs_has_ended(
    database: Database,
) -> None:
    with database.unit() as unit:
        unit.jobs.add(job(1))
        unit.jobs.release(["j1"], NOW)
        unit.jobs.add(job(0))
        assert unit.jobs.waiting(NOW, 9) == []
        unit.jobs.end(["j1"], JobOutcome.FAILED, NOW, "why")
        assert [one.id for one in unit.jobs.waiting(NOW, 9)] == ["j0"]


def test_a_thread_waits_with_its_job_that_rests(database: Database) -> None:
    with database.unit() as unit:
        unit.jobs.add(job(1))
        unit.jobs.add(job(2))
        unit.jobs.release(["j1"], NOW)
        unit.jobs.rest("j1", NOW + MINUTE, "GitHub asked us to wait")
        assert unit.jobs.waiting(NOW, 9) == []
        assert unit.jobs.running() == {}
        assert [one.id for one in unit.jobs.waiting(NOW + MINUTE, 9)] == ["j1"]
        rests = unit.jobs.get("j1")
        assert rests is not None
        assert (rests.due_at, rests.error) == (NOW + MINUTE, "GitHub asked us to wait")


def test_an_attempt_counts_until_it_ends(database: Database) -> None:
    with database.unit() as unit:
        unit.jobs.add(job(1))
        assert unit.jobs.begin_attempt("j1", "compose", "w1", NOW) == 1
        assert unit.jobs.begin_attempt("j1", "compose", "w1", NOW) == 2
        assert unit.jobs.begin_attempt("j1", "post", "w1", NOW) == 3
        assert unit.jobs.unended("j1", "compose") == 2
        unit.jobs.end_attempt("j1", 1, NOW, "")
        assert unit.jobs.unended("j1", "compose") == 1
        unit.jobs.end_attempt("j1", 2, NOW, "the model is down")
        kept = unit.jobs.get("j1")
        assert kept is not None
        assert (kept.attempts, kept.error) == (2, "the model is down")


def test_what_a_stopping_worker_breaks_off_counts_for_the_job_that_hung_alone(database: Database) -> None:
    with database.unit() as unit:
        for name, executor in (("j1", "w1"), ("j2", "w1"), ("j3", "w2")):
            unit.jobs.begin_attempt(name, "compose", executor, NOW)
        unit.jobs.attempts_handed_back("w1", "j1", NOW)
        assert [unit.jobs.unended(name, "compose") for name in ("j1", "j2", "j3")] == [1, 0, 1]


def test_a_job_is_suspect_once_so_many_workers_ended_with_it(database: Database) -> None:
    with database.unit() as unit:
        for number in (1, 2, 3):
            unit.jobs.add(job(number, thread=f"1/{number}"))
        for executor in ("dead", "dead too", "alive"):
            unit.jobs.begin_attempt("j1", "compose", executor, NOW)
        for executor in ("dead", "alive"):
            unit.jobs.begin_attempt("j2", "compose", executor, NOW)
        unit.jobs.release(["j1", "j2"], NOW)
        assert unit.jobs.suspects(2, {"alive": 4}) == {"j1": True}
        unit.jobs.take_back(["j1"])
        assert unit.jobs.suspects(2, {"alive": 4}) == {"j1": False}
        assert unit.jobs.suspects(2, {}) == {"j1": False, "j2": True}
        assert [one.id for one in unit.jobs.waiting(NOW, 9)] == ["j1", "j3"]
        unit.jobs.end(["j1"], JobOutcome.PARKED, NOW)
        assert unit.jobs.suspects(2, {"alive": 4}) == {}


def test_what_has_ended_stays_so_until_it_is_tried_again(database: Database) -> None:
    with database.unit() as unit:
        unit.jobs.add(job(1))
        unit.jobs.begin_attempt("j1", "compose", "w1", NOW)
        unit.jobs.end(["j1"], JobOutcome.PARKED, NOW, "it killed five workers")
        unit.jobs.end(["j1"], JobOutcome.DONE, NOW)
        [parked] = unit.jobs.recent(9, ended=True)
        assert (parked.outcome, parked.attempts) == (JobOutcome.PARKED, 1)
        unit.jobs.reopen("j1")
        [again] = unit.jobs.recent(9, ended=False)
        assert (again.outcome, again.attempts, again.ended_at) == (JobOutcome.OPEN, 0, None)
        assert [one.id for one in unit.jobs.waiting(NOW, 9)] == ["j1"]


def test_what_is_done_is_swept_and_what_failed_stays(database: Database) -> None:
    with database.unit() as unit:
        for number in (1, 2, 3):
            unit.jobs.add(job(number))
            unit.jobs.begin_attempt(f"j{number}", "post", "w1", NOW)
        unit.jobs.begin_attempt("poll/1", "poll", "w1", NOW)
        unit.jobs.end(["j1"], JobOutcome.DONE, NOW)
        unit.jobs.end(["j2"], JobOutcome.FAILED, NOW)
        unit.jobs.sweep(NOW + MINUTE)
        assert [unit.jobs.get(name) is None for name in ("j1", "j2", "j3")] == [True, False, False]
        assert [unit.jobs.unended(name, "post") for name in ("j1", "j2", "j3")] == [0, 1, 1]
        assert unit.jobs.unended("poll/1", "poll") == 0


def test_the_open_jobs_of_an_installation_and_of_a_repository_are_found(database: Database) -> None:
    with database.unit() as unit:
        unit.jobs.add(job(1))
        unit.jobs.add(job(2, installation=8))
        unit.jobs.add(job(3))
        unit.jobs.end(["j3"], JobOutcome.DONE, NOW)
        assert unit.jobs.open_of(installation_id=7) == ["j1"]
        assert sorted(unit.jobs.open_of(repository_id=1)) == ["j1", "j2"]


def test_a_job_that_rests_aside_lets_its_thread_pass_and_keeps_its_turn_among_its_like(
    database: Database,
) -> None:
    with database.unit() as unit:
        for number in (1, 2):
            unit.jobs.add(job(number))
            unit.jobs.release([f"j{number}"], NOW)
            unit.jobs.rest(f"j{number}", NOW + 9 * MINUTE, "quiet", aside=True)
        unit.jobs.rest("j1", NOW + 9 * MINUTE, "quiet still", aside=True)
        assert unit.jobs.waiting(NOW, 9) == []
        unit.jobs.add(job(3))
        assert [one.id for one in unit.jobs.waiting(NOW, 9)] == ["j3"]
        unit.jobs.end(["j3"], JobOutcome.DONE, NOW)
        assert [one.id for one in unit.jobs.waiting(NOW + 9 * MINUTE, 9)] == ["j1"]
