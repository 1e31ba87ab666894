"""The second half of the table in `bad_input.py`: what fails on our side. Model, database, processes."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import httpx
import sqlalchemy as sa

from bot.ports import free_port
from bot.settings import Settings
from learning.models import hub
from storage.records import AnswerStatus
from tests.integration.bad_input import ROOT, answered, ask
from tests.integration.real_model import RealModel
from tests.integration.test_crash import Loop, one_answer


def model_back(loop: Loop, model: RealModel) -> None:
    model.kill()
    ask(loop, "How do I run the tests?")
    with loop.worker():
        loop.wait(lambda: "step_waits" in (loop.home / "worker.log").read_text())
        assert loop.playground.answers(1) == []
        model.start()
        answered(loop)


IMPATIENT = """
from bot import jobs, retry
from bot.commands.shared import load_settings
retry.PATIENCE["ModelUnavailable"] = retry.Patience(first_s=0.2, longest_s=0.2, total_s=0.5)
jobs.work(load_settings())
"""


def model_gone(loop: Loop) -> None:
    """The model never comes back; how long it is waited for (10 minutes) is shortened, nothing else."""
    loop.model.url = f"http://127.0.0.1:{free_port()}/v1"
    asked = ask(loop, "How do I run the tests?")
    with loop.worker("-c", IMPATIENT):
        loop.wait(lambda: loop.statuses() == [AnswerStatus.FAILED] and not loop.unfinished())
    [comment] = loop.playground.answers(1)
    assert "the model was not to be reached. To try again, ask once more" in comment.body
    reactions = loop.playground.state.reactions_to(asked)
    assert sorted(one.content for one in reactions) == ["confused", "eyes"]


def redeliver_and_answer(loop: Loop) -> None:
    """The delivery failed where a person sees it; redelivered, its question is answered."""
    [sent] = loop.playground.wait_for_deliveries()
    assert sent.status_code == 503
    assert loop.unfinished() == 0
    url = f"{loop.playground.base_url}/playground/deliveries/{sent.id}/redeliver"
    httpx.post(url, trust_env=False).raise_for_status()
    with loop.worker():
        answered(loop)


def database_locked(loop: Loop) -> None:
    with loop.database.engine.connect() as other:
        other.exec_driver_sql("BEGIN IMMEDIATE")
        ask(loop, "How do I run the tests?")
        [sent] = loop.playground.wait_for_deliveries()
        other.connection.rollback()
    assert "locked by another process" in sent.response_body
    redeliver_and_answer(loop)


def database_full(loop: Loop) -> None:
    engine = loop.database.engine
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()

    def limit(connection: Any, record: Any) -> None:
        connection.execute(f"PRAGMA max_page_count={pages}")

    engine.dispose()  # every connection from now on is made under the limit
    sa.event.listen(engine, "connect", limit)
    ask(loop, "Where does it say how the tests are run? " * 500)
    [sent] = loop.playground.wait_for_deliveries()
    assert "is full: free some space" in sent.response_body
    sa.event.remove(engine, "connect", limit)
    engine.dispose()
    redeliver_and_answer(loop)


IMPATIENT_DATABASE = """
import os
from pathlib import Path
import sqlalchemy as sa
from bot import jobs
from bot.commands.shared import load_settings
from storage.database import Database

jobs.Database = lambda url, busy_timeout_s: Database(url, busy_timeout_s=0.3)
full = Path(os.environ["THUMBPRINT_HOME"], "full")

@sa.event.listens_for(sa.pool.Pool, "checkout")
def limit(connection, *_):
    connection.execute(f"PRAGMA max_page_count={1 if full.exists() else 2**30}")

