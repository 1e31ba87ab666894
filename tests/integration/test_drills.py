"""The drills at a small size; `thumbprint drill` lists them."""

from __future__ import annotations

import pytest

from bot.drills.kills import kills
from bot.drills.town import town
from tests.integration.postgres_server import server, url

__all__ = ["server", "url"]
pytestmark = pytest.mark.slow
KILLS = 30


def test_killed_again_and_again_nothing_is_lost_or_said_twice() -> None:
    with town() as everything:
        done = kills(everything, count=KILLS, seed=0)
    assert done.killed.total() == KILLS and done.asked == 2 * KILLS
    assert done.at_work > 0 and done.held, str(done)


def test_many_workers_on_postgresql_killed_again_and_again_lose_nothing_and_say_nothing_twice(
    url: str,
) -> None:
    with town(database_url=url, workers=3) as everything:
        done = kills(everything, count=KILLS, seed=0)
    assert done.killed.total() == KILLS and done.asked == 2 * KILLS
    assert done.at_work > 0 and done.held, str(done)
