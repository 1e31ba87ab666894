"""What was asked while nothing was heard, or while the App was suspended, stands answered on GitHub, once.

Playground, receiver, upkeep and worker are real; the model is scripted, and the clock is turned.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.drills.scripted import scripted_model
from tests.integration.answered import working
from tests.integration.whole import OWNER_OF, Whole, whole
from webhooks.drills.world import wait_until
from webhooks.playground import ownership

pytestmark = pytest.mark.slow


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Whole]:
    with scripted_model() as model, whole(tmp_path, model_url=model.url, model_name="policy") as made:
        made.round()
        yield made


def answered(app: Whole, *numbers: int) -> None:
    """A worker does what there is to do; then each thread has one answer."""
    with working(app.context):
        wait_until(
            lambda: not app.waiting() and not app.jobs("ENQUEUED", "PENDING", name="eyes/"), 120, "jobs"
        )
    assert [len(app.playground.answers(number)) for number in numbers] == [1] * len(numbers)


def test_what_was_missed_for_an_hour_is_sent_again_and_answered_once(app: Whole) -> None:
    app.unreachable()
    app.ask()
    app.playground.wait_for_deliveries()
    app.clock.forward(hours=1)
    app.unreachable(False)
    for _ in range(2):
        app.round()
        app.clock.forward(minutes=6)
    answered(app, 1)


def test_what_was_missed_for_more_than_three_days_is_read_and_answered_once(app: Whole) -> None:
    app.unreachable()
    app.ask()
    app.playground.wait_for_deliveries()
    app.clock.forward(days=4)
    app.ask("/ask Where is the page size?", 2)
    app.playground.wait_for_deliveries()
    app.unreachable(False)
    for _ in range(3):
        app.clock.forward(minutes=6)
        app.round()
    answered(app, 1, 2)


def test_what_was_asked_before_and_during_a_suspension_is_answered_once_it_ends(app: Whole) -> None:
    number = app.playground.credentials.installation_id
    app.ask()
    app.playground.wait_for_deliveries()
    ownership.suspend(app.playground.state, OWNER_OF, number)
    app.playground.wait_for_deliveries()
    app.clock.forward(minutes=20)
    app.ask("/ask Where is the page size?", 2)
    app.round()
    ownership.suspend(app.playground.state, OWNER_OF, number, False)
    app.round()
    app.clock.forward(minutes=6)
    app.round()
    answered(app, 1, 2)
