"""The drills of jobs at a small size, on PostgreSQL: it restarts, its disk is full, deliveries come again."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.drills.full_disk import full_disk
from bot.drills.questions import Figures, Questions
from bot.drills.repeats import repeats
from bot.drills.restarts import restarts
from bot.drills.town import town, wait_for, works
from tests.integration.postgres_server import Postgres, running
from tests.integration.test_drills import home
from webhooks.drills.world import wait_until

__all__ = ["home"]
DOWN_S = 3.0
DISK_MB = 128
FULL_FIRST_S = 4.0
"""So long the server serves on a full disk."""
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A server that the test restarts."""
    with running() as made:
        yield made


@pytest.fixture(scope="module")
def server(postgres: Postgres) -> str:
    return postgres.url


def test_a_database_that_restarts_again_and_again_loses_nothing_and_says_nothing_twice(
    postgres: Postgres, url: str, home: Path
) -> None:
    crashes = itertools.cycle([True, False])

    def restart() -> None:
        postgres.stop(crash=next(crashes))
        time.sleep(DOWN_S)
        postgres.start()

    with town(database_url=url, workers=2, home=home) as everything:
        done = restarts(everything, restart, times=4, every_s=(3.0, 6.0), seed=0)
    assert done.times == 4 and done.refused > 0, str(done)
    assert done.held, str(done)


def test_a_disk_of_postgresql_that_was_full_for_a_while_loses_nothing_and_says_nothing_twice(
    home: Path,
) -> None:
    """Its log gets no room either: the server ends, and cannot begin again while the disk is full."""
    with (
        running(DISK_MB) as postgres,
        postgres.supervised() as ended,
        town(database_url=f"{postgres.url}/postgres", home=home) as everything,
        ThreadPoolExecutor(1) as beside,
    ):
        broken = beside.submit(break_log, postgres, ended)
        done = full_disk(everything, postgres.data, times=1)
        broken.result()
    assert done.held and done.not_ready > 0, f"{done}; the server ended with {ended}"


def break_log(postgres: Postgres, ended: list[int]) -> None:
    """Once the disk is full, have the server write more of its log than there was room for, until it ends."""
    engine = sa.create_engine(f"{postgres.url}/postgres", poolclass=sa.pool.NullPool)
    wait_until((postgres.data / "ballast").exists, 120, "the disk was never full")
    time.sleep(FULL_FIRST_S)
    until = time.monotonic() + 10
    while not ended:
        assert time.monotonic() < until, "the server wrote its log though the disk was full"
        with suppress(sa.exc.OperationalError), engine.connect() as connection:
            connection.exec_driver_sql("SELECT pg_logical_emit_message(false, '', repeat('x', 16000000))")
        time.sleep(0.2)


def test_each_delivery_five_times_shuffled_over_eight_workers_is_answered_once(url: str, home: Path) -> None:
    with town(database_url=url, workers=8, home=home) as everything:
        done = repeats(everything, count=12, times=5, seed=0)
    assert (done.asked, done.workers) == (12, 8) and done.sent == 5 * 12
    assert done.held, str(done)


def test_what_a_killed_worker_left_is_answered_once_by_the_other_without_anybodys_help(
    url: str, home: Path
) -> None:
    with town(database_url=url, workers=2, home=home) as everything:
        questions, done = Questions(everything), Figures()
        first, second = everything.workers
        wait_for(lambda: works(first) and works(second), second)
        everything.model.hold.clear()
        asked = [questions.ask(repository) for repository in everything.repositories * 3]
        wait_for(lambda: everything.running() >= len(asked), second)  # at least two of them the first one's
        first.kill()
        first.wait_stopped(30)
        everything.model.hold.set()
        wait_for(lambda: everything.open_jobs() == 0, second)
        assert first.pid is None and second.restarts == 0 and second.pid is not None
        questions.judge(done)
        assert done.held and done.asked == len(asked), str(done)
        with everything.database.unit(read_only=True) as unit:
            assert len(unit.executors.alive()) == 1
