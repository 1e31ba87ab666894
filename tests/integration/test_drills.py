"""The drills at a small size; `thumbprint drill` lists them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.drills.crashes import crashes
from bot.drills.full_disk import full_disk
from bot.drills.kills import kills
from bot.drills.questions import Figures, Questions
from bot.drills.repeats import repeats
from bot.drills.town import town
from bot.drills.unheard import unheard
from bot.reply import Marker, Why, render_body
from tests.contract.recorder import held_to_contract
from tests.integration.small_disk import small_disk
from tests.leaks import leaks_nothing
from webhooks.drills.outage import outage
from webhooks.drills.world import world

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
KILLS = 60
FAILED = 60


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where a drill's playground has its folder: it exchanges what GitHub would, and no secret is let out."""
    made = tmp_path_factory.mktemp("home")
    with held_to_contract(made / "playground"), leaks_nothing(made):
        yield made


def test_killed_again_and_again_nothing_is_lost_or_said_twice(home: Path) -> None:
    with town(home=home) as everything:
        done = kills(everything, count=KILLS, seed=0)
    assert done.killed.total() == KILLS and done.asked == 2 * KILLS
    assert done.at_work > 0 and done.held, str(done)


def test_a_second_answer_that_was_deleted_before_anybody_looked_is_counted(home: Path) -> None:
    """The sweep deletes what it finds, so that what stands in the end says little of a long drill."""
    done = Figures()
    with town(home=home) as everything:
        questions, here = Questions(everything), everything.repositories[0]
        number = questions.ask(here)
        questions.quieten()
        client = everything.github.client(here.installation_id, here.id)
        body = render_body("Run it.", Why(marker=Marker(answer_id="a_1")))
        client.delete_comment(here.full_name, client.create_comment(here.full_name, number, body))
        questions.quieten()
        questions.judge(done)
    assert (done.asked, done.lost, done.doubled, done.deleted) == (1, [], [], 1) and not done.held


def test_many_workers_on_postgresql_killed_again_and_again_lose_nothing_and_say_nothing_twice(
    url: str,
    home: Path,
) -> None:
    with town(database_url=url, workers=3, home=home) as everything:
        done = kills(everything, count=KILLS, seed=0)
    assert done.killed.total() == KILLS and done.asked == 2 * KILLS
    assert done.at_work > 0 and done.held, str(done)


def test_responses_that_are_lost_after_github_kept_the_comment_cost_no_second_one(home: Path) -> None:
    with town(home=home) as everything:
        done = unheard(everything, count=12, seed=0)
    assert done.held and done.unheard.total() >= 12, str(done)


def test_they_cost_no_second_one_where_many_workers_share_postgresql(url: str, home: Path) -> None:
    with town(database_url=url, workers=3, home=home) as everything:
        done = unheard(everything, count=12, seed=0)
    assert done.held and done.unheard.total() >= 12, str(done)


@pytest.mark.parametrize("where", ["sqlite", "postgresql"])
def test_a_worker_that_is_killed_at_named_points_of_an_answers_way_leaves_one_comment(
    where: str, home: Path, request: pytest.FixtureRequest
) -> None:
    """Each eighth of them; all of them stand in `test_posting.py`, where a death is an exception."""
    with town(database_url=database_of(where, request), home=home) as everything:
        done = crashes(everything, every=8)
    assert done.held and len(done.at) >= 4 and not done.missed, str(done)


def test_each_delivery_five_times_shuffled_is_answered_once_by_the_one_worker_of_a_file(home: Path) -> None:
    """Eight workers on PostgreSQL: `test_drills_jobs.py`."""
    with town(home=home) as everything:
        done = repeats(everything, count=12, times=5, seed=0)
    assert (done.asked, done.workers) == (12, 1) and done.sent == 5 * 12
    assert done.held, str(done)


def test_a_disk_that_was_full_for_a_while_loses_nothing_and_says_nothing_twice(
    tmp_path: Path, home: Path
) -> None:
    with small_disk(tmp_path, 24) as disk, town(under=disk, home=home) as everything:
        done = full_disk(everything, tmp_path, times=1)
    assert done.held and done.not_ready > 0, str(done)


@pytest.mark.parametrize("hours", [6, 71, 100])
@pytest.mark.parametrize("where", ["sqlite", "postgresql"])
def test_after_an_outage_each_delivery_is_sent_again_or_read_and_handled_once(
    where: str, hours: float, home: Path, request: pytest.FixtureRequest
) -> None:
    with world(home, database_of(where, request)) as everything:
        done = outage(everything, hours=hours, count=FAILED, seed=0)
    assert done.failed.total() >= FAILED and done.asked > FAILED / 2 and done.again, str(done)
    assert set(done.failed) == {"nobody", "swallowed", "unheard"}
    assert done.held, f"{done}; {done.lost} {done.doubled} {done.needless}"


def database_of(where: str, request: pytest.FixtureRequest) -> str:
    """The URL of an empty database; none for a file that a drill makes for itself."""
    return request.getfixturevalue("url") if where == "postgresql" else ""
