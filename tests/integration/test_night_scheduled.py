"""A worker of its own begins a night by its clock: from what people said in a database to a verdict.

Nothing is replaced but GitHub, by the playground, and the networks, by tiny ones.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.config import PATH
from bot.environment import environment, variable
from bot.learning_mode import follow_known
from learning.training import night_journal
from storage.records import Actor, Run, RunStatus
from tests.integration.model_process import PLAIN
from tests.integration.test_export import edit, writes
from tests.integration.whole import OWNER_OF, Whole, whole
from tests.unit.learning.models.tiny import write_model
from tests.unit.learning.training.nights import OPTIONS
from tests.unit.learning.training.tiny_encoder import write_encoder
from webhooks.playground import files

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

THREADS = range(1, 61)
WRITERS = [Actor(id=100 + number, login=f"writer-{number}") for number in range(12)]
NIGHT_S = 400.0
ENDED = (RunStatus.KEPT, RunStatus.SKIPPED, RunStatus.FAILED, RunStatus.PROMOTED)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Whole]:
    base, encoder = write_model(tmp_path / "base", window=1024), write_encoder(tmp_path)
    with whole(
        tmp_path / "home",
        policy=str(base),
        encoder=str(encoder),
        model_cache=tmp_path / "cache",
        retrain_options=" ".join([*OPTIONS, "--max-prompt", "900", "--no-benchmark"]),
    ) as made:
        made.round()
        yield made


@contextmanager
def worker(app: Whole) -> Iterator[subprocess.Popen[bytes]]:
    """`thumbprint work`, whose night was due a minute ago."""
    settings, due = app.context.settings, datetime.now(UTC) - timedelta(minutes=1)
    again = {
        "retrain_at": f"{due.minute} {due.hour} * * *",
        "database_url": settings.resolved_database_url,
    }
    environ = {**PLAIN, "PYTHONPATH": os.pathsep.join(sys.path), "TZ": "UTC"}
    env = environment("work", settings, environ, {variable(name): value for name, value in again.items()})
    log = settings.home / "worker.log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "bot", "work"],
            env={**env, "PYTHONPATH": environ["PYTHONPATH"]},
            stdout=said,
            stderr=said,
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def ended(app: Whole, process: subprocess.Popen[bytes]) -> Run:
    """The newest run, once it has ended."""
    until = time.monotonic() + NIGHT_S
    log = app.context.settings.home / "worker.log"
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text()[-3000:]
        with app.database.unit(read_only=True) as unit:
            runs = unit.adapters.runs()
        if runs and runs[0].status in ENDED:
            return runs[0]
        time.sleep(0.2)
    night = app.context.settings.home / "logs" / "retrain.log"
    raise AssertionError((night if night.exists() else log).read_text()[-3000:])


def taught(app: Whole) -> None:
    """Many threads of inkwell, each with an answer that somebody who may write corrected."""
    repository = app.row(app.playground.repository().id)
    with app.database.unit() as unit:
        for number in THREADS:
            for write in writes(repository, number):
                write(unit)
            made = edit(repository, number)
            unit.feedback.append(replace(made, actor=WRITERS[number % len(WRITERS)]))
        unit.commit()


def test_at_its_time_a_worker_trains_on_what_people_said_and_the_gate_says_no(app: Whole) -> None:
    repository = app.playground.repository()
    files.write(app.playground.state, OWNER_OF, repository, PATH, "training: true\n")
    app.playground.wait_for_deliveries()
    follow_known(app.context, repository.id)
    taught(app)
    with worker(app) as process:
        run = ended(app, process)
        time.sleep(2 * app.context.settings.poll_s)  # the worker ticks on
        with app.database.unit(read_only=True) as unit:
            assert len(unit.adapters.runs()) == 1
    said = (app.context.settings.home / "logs" / "retrain.log").read_text()
    assert run.status is RunStatus.KEPT, (run.reason, said[-3000:])
    folder = Path(run.folder)
    assert night_journal.read(folder / night_journal.VERDICT)["adapter"] == run.adapter
    assert "memory" in run.reason
    assert (folder / "report.md").is_file()
    secret = app.context.settings.private_key_file
    assert secret is not None and secret.read_text().splitlines()[1] not in said
    with app.database.unit(read_only=True) as unit:
        assert unit.adapters.current() == []


def test_where_nobody_opted_in_the_night_says_so_and_is_no_failure(app: Whole) -> None:
    taught(app)
    with worker(app) as process:
        run = ended(app, process)
    assert (run.status, run.folder) == (RunStatus.SKIPPED, "")
    assert "No repository has opted in" in run.reason
    assert run.started_at > datetime.now(UTC) - timedelta(seconds=NIGHT_S)
