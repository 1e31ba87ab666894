"""Many workers on one PostgreSQL: a dead one's work is gone on with, by one; a living one's is left alone."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Timer

import pytest
import sqlalchemy as sa

from bot.dispatch import LOCK, Dispatcher
from bot.queue import rows_of
from storage import executors as store
from storage.database import Database
from storage.errors import DatabaseBusy
from storage.records import JobOutcome, stable_id
from storage.tables import executors, job_attempts
from tests.integration.test_jobs import Bench, job_of, worker_process
from tests.integration.test_turns import CROWD, LONE, ask_all

pytestmark = pytest.mark.slow
BEAT_S, LEASE_S = 0.5, 4.0
NEVER_S = 600.0


@pytest.fixture
def bench(url: str, tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path, url)
    yield made
    made.queue.close()
    made.database.dispose()


def hold(bench: Bench, step: str) -> None:
    (bench.home / "hold").write_text(step)


def go_on(bench: Bench) -> None:
    (bench.home / "hold").unlink()


def count(bench: Bench, line: str) -> int:
    return bench.log().count(line)


def alive(bench: Bench) -> int:
    with bench.database.unit(read_only=True) as unit:
        return len(unit.executors.alive())


def test_workers_side_by_side_do_each_job_once(bench: Bench) -> None:
    asked = [bench.ask(post_id, number=post_id % 5 + 1) for post_id in range(1, 21)]
    with (
        worker_process(bench.home, database_url=bench.settings.database_url, workers=2),
        worker_process(bench.home, database_url=bench.settings.database_url, workers=2),
    ):
        bench.wait(lambda: alive(bench) == 2)
        bench.wait_until_done()
    done = Counter(line for line in bench.log() if line.startswith(("compose ", "post ")))
    assert set(done.values()) == {1} and len(done) == 2 * len(asked)
    for thread in range(5):
        order = [int(line.split()[1]) for line in bench.log() if line.startswith("compose ")]
        assert [one for one in order if one % 5 == thread] == sorted(
            one for one in order if one % 5 == thread
        )


def test_what_a_killed_worker_left_is_taken_over_by_the_living(bench: Bench) -> None:
    question = bench.ask(4)
    hold(bench, "compose")
    given = {"database_url": bench.settings.database_url}
    with worker_process(bench.home, BEAT_S, LEASE_S, **given) as first:
        bench.wait(lambda: count(bench, "compose 4") == 1)
        with worker_process(bench.home, BEAT_S, LEASE_S, **given):
            bench.wait(lambda: alive(bench) == 2)
            time.sleep(2 * LEASE_S)
            assert count(bench, "compose 4") == 1, "the first one lives, and works: nobody takes its job"
            first.send_signal(signal.SIGKILL)
            first.wait()
            bench.wait(lambda: count(bench, "compose 4") == 2)
            go_on(bench)
            bench.wait_until_done()
    assert count(bench, f"post {question.answer_id}") == 1
    assert bench.job(job_of(question)).outcome is JobOutcome.DONE
    with bench.database.engine.connect() as connection:
        of_it = job_attempts.select().where(job_attempts.c.job_id == job_of(question))
        assert connection.execute(of_it).all() == []


def test_a_worker_that_was_taken_for_dead_ends_and_writes_nothing_down(bench: Bench) -> None:
    question = bench.ask(4)
    hold(bench, "compose")
    given = {"database_url": bench.settings.database_url}
    with worker_process(bench.home, BEAT_S, LEASE_S, **given) as first:
        bench.wait(lambda: count(bench, "compose 4") == 1)
        first.send_signal(signal.SIGSTOP)
        try:
            with worker_process(bench.home, BEAT_S, LEASE_S, **given):
                bench.wait(lambda: count(bench, "compose 4") == 2)
                go_on(bench)
                bench.wait_until_done()
        finally:
            first.send_signal(signal.SIGCONT)
        assert first.wait(60) == 1
    said = (bench.home / "stderr").read_text()
    assert "taken for dead" in said, "that its connections were cut is not the reason"
    assert "another worker goes on with its jobs" in said
    assert count(bench, f"post {question.answer_id}") == 1


def test_a_worker_that_is_stopped_hands_its_jobs_to_the_living_at_once(bench: Bench) -> None:
    question = bench.ask(4)
    hold(bench, "compose")
    given = {"database_url": bench.settings.database_url}
    with worker_process(bench.home, BEAT_S, NEVER_S, **given) as first:
        bench.wait(lambda: count(bench, "compose 4") == 1)
        with worker_process(bench.home, BEAT_S, NEVER_S, **given):
            bench.wait(lambda: alive(bench) == 2)
            began = time.monotonic()
            first.terminate()
            assert first.wait(60) == 0
            assert time.monotonic() - began < 20
            bench.wait(lambda: count(bench, "compose 4") == 2)
            go_on(bench)
            bench.wait_until_done()
    assert count(bench, f"post {question.answer_id}") == 1


def test_turns_are_fair_over_all_workers(bench: Bench) -> None:
    given = {"database_url": bench.settings.database_url, "workers": 1}
    hold(bench, "compose")
    ask_all(bench, CROWD, 40)
    with worker_process(bench.home, **given), worker_process(bench.home, **given):
        bench.wait(lambda: sum(line.startswith("compose ") for line in bench.log()) == 2)
        ask_all(bench, LONE, 3)
        go_on(bench)
        bench.wait_until_done()
    lone = {f"post {stable_id('a', LONE, 'issue_comment', number)}" for number in (1, 2, 3)}
    posted = [line for line in bench.log() if line.startswith("post ")]
    assert len(posted) == len(set(posted)) == 43
    assert lone <= set(posted[:12]), "one of two turns is theirs; what was given out before goes first"


def test_what_a_worker_that_stands_still_holds_locked_keeps_nobody_from_taking_over(bench: Bench) -> None:
    still, rows = Database(bench.settings.database_url), rows_of(bench.database)
    bench.ask(4)
    frozen = Dispatcher(still, still.session)
    frozen.join(1, timedelta(hours=1))
    (job,) = frozen.release()
    claimed = {"status": "PENDING", "executor_id": still.session, "application_name": "thumbprint"}
    with bench.database.unit() as unit:
        unit.connection.execute(rows.update().where(rows.c.workflow_uuid == job).values(claimed))
        unit.commit()
    silent = executors.update().values(beat_at=sa.func.now() - timedelta(hours=1))
    with bench.database.unit() as unit:
        unit.connection.execute(silent)
        unit.commit()
    with still.unit() as stopped:
        assert stopped.connection.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(LOCK)))
        stopped.connection.execute(rows.update().where(rows.c.workflow_uuid == job).values(status="PENDING"))
        stopped.connection.execute(silent)
        server_side = stopped.connection.scalar(sa.select(sa.func.pg_backend_pid()))
        assert isinstance(server_side, int)
        os.kill(server_side, signal.SIGSTOP)  # a busy server: a connection that ends does so in its own time
        goes_on = Timer(1, os.kill, (server_side, signal.SIGCONT))
        goes_on.start()
        with ThreadPoolExecutor(1) as pool:
            living = Dispatcher(bench.database, bench.database.session)
            assert pool.submit(living.take_over, timedelta(seconds=30)).result(60) == 1
        goes_on.join()
        with pytest.raises(DatabaseBusy):
            stopped.commit()
    assert not frozen.beat()
    still.dispose()


def test_of_many_that_see_a_death_exactly_one_takes_each_job(bench: Bench) -> None:
    dead, rows = Dispatcher(bench.database, "dead"), rows_of(bench.database)
    dead.join(20, timedelta(hours=1))
    for post_id in range(1, 21):
        bench.ask(post_id, number=post_id)
    assert len(dead.release()) == 20
    with bench.database.unit() as unit:
        claimed = {
            "status": "PENDING",
            "executor_id": "dead",
            "owner_xid": "x",
            "application_name": "thumbprint",
        }
        unit.connection.execute(rows.update().where(rows.c.queue_name == "threads").values(claimed))
        unit.connection.execute(
            executors.update().values(beat_at=unit.executors.now() - timedelta(minutes=1))
        )
        unit.commit()
    living = [Dispatcher(bench.database, f"living{number}") for number in range(8)]
    for one in living:
        with bench.database.unit() as unit:
            unit.executors.join(one._me, 1)
            unit.commit()
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda one: one.take_over(timedelta(seconds=30)), living))
    assert sum(taken) == 20
    assert sorted(taken)[-1] == 20, "in one transaction"
    assert bench.queue.unfinished() == {"ENQUEUED": 20}
    assert not dead.beat()


def test_beats_and_leases_are_told_by_the_servers_clock(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "datetime", None)
    with database.unit() as unit:
        unit.executors.join("w", 1)
        assert unit.executors.beat("w")
        assert unit.executors.bury(timedelta(seconds=30)) == []
        assert unit.executors.bury(timedelta(seconds=-1)) == ["w"]


@pytest.fixture
def database(bench: Bench) -> Database:
    return bench.database
