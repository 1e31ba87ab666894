"""PPO under `accelerate launch`: two processes on the CPU make the update that one makes."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from learning.training import ledger
from tests.integration.launching import launcher
from tests.unit.learning.models.tiny import write_model
from tests.unit.learning.training.toy import write_snapshot

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


def run(count: int, base: Path, data: Path, out: Path) -> None:
    """The same program, in `count` processes."""
    program = ["-m", "tests.integration.ppo_program", *map(str, (base, data, out))]
    command = [sys.executable, *(shlex.split(launcher(2))[1:] if count == 2 else ()), *program]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count(f"{count} processes") == count


def test_two_processes_make_the_update_that_one_makes(tmp_path):
    """An odd batch, minibatches that two do not share evenly, answers of different lengths."""
    base, data = write_model(tmp_path / "base"), write_snapshot(tmp_path / "data")
    for count in (1, 2):
        run(count, base, data, tmp_path / str(count))
    one, two = (ledger.read(tmp_path / str(count)) for count in (1, 2))
    assert len(one) == len(two) == 2
    for line, other in zip(one, two, strict=True):
        for name, value in line.items():  # one token of ninety may be rounded over a clip's edge
            near = 0.02 if name.endswith("clip_fraction") else 1e-4
            assert other[name] == pytest.approx(value, rel=1e-3, abs=near), name
    weights = [load_file(tmp_path / str(n) / "adapter" / "adapter_model.safetensors") for n in (1, 2)]
    assert any(bool(each.abs().max() > 0.05) for name, each in weights[0].items() if "lora_B" in name)
    for name, each in weights[0].items():
        torch.testing.assert_close(weights[1][name], each, rtol=1e-2, atol=2e-3)
