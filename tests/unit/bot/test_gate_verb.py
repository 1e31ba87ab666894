"""`thumbprint gate` takes the evidence and hands it to the stage; `thumbprint drill adapters` is one, too."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bot.bench import evidence, loop
from bot.bench.results import Results
from bot.cli import app
from bot.settings import Settings
from learning.models import adapters, store
from learning.models.adapters import Manifest
from learning.training import gate_memory
from storage.errors import ModelError


@pytest.fixture
def adapter(tmp_path: Path) -> Callable[[str], Path]:
    def make(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for file in adapters.NEEDED:
            (folder / file).write_text(name)
        about = Manifest(
            stage="sft", run=name, base="b", base_name="b", template="t", template_version="t4", snapshot="s",
            files={file: store.sha256_of(folder / file) for file in adapters.NEEDED},
        )  # fmt: skip
        (folder / adapters.MANIFEST).write_text(about.text())
        return folder

    return make


Runs = list[tuple[str, Path]]


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Which adapter each run of the loop was of, and what courses it found there."""
    found: Runs = []

    def run(settings: Settings, *, out: Path, **told: Any) -> dict[str, Any]:
        assert told["small"] and told["learners"] == ("all",) and settings.model_url == ""
        found.append((Path(settings.adapter).name if settings.adapter else "", out))
        out.mkdir(parents=True, exist_ok=True)
        courses = out / "courses.json"
        if not courses.exists():
            courses.write_text(f"courses of {settings.adapter or 'the base'}")
        share = {"value": 0.0, "n": 3.0}
        broken = {"value": 0.1 if settings.adapter else 0.2, "n": 9.0}
        return {"overall": {"all": {"broken_taught": broken, "side_effects": share, "leakage": share}}}

    monkeypatch.setattr(loop, "run", run)
    return found


def test_both_policies_are_examined_on_the_same_exercises_and_the_gate_reads_it(
    runs: Runs, adapter: Callable[[str], Path], tmp_path: Path
) -> None:
    settings, candidate = Settings(home=tmp_path / "home"), adapter("candidate")
    file = evidence.measure(settings, candidate, None)
    assert [name for name, _ in runs] == ["", "candidate"]
    assert (runs[1][1] / "courses.json").read_text() == "courses of the base"
    manifest = adapters.read(candidate)
    assert manifest is not None
    found = gate_memory.read(file, adapter=manifest.id, deployed="")
    assert (found.candidate.broken, found.serving.broken, found.worse) == (0.1, 0.2, "")


def test_each_pair_of_adapters_has_a_folder_and_the_serving_half_is_shared(
    runs: Runs, adapter: Callable[[str], Path], tmp_path: Path
) -> None:
    settings, old = Settings(home=tmp_path / "home"), adapter("old")
    first, second = (evidence.measure(settings, adapter(name), old) for name in ("one", "two"))
    assert first != second
    assert runs[0][1] == runs[2][1] and len({folder for _, folder in runs}) == 3
    assert json.loads(first.read_text())["deployed"] == json.loads(second.read_text())["deployed"] != ""


def test_what_another_version_measured_is_measured_anew_and_ends_no_night(
    runs: Runs, adapter: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, candidate = Settings(home=tmp_path / "home"), adapter("candidate")
    file = evidence.measure(settings, candidate, None)
    monkeypatch.setattr(loop, "run", recorded(loop.run))
    for _, out in runs:
        Results(out / "trials.jsonl", "of an earlier version")
        (out / "courses.json").write_text("of an earlier version")
    (runs[0][1] / "courses.json").write_text("of this version")
    assert evidence.measure(settings, candidate, None) == file
    assert [name for name, _ in runs] == ["", "candidate"] * 2
    assert (runs[1][1] / "courses.json").read_text() == "of this version", "the very same exercises"


def recorded(run: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """The same run, once the trials that are kept are known to be of this version."""

    def checked(settings: Settings, *, out: Path, **told: Any) -> dict[str, Any]:
        Results(out / "trials.jsonl", "of this version")
        return run(settings, out=out, **told)

    return checked


def test_what_is_no_adapter_of_ours_is_refused_before_anything_runs(runs: Runs, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no adapter of ours"):
        evidence.measure(Settings(home=tmp_path), tmp_path, None)
    assert runs == []


Started = list[list[str]]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Started:
    found: Started = []

    def execve(path: str, command: list[str], env: dict[str, str]) -> Any:
        assert "s3cret" not in env.values()
        found.append(command[1:])
        raise SystemExit(0)

    monkeypatch.setattr(os, "execve", execve)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("THUMBPRINT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("THUMBPRINT_WEBHOOK_SECRET", "s3cret")
    monkeypatch.setenv("THUMBPRINT_MODEL_CACHE", str(tmp_path / "cache"))
    return found


def test_the_gate_gets_its_evidence_and_every_option(
    runs: Runs, started: Started, adapter: Callable[[str], Path]
) -> None:
    given = ["gate", "--candidate", str(adapter("new")), "--deployed", str(adapter("old")), "--data", "d"]
    given += ["--independent", "r", "--out", "o", "--limit", "9", "--kl", "0.5"]
    assert CliRunner().invoke(app, given).exit_code == 0
    ((_, module, *rest),) = started
    assert module == "learning.training.gate"
    flags = dict(zip(rest[::2], rest[1::2], strict=True))
    assert Path(flags["--adapter"]).name == "new" and Path(flags["--deployed"]).name == "old"
    assert (flags["--independent"], flags["--limit"], flags["--kl"]) == ("r", "9", "0.5")
    assert Path(flags["--memory"]).is_file() and [name for name, _ in runs] == ["old", "new"]


def test_without_the_benchmark_there_is_no_evidence(
    runs: Runs, started: Started, adapter: Callable[[str], Path]
) -> None:
    given = ["gate", "--candidate", str(adapter("new")), "--data", "d", "--out", "o", "--no-memory"]
    assert CliRunner().invoke(app, given).exit_code == 0
    assert "--memory" not in started[0] and runs == []


def test_planted_adapters_are_a_stage(started: Started) -> None:
    given = ["drill", "adapters", "--data", "d", "--independent", "r", "--out", "o", "--steps", "3"]
    assert CliRunner().invoke(app, given).exit_code == 0
    assert started[0][1] == "learning.training.planted" and started[0][-2:] == ["--steps", "3"]
