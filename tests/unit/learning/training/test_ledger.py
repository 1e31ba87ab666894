"""What a training says is kept once a step, however often it was begun."""

from __future__ import annotations

import io
import resource

import pytest
from rich.console import Console

from learning.training.ledger import Ledger, read


def test_a_run_that_goes_on_writes_the_steps_after_its_checkpoint_anew(tmp_path):
    with Ledger(tmp_path, step=0, steps=5) as book:
        for step in (1, 2, 3):
            book.note(step, {"objective/reward": step / 10}, "")
    with (tmp_path / "metrics.jsonl").open("a") as stream:
        stream.write('{"step": 4, "objec')  # killed while it wrote
    with Ledger(tmp_path, step=2, steps=5) as book:
        book.note(3, {"objective/reward": 7.0}, "")
    assert read(tmp_path) == [
        {"step": 1, "objective/reward": 0.1},
        {"step": 2, "objective/reward": 0.2},
        {"step": 3, "objective/reward": 7.0},
    ]
    boards = [file.read_bytes() for file in (tmp_path / "tensorboard").iterdir()]
    assert len(boards) == 2 and all(b"objective/reward" in each for each in boards)


def test_a_full_disk_takes_no_line_that_was_there(tmp_path):
    with Ledger(tmp_path, step=0, steps=5) as book:
        for step in (1, 2, 3):
            book.note(step, {"objective/reward": step / 10}, "")
    before, (soft, hard) = read(tmp_path), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5, hard))  # no file may have more bytes than these
    try:
        with pytest.raises(OSError, match="too large"):
            Ledger(tmp_path, step=2, steps=5)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert read(tmp_path) == before


def test_the_bar_says_where_it_is_and_what_was_seen(tmp_path):
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with Ledger(tmp_path, step=0, steps=2, console=console) as book:
        book.note(1, {"objective/reward": 0.5}, "reward 0.500 · kl 1.20 · length 9.0")
    said = console.file.getvalue()
    assert "1/2" in said and "reward 0.500 · kl 1.20 · length 9.0" in said


def test_a_figure_that_is_no_number_is_not_written(tmp_path):
    with Ledger(tmp_path, step=0, steps=1) as book, pytest.raises(ValueError, match="JSON"):
        book.note(1, {"ppo/policy_loss": float("nan")}, "")
    assert read(tmp_path) == []
