"""Supervised fine-tuning as a process: on the packaged policy, and killed in the midst of it."""

import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from learning import prompt
from learning.models.policy import Options as Asked
from learning.models.policy import Policy
from learning.training import artefact
from learning.training.rows import Split
from learning.training.sft import Options, run
from tests.integration.model_process import PLAIN, cache
from tests.unit.learning.models.tiny import write_model
from tests.unit.learning.training.demonstrations import demonstration, write_snapshot

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning"),
]


def test_the_packaged_policy_learns_in_a_handful_of_steps_and_is_served(tmp_path: Path) -> None:
    rows = [
        demonstration(
            number,
            Split.VALIDATION if number > 8 else Split.TRAIN,
            prompt=prompt.build(f"Which command runs part {number} of the tests?", ""),
            completion=f"Run `make check-{number}` at the root.",
        )
        for number in range(1, 11)
    ]
    options = Options(
        data=write_snapshot(tmp_path / "snapshots", rows),
        out=tmp_path / "out",
        cache=cache(),
        batch=4,
        accumulate=1,
        epochs=3,
        warmup=1,
        learning_rate=1e-3,
        threads=1,
    )
    manifest = run(options, console=Console(file=StringIO())).manifest
    assert manifest.metrics["steps"] == 6
    assert manifest.metrics["loss"] < manifest.metrics["loss_before"] / 4
    base = next((options.cache / "policy").iterdir())
    policy = Policy(base, adapter=options.out)
    said = [{"role": each.role, "content": each.content} for each in rows[9].prompt]
    asked = Asked(n=1, seed=1, temperature=0.0, max_tokens=24)
    assert "make check" in policy.write(policy.tokens.chat(said), asked)[0].text


def test_killed_with_9_and_started_again_it_writes_the_same_adapter(tmp_path: Path) -> None:
    base, data = write_model(tmp_path / "base"), write_snapshot(tmp_path / "snapshots")

    def start(out: str) -> "subprocess.Popen[str]":
        given = ["--data", data, "--out", tmp_path / out, "--model", base, "--cache", tmp_path]
        given += ["--rank", 4, "--batch", 2, "--accumulate", 1, "--epochs", 999, "--max-steps", 120]
        given += ["--checkpoint-every", 3, "--precision", "fp32", "--threads", 1, "--validation", 2]
        command = [sys.executable, "-m", "learning.training.sft", *map(str, given)]
        return subprocess.Popen(command, env=PLAIN, stderr=subprocess.PIPE, text=True)

    killed = start("killed")
    until = time.monotonic() + 300
    while not (tmp_path / ".killed-work" / "checkpoint-6" / "manifest.json").exists():
        assert killed.poll() is None
        assert time.monotonic() < until
        time.sleep(0.001)
    killed.kill()
    killed.communicate()
    assert killed.returncode == -9
    assert not (tmp_path / "killed").exists()
    for out in ("killed", "whole"):
        child = start(out)
        said = child.communicate(timeout=400)[1]
        assert child.returncode == 0, said
        assert "✓ adapter" in said
    assert artefact.read(tmp_path / "killed") == artefact.read(tmp_path / "whole")
    assert sorted(path.name for path in tmp_path.glob(".*")) == []
