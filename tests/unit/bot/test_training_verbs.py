"""The verbs hand a stage its options, and nothing that it need not know."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bot.cli import app


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[list[str], dict[str, str]]]:
    found: list[tuple[list[str], dict[str, str]]] = []

    def execve(path: str, command: list[str], env: dict[str, str]) -> Any:
        found.append((command[1:], env))
        raise SystemExit(0)

    monkeypatch.setattr(os, "execve", execve)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("THUMBPRINT_WEBHOOK_SECRET", "s3cret")
    monkeypatch.setenv("THUMBPRINT_MODEL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("GITHUB_TOKEN", "t0ken")
    return found


def test_train_reward_hands_on_every_option_and_no_secret(
    started: list[tuple[list[str], dict[str, str]]], tmp_path: Path
) -> None:
    given = ["train", "reward", "--data", "d", "--out", "o", "--loss", "pairwise", "--no-head"]
    assert CliRunner().invoke(app, given).exit_code == 0
    ((command, env),) = started
    assert command == [
        "-m", "learning.training.reward", "--data", "d", "--out", "o",
        "--cache", str(tmp_path / "cache"), "--loss", "pairwise", "--no-head",
    ]  # fmt: skip
    assert not {"GITHUB_TOKEN", "THUMBPRINT_WEBHOOK_SECRET"} & set(env)
    assert "s3cret" not in env.values() and "PATH" in env


def test_evaluate_reward_judges_the_untrained_encoder_where_no_model_is_named(
    started: list[tuple[list[str], dict[str, str]]],
) -> None:
    CliRunner().invoke(app, ["evaluate", "reward", "--data", "d", "--part", "test"])
    CliRunner().invoke(app, ["evaluate", "reward", "--data", "d", "--model", "m", "--out", "r"])
    first, second = (command for command, _ in started)
    assert (
        first[1] == "learning.training.reward_report"
        and first[2:4] == ["--data", "d"]
        and first[-2:] == ["--part", "test"]
    )
    assert second[2:8] == ["--data", "d", "--model", "m", "--out", "r"]
