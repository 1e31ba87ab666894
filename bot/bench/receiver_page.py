"""What a benchmark of receivers measured, in tables, and what it says of the targets. Pure but for printing.

Left out: how it is measured (`bot/bench/receiver.py`).
Run: `pytest tests/integration/test_bench_receiver.py`.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from bot.bench.policy import interval

STOLEN = 0.05
"""Above this share of stolen processor time the figures of a turn say more of the host than of a receiver."""
SLOW_MS = 50.0
"""Above this, half of the target, what a turn says is more of the disk than of a receiver."""
IGNORED = ("comment", "push", "check run")


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one side did with one kind of delivery: rates and processor ms by turn, or acks' seconds by turn.

    `stolen` is the share of all processors' time that the machine's host gave to others, `syncs_s` what the
    disk took for a page of somebody else's, both by turn of acks.
    """

    side: str
    kind: str
    while_: str = ""
    rates: tuple[float, ...] = ()
    cpu_ms: tuple[float, ...] = ()
    acks_s: tuple[tuple[float, ...], ...] = ()
    stolen: tuple[float, ...] = ()
    syncs_s: tuple[tuple[float, ...], ...] = ()


def show(rows: Sequence[Row], console: Console) -> None:
    """Print the two tables and what they say of the targets."""
    rates = Table(
        "deliveries", "receiver", "a second", "processor ms each", title="As fast as they are taken"
    )
    for row in rows:
        if row.rates:
            rates.add_row(row.kind, row.side, _said(row.rates, 0), _said(row.cpu_ms, 3))
    columns = (
        "while",
        "receiver",
        "p50 ms",
        "p99 ms",
        "most ms",
        "questions",
        "stolen by the host",
        "disk ms",
    )
    title = "Acknowledgements, median of turns (least to most); what the host stole; fdatasync's p99"
    acks = Table(*columns, title=title)
    for row in rows:
        if row.acks_s:
            figures = (_said(_quantiles_ms(row.acks_s, share), 1) for share in (0.5, 0.99, 1.0))
            stolen = f"{_said([100 * share for share in row.stolen], 0)} %"
            disk = _said(_quantiles_ms(row.syncs_s, 0.99), 1)
            asked = str(sum(map(len, row.acks_s)))
            acks.add_row(row.while_, row.side, *figures, asked, stolen, disk)
    console.print(rates, acks)
    for sentence in verdicts(rows):
        console.print(sentence)


def verdicts(rows: Sequence[Row]) -> list[str]:
    """What the figures say of the two targets, each with its figure."""
    told = []
    by = {(row.kind, row.side): row for row in rows if row.rates}
    for kind in IGNORED:
        ours, theirs = by.get((kind, "thumbprint")), by.get((kind, "probot"))
        if ours and theirs:
            ratio = interval([a / b for a, b in zip(ours.rates, theirs.rates, strict=True)])
            said = f"{ratio[0]:.2f} ({ratio[1]:.2f} to {ratio[2]:.2f})"
            told.append(f"Ignored, {kind}: {said} of Probot's rate; the target is at least 1.")
    for row in rows:
        if row.acks_s and row.side == "thumbprint":
            p99 = _said(_quantiles_ms(row.acks_s, 0.99), 1)
            told.append(f"Acknowledged within {p99} ms (p99), {row.while_}; the target is at most 100 ms.")
        if max(row.stolen, default=0.0) > STOLEN:
            taken = f"{100 * max(row.stolen):.0f} % of the processors from {row.side}, {row.while_}"
            told.append(f"The host took {taken}: measure again when it does not.")
        disk = max(_quantiles_ms(row.syncs_s, 0.99), default=0.0)
        if disk > SLOW_MS and row.side == "thumbprint":
            told.append(
                f"The disk took {disk:.0f} ms (p99) to make one page durable, {row.while_}, and a durable "
                "acknowledgement waits for one: measure again when it does not."
            )
    return told


def _quantiles_ms(turns: Sequence[Sequence[float]], share: float) -> list[float]:
    """A quantile of each turn in which anything was measured, in ms."""
    return [sorted(one)[min(len(one) - 1, int(share * len(one)))] * 1000 for one in turns if one]


def _said(values: Sequence[float], digits: int) -> str:
    if not values:
        return ""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"
