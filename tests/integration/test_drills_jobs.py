"""The drills of jobs at a small size, on PostgreSQL: restarts of the database, deliveries that come again."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.drills.questions import Figures, Questions
from bot.drills.repeats import repeats
from bot.drills.restarts import restarts
from bot.drills.town import town, wait_for, works
from tests.integration.postgres_server import Postgres, running
from tests.integration.test_drills import home

__all__ = ["home"]
DOWN_S = 3.0
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
