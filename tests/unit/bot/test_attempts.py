"""An attempt counts from before it begins, and what hangs is known."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.attempts import PAUSES_S, Attempts
from bot.queue import counted_as
from bot.retry import CLOCK_FORGETS, MOST_DEATHS, is_poison
from storage.database import Database
from storage.errors import DatabaseBusy
from storage.records import JobOutcome
from storage.tables import job_attempts


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path}/t.db", busy_timeout_s=0.05)
    made.migrate()
    yield made
    made.dispose()


def test_a_step_in_which_five_workers_ended_is_not_begun_a_sixth_time(database: Database) -> None:
    begun = [Attempts(database, f"w{n}").begin("j", "compose") for n in range(MOST_DEATHS + 1)]
    assert begun == [1, 2, 3, 4, 5, None]
    assert Attempts(database, "w9").begin("j", "post") == 6
    assert [is_poison(n) for n in (0, 4, 5, 6)] == [False, False, True, True]


def test_what_the_clock_starts_is_left_out_for_an_hour_and_not_for_good(database: Database) -> None:
    begun = [Attempts(database, f"w{n}").begin("poll", "poll") for n in range(MOST_DEATHS + 1)]
    assert begun[-1] is None
    assert [counted_as(one) for one in ("poll/17", "upkeep/g-1", "answer/1/issue_comment/4")] == [
        "poll",
        "upkeep",
        "answer/1/issue_comment/4",
    ]
    with database.unit() as unit:
        earlier = {"began_at": unit.executors.now() - CLOCK_FORGETS}
        unit.connection.execute(job_attempts.update().values(earlier))
        unit.commit()
    assert Attempts(database, "w9").begin("poll", "poll") == MOST_DEATHS + 1


def test_attempts_that_came_to_an_end_are_no_deaths(database: Database) -> None:
    attempts = Attempts(database, "w")
    for error in ("", "GitHubUnavailable: 502") * MOST_DEATHS:
        number = attempts.begin("j", "post")
        assert number is not None
        attempts.end("j", number, error)
    assert attempts.begin("j", "post") is not None
    attempts.ended("j", JobOutcome.DONE, None)
    assert attempts.begin("j", "post") == 1


def test_a_busy_database_is_waited_for_and_costs_the_job_nothing(database: Database) -> None:
    with database.engine.connect() as other:
        other.exec_driver_sql("BEGIN IMMEDIATE")
        pauses: list[float] = []

        def sleep(pause_s: float) -> None:
            pauses.append(pause_s)
            if len(pauses) == 2:
                other.connection.rollback()

        assert Attempts(database, "w", sleep=sleep).begin("j", "compose") == 1
        assert pauses == list(PAUSES_S[:2])


def test_a_database_that_stays_busy_is_said(database: Database) -> None:
    with database.engine.connect() as other:
        other.exec_driver_sql("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseBusy):
            Attempts(database, "w", sleep=lambda pause_s: None).begin("j", "compose")
        other.connection.rollback()


def test_the_step_that_runs_for_longest_is_the_one_that_hangs(database: Database) -> None:
    now = [0.0]
    attempts = Attempts(database, "w", clock=lambda: now[0])
    assert attempts.hung(10.0) is None
    with attempts.watched("j1", "compose"):
        now[0] = 5.0
        with attempts.watched("j2", "post"):
            now[0] = 12.0
            assert attempts.hung(10.0) == ("j1", "compose")
            assert attempts.hung(12.0) is None
        now[0] = 20.0
    assert attempts.hung(1.0) is None
