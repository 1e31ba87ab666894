"""The training verbs: what they print, and one sentence for what went wrong."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bot.cli import app
from learning.training import alternatives_options, bench_ppo_options, evaluate_options, rejection_options
from learning.training.arguments import parse
from learning.training.ppo_options import Options
from tests.unit.learning.models.tiny import write_model


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("THUMBPRINT_HOME", str(tmp_path / "var"))
    monkeypatch.setenv("COLUMNS", "200")
    answers = [{"rank": 0, "text": "Use sorted."}, {"rank": 1, "text": "See https://a.example."}]
    rows = [{"id": f"q{n}", "question": "How?", "answers": answers} for n in range(9)]
    (tmp_path / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def test_corpus_build_prints_the_filters_the_counts_and_the_folder(data: Path) -> None:
    done = CliRunner().invoke(app, ["corpus", "build", "--data", str(data), "--limit", "5"])
    assert done.exit_code == 0, done.output
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["answer-links", "9", "9"] in lines
    assert ["repeated-answer", "0", "0", "0", "0"] in lines
    assert "9 questions read, 5 kept" in done.stdout
    assert "5 pairs and triplets, 5 demonstrations, 0 good and 0 bad answers." in done.stdout
    assert "more than" not in done.stdout
    assert (Path(done.stdout.splitlines()[-1]) / "manifest.json").is_file()


def test_corpus_build_prints_what_a_cap_on_pairs_drops(data: Path) -> None:
    answers = [{"rank": rank, "text": f"Way {rank}."} for rank in range(6)]
    row = {"id": "q", "question": "How?", "answers": answers}
    (data / "questions.jsonl").write_text(json.dumps(row) + "\n")
    done = CliRunner().invoke(app, ["corpus", "build", "--data", str(data), "--pairs", "4"])
    assert done.exit_code == 0, done.output
    assert ["more", "than", "4", "pairs", "1", "11"] in [line.split() for line in done.stdout.splitlines()]
    assert "4 pairs and triplets, 1 demonstrations, 1 good and 1 bad answers." in done.stdout
    every = CliRunner().invoke(app, ["corpus", "build", "--data", str(data)])
    assert "15 pairs and triplets" in every.stdout


def test_corpus_build_needs_a_folder(data: Path) -> None:
    assert CliRunner().invoke(app, ["corpus", "build"]).exit_code == 2


class Gone(Exception):
    """Stands for the process that another program has taken over."""


def test_train_sft_becomes_the_stage_on_the_served_base_without_a_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found: list[Any] = []

    def execve(*given: Any) -> None:
        found.extend(given)
        raise Gone

    monkeypatch.setattr(os, "execve", execve)
    monkeypatch.setenv("THUMBPRINT_POLICY", "org/llama")
    monkeypatch.setenv("THUMBPRINT_WEBHOOK_SECRET", "s3cret")
    monkeypatch.setenv("HF_TOKEN", "s3cret")
    given = ["train", "sft", "--data", "s", "--out", "o", "--rank", "8", "--learning-rate", "2e-4"]
    with pytest.raises(Gone):
        CliRunner().invoke(app, given, catch_exceptions=False)
    program, command, env = found
    assert command[:3] == [program, "-m", "learning.training.sft"] == [sys.executable, *command[1:3]]
    flags = dict(zip(command[3::2], command[4::2], strict=True))
    assert (flags["--data"], flags["--out"], flags["--model"]) == ("s", "o", "org/llama")
    assert (flags["--rank"], flags["--learning-rate"]) == ("8", "2e-4")
    assert "s3cret" not in env.values()


def test_models_push_refuses_a_folder_that_nothing_trained(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["models", "push", str(tmp_path), "--to", "me/night"])
    assert done.exit_code == 1
    assert "no adapter and no reward model of ours" in str(done.exception)


def test_train_ppo_becomes_the_stage_with_all_that_was_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """And what it becomes is a command line that the stage understands."""
    found: list[Any] = []

    def execve(*given: Any) -> None:
        found.extend(given)
        raise Gone

    monkeypatch.setattr(os, "execve", execve)
    monkeypatch.setenv("THUMBPRINT_WEBHOOK_SECRET", "s3cret")
    base = write_model(tmp_path / "base")
    given = f"train ppo --model {base} --data d --reward r --out o --batch 32 --kl 9"
    with pytest.raises(Gone):
        CliRunner().invoke(app, given.split(), catch_exceptions=False)
    program, command, env = found
    assert command[:3] == [program, "-m", "learning.training.ppo"]
    wanted = Options(model=base, data=Path("d"), reward=Path("r"), out=Path("o"), batch=32)
    made = parse(Options, "", command[3:])
    assert made == replace(wanted, limits=replace(wanted.limits, kl=9.0), cache=made.cache)
    assert "s3cret" not in env.values()


def test_train_rejection_becomes_the_stage_on_the_served_base(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[Any] = []

    def execve(*given: Any) -> None:
        found.extend(given)
        raise Gone

    monkeypatch.setattr(os, "execve", execve)
    monkeypatch.setenv("THUMBPRINT_POLICY", "org/llama")
    given = "train rejection --data d --reward r --out o --attempts 4 --facts 9"
    with pytest.raises(Gone):
        CliRunner().invoke(app, given.split(), catch_exceptions=False)
    program, command, _ = found
    assert command[:3] == [program, "-m", "learning.training.rejection"]
    made = parse(rejection_options.Options, "", command[3:])
    assert (made.model, made.data, made.reward, made.out) == ("org/llama", Path("d"), Path("r"), Path("o"))
    assert (made.attempts, made.facts) == (4, 9)


@pytest.mark.parametrize("algorithm", ["dpo", "kto", "rloo", "ppo"])
def test_train_policy_becomes_the_stage_of_the_algorithm(
    algorithm: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found: list[Any] = []

    def execve(*given: Any) -> None:
        found.extend(given)
        raise Gone

    monkeypatch.setattr(os, "execve", execve)
    base = write_model(tmp_path / "base")
    given = f"train policy --algorithm {algorithm} --model {base} --data d --reward r --out o --rank 2"
    with pytest.raises(Gone):
        CliRunner().invoke(app, given.split(), catch_exceptions=False)
    command = found[1]
    if algorithm == "ppo":
        assert parse(Options, "", command[3:]).rank == 2
        return
    assert command[2] == "learning.training.alternatives"
    made = parse(alternatives_options.Options, "", command[3:])
    assert (made.algorithm, made.rank, made.reward, made.out) == (algorithm, 2, Path("r"), Path("o"))


def test_train_policy_by_ppo_without_a_reward_says_so() -> None:
    done = CliRunner().invoke(app, ["train", "policy", "--algorithm", "ppo", "--data", "d", "--out", "o"])
    assert done.exit_code == 1
    assert "PPO needs a reward" in str(done.exception)


def test_evaluate_metrics_hands_the_reward_model_on(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[Any] = []

    def execve(*given: Any) -> None:
        found.extend(given)
        raise Gone

    monkeypatch.setattr(os, "execve", execve)
    given = "evaluate metrics --data d --limit 9 --reward r --out o.json"
    with pytest.raises(Gone):
        CliRunner().invoke(app, given.split(), catch_exceptions=False)
    command = found[1]
    flags = dict(zip(command[3::2], command[4::2], strict=True))
    assert command[2] == "learning.training.metric_study"
    assert (flags["--data"], flags["--limit"], flags["--reward"]) == ("d", "9", "r")


def test_evaluate_policy_becomes_the_stage_with_every_system(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[Any] = []

    def execve(*given: Any) -> None:
        found.extend(given)
        raise Gone

    monkeypatch.setattr(os, "execve", execve)
    monkeypatch.setenv("THUMBPRINT_POLICY", "org/llama")
    monkeypatch.setenv("THUMBPRINT_WEBHOOK_SECRET", "s3cret")
    given = (
        "evaluate policy --data d --out o --adapter sft=a --adapter ppo=b --reward r --questions 9 --top-k 40"
    )
    with pytest.raises(Gone):
        CliRunner().invoke(app, given.split(), catch_exceptions=False)
    _, command, env = found
    made = parse(evaluate_options.Options, "", command[3:])
    assert made.systems == {"base": (None,), "sft": (Path("a"),), "ppo": (Path("b"),)}
    assert (made.model, made.reward, made.independent) == ("org/llama", Path("r"), None)
    assert (made.questions, made.sampling.top_k) == (9, 40)
    assert "s3cret" not in env.values()


def test_bench_ppo_becomes_the_stage_on_the_served_base(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found: list[Any] = []

    def execve(*given: Any) -> None:
        found.extend(given)
        raise Gone

    monkeypatch.setattr(os, "execve", execve)
    base = write_model(tmp_path / "base")
    given = f"bench ppo --model {base} --data d --reward r --out o --steps 3"
    with pytest.raises(Gone):
        CliRunner().invoke(app, given.split(), catch_exceptions=False)
    made = parse(bench_ppo_options.Options, "", found[1][3:])
    assert (found[1][2], made.model, made.steps) == ("learning.training.bench_ppo", base, 3)


def test_train_reward_takes_the_trainer_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[Any] = []

    def execve(*given: Any) -> None:
        found.extend(given)
        raise Gone

    monkeypatch.setattr(os, "execve", execve)
    with pytest.raises(Gone):
        given = "train reward --trainer trl --data d --out o --batch 3"
        CliRunner().invoke(app, given.split(), catch_exceptions=False)
    assert found[1][2] == "learning.training.reward_trl"
