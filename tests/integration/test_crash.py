"""kill -9 of the real worker at every point of an answer: one comment, not none, not two.

Everything is real but github.com and the model: the playground over HTTP, signed deliveries, the receiver,
the `thumbprint work` process, githubkit, the database and its queue.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.drills.scripted import ScriptedModel, scripted_model
from bot.ports import free_port
from bot.settings import NEVER, Settings
from storage.database import Database
from storage.records import AnswerStatus
from tests.integration.playground_fixture import Playground, playground_at
from tests.leaks import leaks
from webhooks.app import create_app
from webhooks.drills.world import served
from webhooks.playground.misbehave import Rule

pytestmark = pytest.mark.slow
WAIT_S = 180.0


@dataclass
class Loop:
    """The whole bot but for its worker, which a test starts and kills."""

    home: Path
    playground: Playground
    model: ScriptedModel
    settings: Settings
    database: Database

    @contextmanager
    def worker(self, *command: str) -> Iterator[subprocess.Popen[bytes]]:
        """`thumbprint work`, or what else Python is told to run in its place."""
        given = {name: value for name, value in os.environ.items() if not name.startswith("THUMBPRINT_")}
        ours = {
            "HOME": self.home,
            "PLAYGROUND": "true",
            "APP_ID": self.settings.app_id,
            "APP_SLUG": self.settings.app_slug,
            "PRIVATE_KEY_FILE": self.settings.private_key_file,
            "GITHUB_URL": self.settings.github_url,
            "MODEL_URL": self.model.url,
            "POLL_S": "1",
            "RETRAIN_AT": NEVER,
        }
        env = {**given, **{f"THUMBPRINT_{name}": str(value) for name, value in ours.items()}}
        with (self.home / "worker.log").open("ab") as said:
            process = subprocess.Popen(
                [sys.executable, *(command or ("-m", "bot", "work"))],
                env=env,
                cwd=Path(__file__).parents[2],
                stderr=said,
            )
            try:
                yield process
            finally:
                process.kill()
                process.wait()

    def misbehave(self, **rule: object) -> None:
        self.playground.state.misbehaviour.add(Rule.model_validate(rule))

    def statuses(self) -> list[AnswerStatus]:
        with self.database.unit(read_only=True) as unit:
            return [answer.status for answer in unit.answers.recent(10)]

    def wait(self, until: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WAIT_S
        while not until():
            assert time.monotonic() < deadline, (self.home / "worker.log").read_text()[-5000:]
            time.sleep(0.02)

    def settled(self) -> bool:
        """The answer is posted, and no job is left."""
        return self.statuses() == [AnswerStatus.POSTED] and not self.unfinished()

    def unfinished(self) -> int:
        """Jobs that are not done, but for polls and 👀."""
        query = (
            "SELECT count(*) FROM workflow_status"
            " WHERE name NOT IN ('poll', 'acknowledge') AND status <> 'SUCCESS'"
        )
        with self.database.engine.connect() as connection:
            return int(connection.exec_driver_sql(query).scalar_one())


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    port = free_port()
    with (
        scripted_model() as model,
        playground_at(tmp_path / "playground", f"http://127.0.0.1:{port}") as playground,
    ):
        settings = Settings(_env_file=None, home=tmp_path, model_url=model.url, **playground.settings())
        app = create_app(settings)
        with served(app, port):
            yield Loop(tmp_path, playground, model, settings, app.state.database)
        assert not leaks(tmp_path, playground.contract.exchanges.values())


def kill(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()


def one_answer(loop: Loop) -> None:
    """The asker sees exactly one comment, and the bot knows it."""
    time.sleep(1.5)  # time enough for a second comment to show itself
    [comment] = loop.playground.answers(1)
    assert loop.model.text.split(";")[0] in comment.body
    with loop.database.unit(read_only=True) as unit:
        [answer] = unit.answers.recent(10)
    assert answer.comment_id == comment.id


def test_without_a_kill_there_is_one_answer(loop: Loop) -> None:
    with loop.worker():
        loop.playground.say("ben-okafor", 1, "/ask How do I run the tests?")
        loop.wait(loop.settled)
        one_answer(loop)


def test_killed_while_the_model_writes(loop: Loop) -> None:
    loop.model.hold.clear()
    loop.playground.say("ben-okafor", 1, "/ask How do I run the tests?")
    with loop.worker() as first:
        loop.wait(lambda: loop.model.asked > 0)
        kill(first)
    assert loop.playground.answers(1) == []
    loop.model.hold.set()
    with loop.worker():
        loop.wait(loop.settled)
        one_answer(loop)


def test_killed_between_generating_and_posting(loop: Loop) -> None:
    loop.misbehave(kind="delay", method="POST", path="*/comments", seconds=600)
    loop.playground.say("ben-okafor", 1, "/ask How do I run the tests?")
    with loop.worker() as first:
        loop.wait(lambda: loop.statuses() == [AnswerStatus.INTENT])
        kill(first)
    assert loop.playground.answers(1) == []
    loop.playground.state.misbehaviour.clear()
    with loop.worker():
        loop.wait(loop.settled)
        one_answer(loop)


def test_killed_after_github_kept_the_comment_and_before_it_said_so(loop: Loop) -> None:
    loop.misbehave(kind="drop", method="POST", path="*/comments", status=0)
    loop.playground.say("ben-okafor", 1, "/ask How do I run the tests?")
    with loop.worker() as first:
        loop.wait(lambda: len(loop.playground.answers(1)) == 1)
        kill(first)
    assert loop.statuses() == [AnswerStatus.INTENT]
    with loop.worker():
        loop.wait(loop.settled)
        one_answer(loop)


def test_killed_again_and_again(loop: Loop) -> None:
    loop.playground.say("ben-okafor", 1, "/ask How do I run the tests?")
    for pause in (0.2, 0.6, 0.2, 1.0, 0.4):
        with loop.worker() as process:
            loop.wait(lambda: loop.database.last_beat("work") is not None)
            time.sleep(pause)
            kill(process)
    with loop.worker():
        loop.wait(loop.settled)
        one_answer(loop)


def test_asked_while_no_worker_ran(loop: Loop) -> None:
    loop.playground.say("ben-okafor", 1, "/ask How do I run the tests?")
    loop.playground.wait_for_deliveries()
    assert loop.unfinished() == 1
    with loop.worker():
        loop.wait(loop.settled)
        one_answer(loop)


def test_a_worker_that_is_asked_to_stop_stops_in_seconds_and_loses_nothing(loop: Loop) -> None:
    loop.model.hold.clear()
    loop.playground.say("ben-okafor", 1, "/ask How do I run the tests?")
    with loop.worker() as first:
        loop.wait(lambda: loop.model.asked > 0)
        first.terminate()
        assert first.wait(20) == 0
    loop.model.hold.set()
    with loop.worker():
        loop.wait(loop.settled)
        one_answer(loop)
