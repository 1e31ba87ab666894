"""Two nights at once are impossible, and nothing stale keeps one from beginning."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bot import night_lock
from storage.database import Database

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
