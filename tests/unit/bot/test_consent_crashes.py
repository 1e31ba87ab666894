"""A worker that dies anywhere while it asks who may train: a night begins once, and with whoever says yes.

The night itself is not carried out here: what is looked at is whom it would learn from at the moment at which
it is started. Left out: deaths in it (`test_night.py`), and what asking finds (`test_consent.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.config import PATH
from bot.consent import ASKED, ASKING, ask_due, may_begin
from bot.context import Context
from bot.drills.points import Points
from bot.learning_mode import follow_known
from bot.night_clock import Clock
from learning.training.export import scopes
from storage.records import Configuration, Learning
from tests.integration.whole import OWNER_OF, Whole, whole
from tests.unit.bot.crashing import each_death, living
from webhooks.playground import files, ownership

pytestmark = pytest.mark.slow

NAMES = ("inkwell", "sailcloth")
YES = "training: true\n"


class Evening:
    """Workers whose night is due, one after the other; `begun` are whom each night would learn from."""

    def __init__(self, app: Whole) -> None:
        self.app = app
        self.ids = {name: app.playground.repository(name).id for name in NAMES}
        self.begun: list[set[str]] = []
        self.points = Points()
        self.settings = app.context.settings.model_copy(update={"retrain_at": "* * * * *"})

    def say(self, name: str, text: str) -> None:
        files.write(self.app.state, OWNER_OF, self.app.playground.repository(name), PATH, text)

    def rows(self) -> list[Configuration]:
        with self.app.database.unit(read_only=True) as unit:
            found = [unit.configurations.get(number) for number in self.ids.values()]
        return [one for one in found if one is not None]

    def read_long_ago(self) -> None:
        """All said yes then, nobody asked since, and no night began."""
        self.begun.clear()
        then = datetime.now(UTC) - 2 * ASKED
        with self.app.database.unit() as unit:
            for row in self.rows():
                unit.repositories.set_learning(row.repository_id, Learning.ON)
                unit.configurations.keep(replace(row, training=True, learning=None, as_of=then))
            if (asking := unit.progress.mark(ASKING)) is not None:
                unit.progress.drop_mark(ASKING, asking)
            unit.commit()

    @contextmanager
    def worker(self, points: Points) -> Iterator[Context]:
        """One more of them. Who lives asks whoever said yes and was not asked since; then nobody."""
        since = datetime.now(UTC) - ASKED
        due = [one for one in self.rows() if one.training and (one.as_of is None or one.as_of < since)]
        self.points = points
        with living(self.settings, points) as context:
            yield context
            if points.at >= 0:
                return
            shown, refused = "before GET repositories/#", "before commit in consent.ask_due"
            asked = points.passed.count(shown) + points.passed.count(refused)
            assert asked == len(due), points.passed
            so_far = len(points.passed)
            assert ask_due(context, datetime.now(UTC)) and points.passed[so_far:] == []

    def start(self, command: list[str], **more: Any) -> Any:
        """In place of the night."""
        assert "--go-on" not in command
        self.points("before the night")
        with self.app.database.unit(read_only=True) as unit:
            found = {one.full_name for scope in scopes(unit) for one in scope.repositories}
        self.begun.append({one.partition("/")[2] for one in found})
        self.points("after the night")
        return SimpleNamespace(pid=0)


@pytest.fixture
def evening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Evening]:
    with whole(tmp_path) as app:
        app.round()
        made = Evening(app)
        for name in NAMES:
            made.say(name, YES)
            follow_known(app.context, made.ids[name])
        app.delivered()
        app.unreachable()
        monkeypatch.setattr("bot.night_clock.subprocess.Popen", made.start)
        yield made


def tick(context: Context) -> bool:
    """The clock's step, as in `bot/jobs.py`."""
    return Clock(context.settings, context.database, ask=lambda now: may_begin(context, now)).tick()


def judge(evening: Evening, at: str) -> None:
    """A night learned from the one who says yes by now; a second one began only where the first one died."""
    assert evening.begun == [{"sailcloth"}] * (2 if at.endswith("after the night") else 1), at


def test_a_night_learns_from_whoever_says_yes_and_nobody_else_though_its_worker_dies(
    evening: Evening,
) -> None:
    evening.say("inkwell", "training: false\n")
    evening.say("sailcloth", f"{YES}learning: frozen\n")
    must = ["after GET repositories", "after GET thumbprint.yml", "before the night", "after the night"]
    must += ["before commit in configurations", "after commit in configurations"]
    must += ["before commit in learning_mode", "after commit in learning_mode"]
    must += ["before commit in consent._mark", "after commit in consent._mark"]
    for at in each_death(evening.worker, tick, evening.read_long_ago, must=must):
        judge(evening, at)
        with evening.app.database.unit(read_only=True) as unit:
            learning = {one.id: one.learning for one in unit.repositories.all()}
        assert learning[evening.ids["sailcloth"]] is Learning.FROZEN, at


def test_whom_github_does_not_show_any_more_is_asked_for_once_and_trains_nothing(evening: Evening) -> None:
    ownership.select(evening.app.state, OWNER_OF, evening.app.playground.repository(), on=False)
    must = ["before commit in consent", "after commit in consent", "after the night"]
    for at in each_death(evening.worker, tick, evening.read_long_ago, must=must):
        judge(evening, at)
