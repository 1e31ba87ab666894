"""The training verbs: what they print, and one sentence for what went wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import app


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
    assert "5 pairs and triplets, 5 demonstrations" in done.stdout
    assert (Path(done.stdout.splitlines()[-1]) / "manifest.json").is_file()


def test_corpus_build_needs_a_folder(data: Path) -> None:
    assert CliRunner().invoke(app, ["corpus", "build"]).exit_code == 2
