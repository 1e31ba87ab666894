"""The small run of the measured loop, on the real model: what CI can afford of `thumbprint bench loop`.

Without its look at the learners half-way, of which nothing is claimed here and from which nothing is learned:
what they say before the first round and after the last is the same with it and without (`test_loop.py` looks
half-way, too).
"""

import json
import resource
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from bot.bench import loop
from bot.settings import Settings

pytestmark = pytest.mark.slow
MOST_CPU_S = 300.0
"""Processor time of the run and its model processes, on a machine with a core to spare."""


def spent_s() -> float:
    """Processor time of this process and of its children that have ended, in seconds."""
    of = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in of)


@pytest.mark.timeout(900)
def test_the_small_run_measures_the_learners_and_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "SMALL", replace(loop.SMALL, checkpoints=(0,)))
    settings = Settings(home=tmp_path)
    console = Console(quiet=True)
    before_s = spent_s()
    found = loop.run(settings, small=True, console=console)
    assert spent_s() - before_s < MOST_CPU_S, "the small run is no small run any more"

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
