"""Our PPO and TRL 1.12's, each in a process of its own, on a tiny model with the same reward."""

import json
import os
import sys
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from learning.training.bench_ppo import run
from learning.training.bench_ppo_options import Options
from learning.training.reward_model import Reading, RewardModel, open_encoder
from tests.unit.learning.models.tiny import write_model
from tests.unit.learning.training.tiny_encoder import write_encoder
from tests.unit.learning.training.toy import write_snapshot

TRL = Path(os.environ.get("THUMBPRINT_TRL_1_12", "var/trl-1.12/bin/python"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not TRL.is_file(), reason="there is no TRL 1.12: `make var/trl-1.12` makes it"),
]


def test_both_sides_learn_the_same_batches_and_are_compared(tmp_path: Path) -> None:
    encoder = write_encoder(tmp_path / "encoder")
    reward = RewardModel(open_encoder(encoder, "cpu"), reading=Reading())
    reward.save(tmp_path / "reward", {"encoder": "tiny"}, with_encoder=True)
    options = Options(
        model=write_model(tmp_path / "base"),
        data=write_snapshot(tmp_path / "snapshots"),
        reward=tmp_path / "reward",
        out=tmp_path / "out",
        cache=tmp_path,
        trl=TRL.absolute(),
        seeds=1,
        steps=3,
        batch=8,
        part=4,
        rollout=8,
        max_prompt=100,
        max_answer=8,
        threads=1,
    )
    figures = run(options, Console(file=StringIO()))
    assert [one.name for one in figures] == ["speed", "memory", "reward"]
    found = json.loads((options.out / "bench.json").read_text())
    for side in ("ours", "trl"):
        assert [len(each["steps"]) for each in found[side]] == [3]
        assert found[side][0]["steps"][0]["kl"] == pytest.approx(0.0, abs=1e-3)  # nothing learned yet
        assert all(-1.0 <= step["reward"] <= 1.0 for step in found[side][0]["steps"])
        assert found[side][0]["peak_mib"] > 100
    assert "| TRL 1.12 |" in (options.out / "bench.md").read_text()
    assert sys.executable not in (options.out / "bench.json").read_text()
    written = sorted(path.stat().st_mtime_ns for path in options.out.glob("*-0.json"))
    run(options, Console(file=StringIO()))  # all is there: nothing is measured again
    assert sorted(path.stat().st_mtime_ns for path in options.out.glob("*-0.json")) == written
