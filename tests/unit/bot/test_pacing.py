"""One pace for all workers, over restarts: the database keeps it, and GitHub's own word too."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

import httpx
import pytest

from bot.pace import Limits
from bot.pacing import Pace
from storage.database import Database, UnitOfWork
from storage.errors import RateLimited, TurnBooked
from storage.executors import ExecutorStore
from tests.unit.bot.test_github import client_of, key_file

__all__ = ["client_of", "key_file"]

HERE, THERE = 5, 6


class Clock:
    """Time that passes while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self, unit: UnitOfWork) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def opened(tmp_path: Path) -> Database:
    database = Database(f"sqlite:///{tmp_path}/pace.db", busy_timeout_s=60)
    database.migrate()
    return database


def test_two_workers_and_a_restarted_one_keep_one_pace(tmp_path: Path) -> None:
    clock, sent = Clock(), []
    for _ in range(3):  # each with a connection of its own, and nothing but the file in common
        database = opened(tmp_path)
        pace = Pace(database, Limits(), clock.sleep, clock)
        for _ in range(3):
            pace.turn(HERE)
            sent.append(clock.now)
        database.dispose()
    assert [after - before for before, after in pairwise(sent)] == [1.0] * 8


def test_threads_at_once_get_turns_of_their_own(tmp_path: Path) -> None:
    database, slept = opened(tmp_path), []
    pace = Pace(database, Limits(), slept.append, Clock())
    threads = [threading.Thread(target=pace.turn, args=(HERE,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(slept) == [float(number) for number in range(1, 8)], "the first need not wait"
    database.dispose()


def test_installations_do_not_wait_for_each_other(tmp_path: Path) -> None:
    clock, database = Clock(), opened(tmp_path)
    pace = Pace(database, Limits(), clock.sleep, clock)
    for installation in (HERE, THERE):
        pace.turn(installation)
    assert clock.now == 1_800_000_000.0
    database.dispose()


def test_a_turn_that_is_far_is_told_and_not_waited_for(tmp_path: Path) -> None:
    clock, database = Clock(), opened(tmp_path)
    pace = Pace(database, Limits(an_hour=3), clock.sleep, clock)
    for _ in range(3):
        pace.turn(HERE)
    with pytest.raises(TurnBooked) as far:
        pace.expect(HERE, "a_1")
    assert far.value.retry_after_s == pytest.approx(3598)
    with pytest.raises(TurnBooked):
        pace.turn(HERE, key="a_2")
    with pytest.raises(RateLimited) as unbooked:
        pace.turn(HERE)
    assert not isinstance(unbooked.value, TurnBooked), "nothing is kept for it"
    clock.now += far.value.retry_after_s
    pace.expect(HERE, "a_1")
    pace.turn(HERE, key="a_1")
    database.dispose()


def test_what_github_said_of_waiting_holds_for_all_workers_and_after_a_restart(tmp_path: Path) -> None:
    clock, database = Clock(), opened(tmp_path)
    pace = Pace(database, Limits(), clock.sleep, clock)
    pace.pause(HERE, 90)
    pace.pause(HERE, 30)  # a shorter one takes nothing back
    database.dispose()
    again = opened(tmp_path)
    other = Pace(again, Limits(), clock.sleep, clock)
    with pytest.raises(RateLimited) as paused:
        other.turn(HERE)
    assert paused.value.retry_after_s == pytest.approx(90)
    other.turn(THERE)
    clock.now += 91
    other.turn(HERE)
    again.dispose()


def test_a_pause_of_hours_is_kept_an_hour_at_a_time_and_not_taken_for_a_wrong_clocks(tmp_path: Path) -> None:
    clock, database = Clock(), opened(tmp_path)
    pace = Pace(database, Limits(), clock.sleep, clock)
    pace.pause(HERE, 2 * 3600)
    for passed in (0, 3599):
        clock.now = 1_800_000_000.0 + passed
        with pytest.raises(RateLimited):
            pace.turn(HERE)
    clock.now += 2
    pace.turn(HERE)  # and GitHub says it again
    database.dispose()


@pytest.mark.parametrize("key", ["", "a_1"])
def test_a_pause_that_is_asked_for_while_a_turn_is_waited_for_holds_it_back(tmp_path: Path, key: str) -> None:
    clock, database = Clock(), opened(tmp_path)
    other = Pace(database, Limits(), clock.sleep, clock)

    def sleep(seconds: float) -> None:
        other.pause(HERE, 60)
        clock.sleep(seconds)

    pace = Pace(database, Limits(), sleep, clock)
    other.turn(HERE)
    with pytest.raises(RateLimited) as paused:
        pace.turn(HERE, key=key)
    assert paused.value.retry_after_s == pytest.approx(59)
    with database.unit() as unit:
        turns, _ = unit.paces.of(HERE)
    assert list(turns.booked) == ([key] if key else [])
    clock.now += 60
    other.turn(HERE, key=key)
    with database.unit() as unit:
        turns, _ = unit.paces.of(HERE)
    assert turns.booked == {}
    database.dispose()


def test_a_turn_that_a_pause_held_back_comes_before_those_that_were_booked_later(tmp_path: Path) -> None:
    clock, database = Clock(), opened(tmp_path)
    pace = Pace(database, Limits(an_hour=2), clock.sleep, clock)
    for _ in range(2):
        pace.turn(HERE)
    for key in ("a_1", "a_2"):
        with pytest.raises(TurnBooked):
            pace.turn(HERE, key=key)
    with database.unit() as unit:
        turns, _ = unit.paces.of(HERE)
    clock.now = turns.booked["a_1"] - 5

    def sleep(seconds: float) -> None:
        pace.pause(HERE, 30)
        clock.sleep(seconds)

    with pytest.raises(RateLimited):
        Pace(database, Limits(an_hour=2), sleep, clock).turn(HERE, key="a_1")
    with database.unit() as unit:
        after, _ = unit.paces.of(HERE)
    assert after.booked == turns.booked
    database.dispose()


def test_a_refusal_by_the_secondary_limit_pauses_everybody(tmp_path: Path, client_of) -> None:
    clock, database = Clock(), opened(tmp_path)
    pace = Pace(database, Limits(), clock.sleep, clock)

    def answer(request: httpx.Request) -> httpx.Response:
        said = {"message": "You have exceeded a secondary rate limit."}
        return httpx.Response(403, json=said, headers={"retry-after": "72"})

    client, _ = client_of(answer)
    client._calls._pace, client._calls._installation_id = pace, HERE
    with pytest.raises(RateLimited):
        client._calls.create("/repos/o/r/issues/1/comments", {"body": "text"})
    with pytest.raises(RateLimited) as paused:
        pace.turn(HERE)
    assert paused.value.retry_after_s == pytest.approx(72, abs=1)
    database.dispose()


def test_one_clock_times_the_writes_of_all_workers_and_it_is_the_databases(tmp_path: Path) -> None:
    """One whose own clock is a day ahead would make all others wait for that day."""
    database, slept = opened(tmp_path), []
    pace = Pace(database, Limits(), slept.append)
    for at in (datetime(2026, 11, 21, tzinfo=UTC), datetime(2026, 11, 21, 0, 0, 30, tzinfo=UTC)):
        with patch.object(ExecutorStore, "now", lambda store, at=at: at):
            pace.turn(HERE)
            pace.expect(HERE, "a_1")
            with database.unit() as unit:
                turns, _ = unit.paces.of(HERE)
            assert turns.taken[-1] == at.timestamp()
    with patch.object(ExecutorStore, "now", lambda store: at):
        pace.pause(HERE, 90)
        with pytest.raises(RateLimited) as paused:
            pace.turn(HERE)
    assert paused.value.retry_after_s == 90 and slept == []
    database.dispose()


def test_a_clock_that_was_set_back_stops_nobody(tmp_path: Path) -> None:
    clock, database = Clock(), opened(tmp_path)
    pace = Pace(database, Limits(), clock.sleep, clock)
    pace.turn(HERE)
    pace.pause(HERE, 90)
    clock.now -= 86_400
    began = clock.now
    pace.expect(HERE, "a_1")
    pace.turn(HERE, key="a_1")
    assert clock.now - began <= 1.0
    pace.pause(HERE, 30)
    with pytest.raises(RateLimited) as paused:
        pace.turn(HERE)
    assert paused.value.retry_after_s == pytest.approx(30)
    database.dispose()
