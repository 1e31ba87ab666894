"""What an operator watches is counted from the rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from storage.database import Database
from storage.executors import LEASE
from storage.figures import figures
from storage.records import JobOutcome, JobRow
from storage.tables import executors
from tests.unit.storage import things


def job(number: int, **changes: object) -> JobRow:
    row = JobRow(
        id=f"answer/1/comment/{number}",
        name="answer",
        repository_id=1,
        installation_id=5,
        thread_key=f"1/{number}",
        place=number,
        put_at=things.NOW + timedelta(seconds=number),
    )
    return replace(row, **changes)  # type: ignore[arg-type]


def test_an_empty_database_has_every_figure_and_each_is_zero(database: Database) -> None:
    with database.unit(read_only=True) as unit:
        found = figures(unit.connection, things.NOW)
    assert set(found.answers.values()) | set(found.feedback.values()) | set(found.jobs.values()) == {0}
    assert "posted" in found.answers and "edit" in found.feedback
    assert set(found.jobs) == {"waiting", "resting", "running", "done", "failed", "parked", "cancelled"}
    assert (found.oldest_s, found.workers, found.slots, found.took_s) == (0.0, 0, 0, ())


def test_jobs_are_counted_by_state_and_the_oldest_that_may_run_is_timed(database: Database) -> None:
    now = things.NOW + timedelta(minutes=1)
    with database.unit() as unit:
        for number in range(6):
            assert unit.jobs.add(job(number))
        unit.jobs.rest(job(0).id, now + timedelta(hours=1), "GitHub is down")
        unit.jobs.release([job(1).id], now)
        unit.jobs.end([job(2).id], JobOutcome.PARKED, now, "killed its process")
        unit.jobs.end([job(3).id], JobOutcome.DONE, now)
        unit.executors.join("worker-1", slots=2)
        unit.executors.join("worker-2", slots=3)
        unit.commit()
    with database.unit(read_only=True) as unit:
        found = figures(unit.connection, now)
    assert {state: n for state, n in found.jobs.items() if n} == {
        "waiting": 2,
        "resting": 1,
        "running": 1,
        "parked": 1,
        "done": 1,
    }
    assert found.oldest_s == 56.0  # the fifth: the first rests, the others run or ended
    assert (found.workers, found.slots) == (2, 5)


def test_a_worker_that_died_is_counted_no_more_though_nobody_took_its_jobs_over(database: Database) -> None:
    """The last one killed: its row stays, and a figure that said one worker would wake nobody."""
    with database.unit() as unit:
        unit.executors.join("alive", slots=2)
        unit.executors.join("killed", slots=4)
        long_ago = executors.update().where(executors.c.id == "killed")
        unit.connection.execute(long_ago.values(beat_at=unit.executors.now() - LEASE - timedelta(seconds=5)))
        unit.commit()
    with database.unit(read_only=True) as unit:
        found = figures(unit.connection, things.NOW)
        assert unit.executors.beating() == {"alive": 2} and len(unit.executors.alive()) == 2
    assert (found.workers, found.slots) == (1, 2)


def test_a_job_that_rested_through_the_night_waits_since_the_morning(database: Database) -> None:
    """Else each end of quiet hours would look as if nothing had been done for as long."""
    morning = things.NOW + timedelta(hours=9)
    with database.unit() as unit:
        assert unit.jobs.add(job(0)) and unit.jobs.add(job(1, put_at=morning + timedelta(seconds=5)))
        unit.jobs.rest(job(0).id, morning, "quiet hours", aside=True)
        unit.commit()
    with database.unit(read_only=True) as unit:
        found = figures(unit.connection, morning + timedelta(seconds=30))
    assert found.jobs["waiting"] == 2 and found.oldest_s == 30.0


def test_answers_of_the_last_day_are_timed_from_question_to_reply(database: Database) -> None:
    asked, answered = things.question(), things.posted()
    assert answered.posted_at is not None
    with database.unit() as unit:
        unit.repositories.upsert(things.REPOSITORY)
        unit.answers.ask(asked)
        unit.answers.save(answered)
        unit.commit()
    with database.unit(read_only=True) as unit:
        found = figures(unit.connection, answered.posted_at)
        later = figures(unit.connection, answered.posted_at + timedelta(days=2))
    assert found.answers["posted"] == 1
    assert found.took_s == ((answered.posted_at - asked.asked_at).total_seconds(),)
    assert later.took_s == () and later.answers["posted"] == 1
