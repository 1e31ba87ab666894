"""`thumbprint bench receiver`: a real receiver takes the benchmark's deliveries; what its figures say."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from bot.bench import receiver
from bot.bench.receiver_page import Row, verdicts
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
    (acked,) = [row for row in rows if row.acks_s]
    assert [len(acks) for acks in acked.acks_s] == [10] * receiver.ACK_TURNS == [10] * len(acked.stolen)
    assert all(acked.syncs_s) and all(0 < one < 60 for turn in acked.syncs_s for one in turn)
    assert "Acknowledged within" in told.getvalue()


def test_a_folder_without_probot_says_how_to_install_it(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="npm install --prefix"), receiver._probot(tmp_path, tmp_path):
        pass


def test_the_verdict_compares_rates_turn_by_turn() -> None:
    rows = [
        Row(side="thumbprint", kind="push", rates=(100.0, 300.0, 200.0)),
        Row(side="probot", kind="push", rates=(200.0, 600.0, 400.0)),
        Row(
            side="thumbprint", kind="question", while_="idle", acks_s=((0.01,) * 99 + (0.25,), (0.02,) * 100)
        ),
    ]
    ignored, acknowledged = verdicts(rows)
    assert ignored.startswith("Ignored, push: 0.50 (0.50 to 0.50)")
    assert acknowledged.startswith("Acknowledged within 135.0 (20.0 to 250.0) ms (p99), idle")


def test_what_was_measured_while_the_host_gave_the_processors_to_others_is_said_to_be_so() -> None:
    quiet, robbed = (
        Row(side="thumbprint", kind="question", while_="idle", acks_s=((0.01,),), stolen=(share,))
        for share in (0.04, 0.6)
    )
    assert not any("host" in said for said in verdicts([quiet]))
    assert "The host took 60 % of the processors from thumbprint, idle" in verdicts([robbed])[1]


def test_a_disk_that_is_slow_itself_is_named() -> None:
    quick, slow = (
        Row(side="thumbprint", kind="question", while_="idle", acks_s=((0.2,),), syncs_s=((0.001, took),))
        for took in (0.03, 0.4)
    )
    assert not any("disk" in said for said in verdicts([quick]))
    assert "The disk took 400 ms (p99) to make one page durable" in verdicts([slow])[1]