jobs.work(load_settings())
"""
"""`thumbprint work` that waits for no writer for long; its database is full while HOME/full is there."""


def worker_locked_out(loop: Loop) -> None:
    loop.model.hold.clear()
    ask(loop, "How do I run the tests?")
    with loop.worker("-c", IMPATIENT_DATABASE):
        loop.wait(lambda: loop.model.asked > 0)
        with loop.database.engine.connect() as other:
            other.exec_driver_sql("BEGIN IMMEDIATE")
            loop.model.hold.set()
            loop.wait(lambda: "is locked by another process" in (loop.home / "worker.log").read_text())
            assert loop.playground.answers(1) == []
            other.connection.rollback()
        answered(loop)


def worker_without_room(loop: Loop) -> None:
    steps = ", ".join(f"suite {number} covers module {number * 7}" for number in range(400))
    loop.model.text = f"Run the tests with make test; {steps}."
    loop.model.hold.clear()
    ask(loop, "How do I run the tests?")
    with loop.worker("-c", IMPATIENT_DATABASE) as process:
        loop.wait(lambda: loop.model.asked > 0)
        (loop.home / "full").touch()
        loop.model.hold.set()
        loop.wait(lambda: "is full: free some space" in (loop.home / "worker.log").read_text())
        assert loop.playground.answers(1) == []
        (loop.home / "full").unlink()
        loop.wait(lambda: loop.settled() or process.poll() == 1)
    with loop.worker():
        answered(loop)


def started(loop: Loop, verb: str, **settings: object) -> tuple[int, str]:
    """Start one of our processes that is expected to end at once: its exit code and what it said."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("THUMBPRINT_")}
    ours = {f"THUMBPRINT_{name.upper()}": str(value) for name, value in settings.items()}
    ended = subprocess.run(
        [sys.executable, "-m", "bot", verb],
        env=kept | {"THUMBPRINT_HOME": str(loop.home), "COLUMNS": "1000"} | ours,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return ended.returncode, ended.stderr


def one_sentence(ended: tuple[int, str], words: str) -> None:
    code, said = ended
    lines = [line for line in said.splitlines() if line.strip()]
    assert code == 1, said
    assert len([line for line in lines if words in line]) == 1, said
    assert "Traceback" not in said


def no_secret(loop: Loop) -> None:
    one_sentence(started(loop, "serve", port=free_port()), "set THUMBPRINT_WEBHOOK_SECRET")


def two_servers(loop: Loop) -> None:
    same = {"app_id": loop.settings.app_id, "database_url": loop.settings.resolved_database_url}
    given = {"port": free_port(), "webhook_secret": "s", **same}
    one_sentence(started(loop, "serve", **given), "already used by another `thumbprint serve`")
    ask(loop, "How do I run the tests?")
    with loop.worker():
        loop.wait(lambda: loop.database.last_beat("work") is not None)
        key = loop.settings.private_key_file
        second = started(loop, "work", private_key_file=key, model_url="http://x/v1", **same)
        one_sentence(second, "already used by another `thumbprint work`")
        loop.wait(loop.settled)
        one_answer(loop)


def _model_with(loop: Loop, kind: str) -> tuple[int, str]:
    """Start the model process with zeros in the place of one model's weights, size and name unchanged."""
    cache, home = Settings(_env_file=None).model_cache.expanduser(), loop.home / "cache"
    hub.pull(cache)
    for file in cache.rglob("*"):
        if file.is_file():
            there = home / file.relative_to(cache)
            there.parent.mkdir(parents=True, exist_ok=True)
            there.symlink_to(file)
    served = hub.resolve("packaged", kind, cache).relative_to(cache)
    weights = home / served / "model.safetensors"
    size = weights.stat().st_size
    weights.unlink()
    with weights.open("wb") as zeros:
        zeros.truncate(size)
    return started(loop, "model", model_cache=home, model_port=free_port())


def policy_damaged(loop: Loop) -> None:
    one_sentence(_model_with(loop, "policy"), "model.safetensors")


def encoder_damaged(loop: Loop) -> None:
    one_sentence(_model_with(loop, "encoder"), "model.safetensors")
