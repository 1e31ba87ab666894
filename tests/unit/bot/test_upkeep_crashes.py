"""A worker that dies anywhere in what it does by the clock: at each commit and each call, done once.

What was missed, an outage of days, a suspension. Left out: files and what was said while learning was frozen
(`test_learning_crashes.py`), drafts and second comments (`test_other_crashes.py`), and what calls nobody
(`test_erasing_crashes.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path

import pytest

from bot.catching_up import CATCH_UP, catch_up_due
from bot.closing import ASK
from bot.context import Context
from bot.control import cancel
from bot.drills.points import Pointed, Points
from bot.jobs import router_of
from bot.standing import ASKED_ALL, settle_due
from bot.sweeping import OPEN_SINCE, SWEPT, sweep, sweep_due
from tests.integration.whole import OWNER_OF, Whole, whole
from tests.unit.bot.crashing import die, each_death, living
from tests.unit.bot.test_answer import ASKER
from webhooks.playground import ownership

pytestmark = pytest.mark.slow


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Whole]:
    """The App with one repository, in which nothing is due."""
    with whole(tmp_path) as made:
        for repository in made.playground.state.reached(made.playground.credentials.installation_id):
            if repository != made.playground.repository():
                ownership.select(made.playground.state, OWNER_OF, repository, False)
        made.ask()
        made.round()
        yield made


def workers(app: Whole) -> Callable[[Points], AbstractContextManager[Context]]:
    return lambda points: living(app.context.settings, points)


def mark(app: Whole, name: str) -> datetime:
    with app.database.unit(read_only=True) as unit:
        found = unit.progress.mark(name)
    assert found is not None, name
    return found


def missed(app: Whole) -> None:
    """A question that no delivery brought here, and the sweep is due."""
    app.unreachable()
    app.ask()
    app.delivered()
    app.unreachable(False)
    app.clock.forward(minutes=6)


def test_what_is_missing_is_sent_again_and_taken_once(app: Whole) -> None:
    def again(context: Context) -> None:
        assert min(mark(app, SWEPT), mark(app, OPEN_SINCE)) <= missed_at, "it is looked for still"
        sweep_due(context, app.clock())
        app.delivered()

    def ready() -> None:
        nonlocal missed_at
        missed_at = app.clock()
        missed(app)

    missed_at, asked = app.clock(), len(app.jobs())
    must = ["before POST attempts", "after POST attempts"]
    must += ["before commit in sweeping.sweep", "after commit in sweeping.sweep"]
    for at in each_death(
        workers(app),
        lambda context: sweep_due(context, app.clock()),
        ready,
        again=again,
        must=must,
    ):
        asked += 1
        assert len(app.jobs()) == len(app.jobs(name="eyes/")) == asked, at
        sent = app.playground.deliveries()
        guid = sent[-1].guid
        assert sum(one.redelivery for one in sent if one.guid == guid) in (1, 2), at


def test_what_a_receiver_died_over_is_found_by_the_sweep_and_taken_once(
    app: Whole, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before its commit and after it: neither was acknowledged, and GitHub shows both as failed."""
    url = app.context.settings.resolved_database_url
    for point, attempts in ((0, 2), (1, 1)):
        asked, points = len(app.jobs()), Points(point, die)
        with monkeypatch.context() as doomed:
            doomed.setattr(app.receiver, "_database", Pointed(url, points))
            app.ask()
            app.delivered()
        assert points.passed[-1].startswith(("before commit", "after commit")[point])
        lost = app.playground.deliveries()[-1]
        assert (lost.event, lost.status_code) == ("issue_comment", 500)
        for _ in range(2):
            app.clock.forward(minutes=6)
            app.round()
        assert len(app.jobs()) == asked + 1
        assert len([one for one in app.playground.deliveries() if one.guid == lost.guid]) == attempts


def test_what_was_written_in_an_outage_of_days_is_read_and_asked_once(app: Whole) -> None:
    repository_id, asked = app.playground.repository().id, len(app.jobs())

    def outage() -> None:
        nonlocal asked
        app.unreachable()
        app.ask()
        app.playground.open_issue(ASKER, "A new thread", "/ask Opened while nobody listened?")
        app.delivered()
        asked += 2
        app.clock.forward(days=4)
        app.unreachable(False)

    def read(context: Context) -> None:
        sweep(context, app.clock())
        catch_up_due(context, router_of(context.settings), app.clock())

    def again(context: Context) -> None:
        with app.database.unit(read_only=True) as unit:
            heard = unit.repositories.heard_until(repository_id)
        assert heard is None or heard < app.clock() or len(app.jobs()) == asked, "heard, and not taken"
        read(context)

    must = ["after GET comments", "after commit in sweeping", "after commit in intake.take"]
    must += ["after commit in catching_up.catch_up", "after commit in catching_up.catch_up_due"]
    for at in each_death(workers(app), read, outage, again=again, must=must):
        app.delivered()
        assert len(app.jobs()) == len(app.jobs(name="eyes/")) == asked, at
        with app.database.unit(read_only=True) as unit:
            assert unit.repositories.heard_until(repository_id) == app.clock(), at
            assert unit.progress.marks(CATCH_UP) == {}, at


def test_what_a_suspension_cancelled_is_taken_up_once_and_what_was_written_in_it_is_read(app: Whole) -> None:
    installation_id, since = app.playground.credentials.installation_id, app.clock()

    def suspended() -> None:
        nonlocal since
        with app.database.unit() as unit:
            cancel(app.database, unit, unit.jobs.open_of(), "it is done")
            unit.progress.drop_mark(ASKED_ALL, mark(app, ASKED_ALL))
            for name, at in unit.progress.marks(CATCH_UP).items():
                unit.progress.drop_mark(name, at)
            unit.commit()
        app.ask()
        app.delivered()
        app.clock.forward(minutes=1)
        since = app.clock()
        for on in (True, False):
            ownership.suspend(app.playground.state, OWNER_OF, installation_id, on)
            app.delivered()
        assert app.waiting() == 0, "cancelled, and not taken up yet"

    def settle(context: Context) -> None:
        settle_due(context, app.clock())

    must = [
        "after GET installations",
        "after commit in standing.ask_for_all",
        "after commit in standing.settle",
    ]
    must += ["after commit in standing._open", "after commit in control.retry"]
    must += ["after commit in standing.settle_due"]
    for at in each_death(workers(app), settle, suspended, must=must):
        assert app.jobs("ENQUEUED") == app.jobs()[-1:], at
        with app.database.unit(read_only=True) as unit:
            assert [one for one in unit.jobs.open_of() if one.startswith("answer/")] == app.jobs()[-1:], at
            [read_from] = unit.progress.marks(CATCH_UP).values()
            assert read_from <= since, at
            assert unit.progress.marks(ASK) == {}, at
