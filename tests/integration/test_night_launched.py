"""A night whose fine-tuning and PPO run in several processes: one adapter, as of one; none is left behind."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file

from learning.training import artefact, launched, night_journal, retrain, seen, sft
from learning.training.sft import LOSSES
from learning.training.sft_options import Options
from storage.errors import TrainingError
from tests.integration.launching import launcher
from tests.unit.learning.models.tiny import write_model
from tests.unit.learning.training.demonstrations import write_snapshot
from tests.unit.learning.training.nights import recipe, write_data
from tests.unit.learning.training.tiny_encoder import write_encoder

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning"),
]


def quiet() -> Console:
    return Console(file=StringIO())


@pytest.fixture
def options(tmp_path: Path) -> Options:
    """Twelve steps of four demonstrations of eight; without dropout, which each process draws for itself."""
    return Options(
        data=write_snapshot(tmp_path / "snapshots"),
        out=tmp_path / "one",
        model=str(write_model(tmp_path / "base")),
        cache=tmp_path,
        rank=4,
        alpha=8,
        dropout=0.0,
        learning_rate=5e-3,
        warmup=1,
        batch=2,
        accumulate=2,
        max_steps=6,
        epochs=9.0,
        checkpoint_every=2,
        precision="fp32",
        threads=1,
        cpu=True,
    )


def test_two_processes_fine_tune_the_adapter_that_one_does(options: Options, tmp_path: Path) -> None:
    one = sft.run(options, console=quiet()).manifest
    out = tmp_path / "two"
    launched.run(launcher(2), "learning.training.sft", replace(options, out=out), quiet())
    two = artefact.read(out)
    assert (two.run, two.options, two.data) == (one.run, one.options, one.data)
    assert (out / seen.FILE).read_text() == (options.out / seen.FILE).read_text()
    assert not list(tmp_path.glob(".*-work"))
    assert (two.metrics["steps"], two.metrics["loss"]) == (6, pytest.approx(one.metrics["loss"], rel=1e-3))
    lines, others = (
        [json.loads(line) for line in (folder / LOSSES).read_text().splitlines()]
        for folder in (options.out, out)
    )
    assert len(lines) == len(others) == 6
    for line, other in zip(lines, others, strict=True):
        assert other["loss"] == pytest.approx(line["loss"], rel=1e-3)
    weights = [load_file(folder / "adapter_model.safetensors") for folder in (options.out, out)]
    assert any(bool(each.abs().max() > 1e-3) for name, each in weights[0].items() if "lora_B" in name)
    for name, each in weights[0].items():
        torch.testing.assert_close(weights[1][name], each, rtol=1e-2, atol=1e-3)


def test_a_step_that_the_processes_cannot_share_is_refused_in_one_sentence(options: Options) -> None:
    with pytest.raises(
        TrainingError, match=r"exit code 1: 2 batches .* cannot be shared by 3 processes"
    ) as e:
        launched.run(launcher(3), "learning.training.sft", options, quiet())
    assert "\n" not in str(e.value) and not options.out.exists()


def test_a_night_by_a_launcher_ends_with_an_adapter(tmp_path: Path) -> None:
    base, encoder = write_model(tmp_path / "base"), write_encoder(tmp_path)
    data = write_data(tmp_path / "snapshots")
    console = quiet()
    made = recipe(base, encoder, data, tmp_path / "night", until="evaluate", launcher=launcher(2))
    assert retrain.run(made, console=console) is None
    notes = night_journal.notes(made.out)
    for stage, folder in (("sft", made.out / "sft"), ("ppo", made.out / "ppo" / "adapter")):
        assert notes[stage]["adapter"] == artefact.read(folder).id and artefact.read(folder).stage == stage
    assert notes["sft"]["steps"] == 4 and notes["ppo"]["steps"] == 2 and "evaluate" in notes
    assert artefact.read(made.out / "ppo" / "adapter").parent == notes["sft"]["adapter"]
    said = console.file.getvalue()  # type: ignore[attr-defined]
    assert said.count("✓ adapter") == 1  # of several processes one speaks


def test_processes_end_with_the_launcher_that_started_them(tmp_path: Path) -> None:
    program = "import pathlib, os, sys, time; from learning.training.processes import Processes\n"
    program += "rank = Processes(cpu=True).rank\n"
    program += "pathlib.Path(sys.argv[1], f'{rank}.part').write_text(str(os.getpid()))\n"
    program += "pathlib.Path(sys.argv[1], f'{rank}.part').rename(pathlib.Path(sys.argv[1], f'{rank}.pid'))\n"
    program += "time.sleep(300)\n"
    (tmp_path / "waits.py").write_text(program)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [*shlex.split(launcher(2)), str(tmp_path / "waits.py"), str(tmp_path)]
    agent = subprocess.Popen(command, env=env, start_new_session=True)
    try:
        pids = [int(_there(tmp_path / f"{rank}.pid").read_text()) for rank in (0, 1)]
        agent.kill()
        agent.wait()
        end = time.monotonic() + 10
        while (left := [pid for pid in pids if Path(f"/proc/{pid}").exists()]) and time.monotonic() < end:
            time.sleep(0.05)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        assert left == []
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(agent.pid, signal.SIGKILL)
        agent.wait()


def _there(file: Path) -> Path:
    end = time.monotonic() + 120
    while not file.exists():
        assert time.monotonic() < end, f"{file} never came"
        time.sleep(0.1)
    return file
