"""`thumbprint retrain` and `thumbprint runs`: exit codes, and one line a night that says why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot import night_training
from bot.cli import app
from storage.database import Database
from storage.errors import ConfigurationError, Gone
from storage.records import Run, RunStatus
from tests.unit.learning.training.nights import write_data

START = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("THUMBPRINT_ENV_FILE", "")
    monkeypatch.setenv("THUMBPRINT_HOME", str(tmp_path))
    return tmp_path


def test_too_little_data_is_said_and_the_exit_code_is_0(home: Path) -> None:
    data = write_data(home / "data", 3)
    done = CliRunner().invoke(app, ["retrain", "--data", str(data), "--steps", "7"])
    assert done.exit_code == 0, done.output
    assert "skipped. There are" in done.output and "and 50 are needed" in done.output
    listed = CliRunner().invoke(app, ["runs"])
    assert "skipped" in listed.output and "50 are needed" in " ".join(listed.output.split())


def test_a_night_that_failed_has_exit_code_1(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = write_data(home / "data", 40)
    monkeypatch.setattr(night_training.subprocess, "Popen", _Ended)
    done = CliRunner().invoke(app, ["retrain", "--data", str(data), "--least", "20"])
    assert done.exit_code == 1
    assert "failed. The training process ended without a word (exit code 3)" in done.output


class _Ended:
    """A training process that ended at once."""

    pid, returncode = 0, 3

    def __init__(self, *given: object, **more: object) -> None:
        pass

    def poll(self) -> int:
        return 3


def test_a_run_is_shown_by_the_beginning_of_its_name(home: Path) -> None:
    database = Database(f"sqlite:///{home}/playground.db")
    database.migrate()
    with database.unit() as unit:
        unit.adapters.add_run(Run(id="20261122-030000-shared", started_at=START))
        unit.adapters.end_run(
            "20261122-030000-shared", RunStatus.FAILED, START + timedelta(hours=1), reason="It broke."
        )
        unit.commit()
    database.dispose()
    shown = CliRunner().invoke(app, ["runs", "20261122"])
    assert shown.output.startswith("# The night failed; nothing was promoted\n\nIt broke.")
    unknown = CliRunner().invoke(app, ["runs", "1999"])
    assert isinstance(unknown.exception, Gone)


def test_a_reason_with_brackets_is_listed_as_it_is(home: Path) -> None:
    done = CliRunner().invoke(app, ["retrain", "[/x]", "[dim]"])
    assert done.exit_code == 1
    listed = CliRunner().invoke(app, ["runs"])
    assert listed.exit_code == 0 and "unrecognized arguments: [/x] [dim]" in " ".join(listed.output.split())


def test_a_snapshot_and_a_repository_are_not_both_learned_from(home: Path) -> None:
    done = CliRunner().invoke(app, ["retrain", "--data", str(home), "--repo", "octo/one"])
    assert isinstance(done.exception, ConfigurationError) and "--repo" in str(done.exception)


def test_before_the_first_night_it_says_how_to_begin_one(home: Path) -> None:
    assert "No night yet: `thumbprint retrain`" in CliRunner().invoke(app, ["runs"]).output
