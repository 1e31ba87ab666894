"""Intervals as a picture: a row a system, a dot for the mean, a line for its 95 % interval. SVG; pure.

The picture takes its colours from the page's style and grows with its column; the same numbers stand beside
it and in the page's tables. Left out: axes of two dimensions, interaction.
Run: `pytest tests/unit/learning/training/test_evaluate_page.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from learning.intervals import Interval

WIDTH, ROW, HEAD = 720, 30, 30
RIGHT = 190
"""Room for numbers, in the picture's own units."""
LETTER, LETTERS = 7.0, 36
"""A letter's width, and the longest name that has room; the title tells a longer one whole."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row: its name, its interval, and the interval in words."""

    name: str
    interval: Interval
    said: str


def forest(title: str, rows: Sequence[Row], line_at: float | None = None) -> str:
    """The picture as SVG. `line_at` is where nothing differs: there stands a broken line."""
    known = [one for one in rows if not math.isnan(one.interval.value)]
    if not known:
        return ""
    ends = [end for one in known for end in (one.interval.low, one.interval.high, one.interval.value)]
    ends += [] if line_at is None else [line_at]
    low, high = _widened(min(ends), max(ends))
    height = HEAD + ROW * len(known) + 8
    left = 24 + LETTER * min(LETTERS, max(len(one.name) for one in known))
    told = "; ".join(f"{one.name} {one.said}" for one in known)
    parts = [
        f'<svg class="plot" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}: '
        f'{escape(told)}">'
    ]
    for value in _ticks(low, high):
        x = _place(value, low, high, left)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{HEAD - 8}" y2="{height - 6}"/>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="14" text-anchor="middle">{value:g}</text>')
    if line_at is not None:
        x = _place(line_at, low, high, left)
        parts.append(f'<line class="none" x1="{x:.1f}" x2="{x:.1f}" y1="{HEAD - 8}" y2="{height - 6}"/>')
    for number, one in enumerate(known):
        parts.append(_row(one, HEAD + ROW * number + ROW / 2, low, high, left))
    return "".join([*parts, "</svg>"])


def _row(one: Row, y: float, low: float, high: float, left: float) -> str:
    short = one.name if len(one.name) <= LETTERS else one.name[: LETTERS - 1] + "…"
    start, middle, end = (
        _place(value, low, high, left) for value in (one.interval.low, one.interval.value, one.interval.high)
    )
    return (
        f"<g><title>{escape(one.name)}: {escape(one.said)}</title>"
        f'<text class="name" x="{left - 12:.1f}" y="{y + 5:.1f}" text-anchor="end">{escape(short)}</text>'
        f'<line class="interval" x1="{start:.1f}" x2="{end:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<circle class="mean" cx="{middle:.1f}" cy="{y:.1f}" r="4.5"/>'
        f'<text class="said" x="{WIDTH - RIGHT + 14}" y="{y + 5:.1f}">{escape(one.said)}</text></g>'
    )


def _place(value: float, low: float, high: float, left: float) -> float:
    return left + (value - low) / (high - low) * (WIDTH - left - RIGHT)


def _widened(low: float, high: float) -> tuple[float, float]:
    """A little room on both sides; some, too, where all values are one."""
    room = (high - low) * 0.06 or abs(high) * 0.05 or 1.0
    return low - room, high + room


def _ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers in a range: 1, 2 or 5 times a power of ten apart."""
    rough = (high - low) / most
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough)
    first = math.ceil(low / step)
    count = math.floor(high / step) - first + 1
    return [round((first + n) * step, 12) for n in range(count)]
