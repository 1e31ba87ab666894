"""Two nights at once are impossible, and nothing stale keeps one from beginning."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot import night_lock
from learning.training.night_journal import BEGUN
from storage.database import Database
from storage.records import Run

DATABASE = Database("sqlite:///unused.db")


def test_a_second_night_is_refused_in_one_sentence_while_the_first_is_at_work(tmp_path: Path) -> None:
    with night_lock.held(tmp_path, DATABASE):
        assert not night_lock.is_free(tmp_path)
        with (
            pytest.raises(night_lock.AtWork, match="Another night is at work: `thumbprint runs` shows it"),
            night_lock.held(tmp_path, DATABASE),
        ):
            raise AssertionError("two at once")
    assert night_lock.is_free(tmp_path)


def test_a_training_that_outlives_its_conductor_still_holds_the_lock(tmp_path: Path) -> None:
    with night_lock.held(tmp_path, DATABASE) as descriptor:
        child = subprocess.Popen(
            [sys.executable, "-c", "import time; time.sleep(600)"], pass_fds=[descriptor], close_fds=True
        )
    try:
        assert not night_lock.is_free(tmp_path)
    finally:
        child.kill()
        child.wait()
    assert night_lock.is_free(tmp_path)


def test_a_night_of_a_shared_database_is_left_for_a_day_to_the_machine_that_has_its_folder(
    tmp_path: Path,
) -> None:
    run = Run(id="one", started_at=datetime(2026, 11, 22, 3, tzinfo=UTC), folder=str(tmp_path))
    soon, late = (run.started_at + timedelta(hours=hours) for hours in (1, 25))
    assert night_lock.elsewhere(run, True, soon) and not night_lock.elsewhere(run, True, late)
    assert not night_lock.elsewhere(run, False, soon), "SQLite is one machine's"
    (tmp_path / BEGUN).write_text("{}")
    assert not night_lock.elsewhere(run, True, soon)
