from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from learning.training.gate_memory import FORMAT, Memory, Obeyed, read
from storage.errors import DataError


def report(broken: float, rules: float = 9.0) -> dict[str, Any]:
    share = {"value": 0.0, "n": 3.0}
    return {
        "overall": {
            "all": {
                "broken": {"0": {"value": 0.9, "n": 9.0}, "10": {"value": 0.5, "n": 9.0}},
                "broken_taught": {"value": broken, "n": rules},
                "side_effects": share,
                "leakage": share,
            }
        },
    }


def evidence(**changes: Any) -> dict[str, Any]:
    told = {"format": FORMAT, "adapter": "a" * 64, "deployed": ""}
    return {**told, "candidate": report(0.0), "serving": report(0.1), **changes}


def write(folder: Path, told: object) -> Path:
    file = folder / "memory.json"
    file.write_text(json.dumps(told))
    return file


def test_what_was_taught_to_the_whole_bot_is_what_counts(tmp_path: Path) -> None:
    found = read(write(tmp_path, evidence()), adapter="a" * 64, deployed="")
    before = Obeyed(broken=0.1, looked_at=9, side_effects=0.0, leakage=0.0)
    assert found.serving == before and found.candidate.broken == 0.0
    assert found.worse == ""
    assert Memory(candidate=found.serving, serving=found.candidate).worse == "taught rules are broken oftener"


@pytest.mark.parametrize(
    "told",
    [
        {},
        [],
        evidence(format="another"),
        evidence(candidate={}),
        evidence(serving={"overall": {"all": {"broken": {"10": {"value": 0.0, "n": 9.0}}}}}),
        evidence(candidate={**report(0.0), "overall": {}}),
        {key: value for key, value in evidence().items() if key != "deployed"},
    ],
)
def test_what_is_no_evidence_is_refused_in_a_sentence(tmp_path: Path, told: object) -> None:
    with pytest.raises(DataError, match="holds no evidence about the phrase memory"):
        read(write(tmp_path, told), adapter="a" * 64, deployed="")
    with pytest.raises(DataError, match="holds no evidence"):
        read(tmp_path / "nowhere.json", adapter="a" * 64, deployed="")


@pytest.mark.parametrize("about", [{"adapter": "b" * 64}, {"deployed": "b" * 64}])
def test_evidence_about_another_adapter_is_no_evidence(tmp_path: Path, about: dict[str, str]) -> None:
    with pytest.raises(DataError, match="run the benchmark anew"):
        read(write(tmp_path, evidence(**about)), adapter="a" * 64, deployed="")


@pytest.mark.parametrize(("ours", "theirs"), [(0, 9), (2, 9), (9, 2), (0, 0)])
def test_a_benchmark_that_looked_at_next_to_nothing_shows_nothing(
    tmp_path: Path, ours: int, theirs: int
) -> None:
    told = evidence(candidate=report(0.0, ours), serving=report(0.0, theirs))
    found = read(write(tmp_path, told), adapter="a" * 64, deployed="")
    assert f"looked at {ours} and {theirs} rules that had been taught" in found.worse


def test_how_many_rules_each_run_taught_may_differ(tmp_path: Path) -> None:
    told = evidence(candidate=report(0.1, 6), serving=report(0.1, 9))
    found = read(write(tmp_path, told), adapter="a" * 64, deployed="")
    assert found.worse == "" and found.found == (
        "10.0% of 6 rules broken after they were taught, 10.0% of 9 with the serving policy"
    )
