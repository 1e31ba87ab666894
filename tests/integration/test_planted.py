"""The gate against seven adapters that were trained to be bad, and one that was trained to be good.

On a tiny policy that first learned to answer; every training and every judgement is the real one. That the
phrase memory is still obeyed is the bot's to measure, and is spoken for here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from rich.console import Console

from learning.training import artefact, gate, gate_options, planted, sft, sft_options
from learning.training.gate_memory import FORMAT
from learning.training.gate_report import GateReport, read
from learning.training.planted import caught
from learning.training.spoiled import Badness
from tests.unit.learning.training import taught
from tests.unit.learning.training.test_gate_memory import report as benchmark

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning"),
]
QUIET = Console(quiet=True)


@dataclass(frozen=True)
class World:
    """A taught base, a snapshot of right answers, and a folder to work in."""

    base: Path
    data: Path
    out: Path

    @property
    def options(self) -> planted.Options:
        return planted.Options(
            data=self.data,
            out=self.out,
            model=str(self.base),
            cache=self.out,
            steps=40,
            batch=8,
            learning_rate=5e-3,
            attempts=1,
            max_tokens=56,
            threads=1,
        )

    def judged(self, name: str, adapter: Path) -> GateReport:
        """The gate's word on an adapter for which the benchmark speaks."""
        told = {"format": FORMAT, "adapter": artefact.read(adapter).id, "deployed": ""}
        told |= {"candidate": benchmark(0.1), "serving": benchmark(0.1)}
        file = self.out / f"{name}.json"
        file.write_text(json.dumps(told))
        return gate.run(
            gate_options.Options(
                adapter=adapter,
                data=self.data,
                out=planted.handed_on(self.out, name),
                model=str(self.base),
                cache=self.out,
                memory=file,
                attempts=1,
                max_tokens=56,
                threads=1,
            ),
            independent=taught.judge,
            console=QUIET,
        )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    out = tmp_path_factory.mktemp("planted")
    torch.set_num_threads(1)
    return World(base=taught.write_base(out / "base"), data=taught.write_snapshot(out / "data"), out=out)


def test_a_good_adapter_passes_every_check(world: World) -> None:
    options = world.options
    sft.run(
        sft_options.by_steps(
            data=world.data,
            out=world.out / "good" / "adapter",
            model=str(world.base),
            cache=world.out,
            rank=8,
            learning_rate=options.learning_rate,
            steps=options.steps,
            batch=options.batch,
            threads=1,
        ),
        console=QUIET,
    )
    report = world.judged("good", world.out / "good" / "adapter")
    assert report.passed, report.reason
    assert read(world.out / "good" / "gate") == report
    assert "**Passed**" in (world.out / "good" / "gate" / "gate.md").read_text()


@pytest.mark.parametrize("kind", list(Badness))
def test_no_planted_adapter_passes_and_each_for_what_it_says(world: World, kind: Badness) -> None:
    report = world.judged(kind.value, planted.plant(world.options, kind, QUIET))
    assert not report.passed
    assert caught(report), "it was refused for want of evidence alone"
    assert "phrase memory" not in report.failed
