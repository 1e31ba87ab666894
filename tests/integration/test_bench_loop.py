"""The small run of the measured loop, on the real model: what CI can afford of `thumbprint bench loop`."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from bot.bench import loop
from bot.settings import Settings

pytestmark = pytest.mark.slow


@pytest.mark.timeout(900)
def test_the_small_run_measures_the_learners_and_goes_on_where_it_was(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    console = Console(quiet=True)
    found = loop.run(settings, small=True, console=console)

    assert found["trials"]["cells"] == {"none": 3, "prompt": 3, "all": 3}
    for learner in ("none", "prompt", "all"):
        leaked = found["overall"][learner]["leakage"]
        assert (leaked["value"], leaked["n"]) == (0.0, 3.0), "one repository's feedback reached another"
    assert found["overall"]["none"]["side_effects"]["value"] == 0.0
    assert found["overall"]["none"]["broken"]["0"]["value"] > 0.3, "the rules do not bite"
    after = {name: found["overall"][name]["broken"]["2"]["value"] for name in ("none", "all")}
    assert after["all"] < after["none"], "being taught did not help at all"

    folder = tmp_path / "bench" / "loop-small"
    made = (folder / "generations.jsonl").read_text().count("\n")
    assert "| all | 3 |" in (folder / "report.md").read_text()
    trials = (folder / "trials.jsonl").read_text().splitlines(keepends=True)
    (folder / "trials.jsonl").write_text("".join(trials[:-2]))  # as if stopped before the last two trials
    again = loop.run(settings, small=True, console=console)
    assert (folder / "generations.jsonl").read_text().count("\n") == made, "generations were not reused"
    assert json.dumps(again, sort_keys=True) == json.dumps(found, sort_keys=True)
