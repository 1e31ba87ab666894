"""`thumbprint bench receiver`: a real receiver takes the benchmark's deliveries; what its figures say."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from bot.bench import receiver
from bot.bench.receiver import Row, verdicts
from storage.errors import SetupError


@pytest.mark.slow
def test_a_receiver_is_measured_on_deliveries_that_it_takes(tmp_path: Path) -> None:
    told = io.StringIO()
    rows = receiver.run(
        tmp_path,
        probot=None,
        turns=2,
        count=20,
        per_second=10,
        seconds=1,
        generating=False,
        console=Console(file=told, width=120),
    )
    assert {row.kind for row in rows if len(row.rates) == 2} == {"comment", "push", "check run", "question"}
    assert [len(row.acks_s) for row in rows if row.acks_s] == [10]
    assert "Acknowledged within" in told.getvalue()


def test_a_folder_without_probot_says_how_to_install_it(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="npm install --prefix"), receiver._probot(tmp_path, tmp_path):
        pass


def test_the_verdict_compares_rates_turn_by_turn() -> None:
    rows = [
        Row(side="thumbprint", kind="push", rates=(100.0, 300.0, 200.0)),
        Row(side="probot", kind="push", rates=(200.0, 600.0, 400.0)),
        Row(side="thumbprint", kind="question", while_="idle", acks_s=(0.01,) * 99 + (0.25,)),
    ]
    ignored, acknowledged = verdicts(rows)
    assert ignored.startswith("Ignored, push: 0.50 (0.50 to 0.50)")
    assert acknowledged.startswith("Acknowledged within 250.0 ms (p99), idle")
