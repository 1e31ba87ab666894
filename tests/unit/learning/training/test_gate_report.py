from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from learning.training import gate_report
from learning.training.gate_report import GateReport
from learning.training.gate_rules import Figures, judge
from storage.errors import DataError, SetupError
from tests.unit.learning.training.gate_made import figures, interval


def report(found: Figures | None = None) -> GateReport:
    found = found or figures()
    return GateReport(
        run="gate-1", adapter="a" * 64, deployed="", checks=judge(found), figures=asdict(found), about={}
    )


def test_a_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert gate_report.read(tmp_path) is None
    gate_report.write(report(), "# Gate\n", tmp_path)
    found = gate_report.read(tmp_path)
    assert found is not None and found.passed and found.checks == report().checks
    assert (found.adapter, found.deployed, found.run) == ("a" * 64, "", "gate-1")
    assert (tmp_path / "gate.md").read_text() == "# Gate\n"
    assert found.figures["wins"]["low"] == 0.53
    assert sorted(file.name for file in tmp_path.iterdir()) == ["gate.json", "gate.md"]


def test_a_figure_that_is_no_number_is_null_and_not_a_pass(tmp_path: Path) -> None:
    nan = float("nan")
    gate_report.write(report(figures(wins=interval(nan, nan, nan))), "", tmp_path)
    found = gate_report.read(tmp_path)
    assert found is not None and not found.passed and found.failed == ("win rate",)
    assert found.figures["wins"]["value"] is None
    assert found.reason.startswith("1 of 24 checks failed (win rate):")


@pytest.mark.parametrize("change", ["passed", "checks", "adapter", "format"])
def test_a_report_that_was_changed_is_not_believed(tmp_path: Path, change: str) -> None:
    failing = report(figures(wins=None))
    gate_report.write(failing, "", tmp_path)
    told = json.loads((tmp_path / "gate.json").read_text())
    told[change] = {"passed": True, "checks": [], "adapter": "b" * 64, "format": "thumbprint-gate-0"}[change]
    (tmp_path / "gate.json").write_text(json.dumps(told))
    with pytest.raises(DataError, match="judge the adapter anew"):
        gate_report.read(tmp_path)


def test_a_report_with_a_check_too_few_has_not_passed() -> None:
    assert not replace(report(), checks=report().checks[:-1]).passed


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"format": "thumbprint-gate-1"}'])
def test_a_report_that_was_cut_off_is_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "gate.json").write_text(text)
    with pytest.raises(DataError, match="is damaged"):
        gate_report.read(tmp_path)


def test_what_cannot_be_written_is_a_sentence_and_leaves_no_report(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(SetupError, match="cannot be written"):
        gate_report.write(report(), "", tmp_path / "out")
