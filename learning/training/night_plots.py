"""A curve as an SVG picture, for a page and for a file: a line over steps, its ends said in numbers. Pure.

No script and no style attribute, so that a page may forbid both; what the classes look like is the page's
style sheet, and a file by itself brings its own. Left out: more than one line a picture.
Run: `pytest tests/unit/learning/training/test_night_plots.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 360, 150
LEFT, RIGHT, TOP, BOTTOM = 46, 8, 10, 22
OWN_STYLE = (
    "<style>svg{background:#fff}.line{fill:none;stroke:#0969da;stroke-width:1.6}.axis{stroke:#d1d9e0}"
    ".said{font:11px sans-serif;fill:#59636e}</style>"
)


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A figure over the steps of a stage: `points` are (step, value), finite, by step."""

    name: str
    title: str
    points: tuple[tuple[float, float], ...]


def curve(name: str, title: str, points: Sequence[tuple[float, float]]) -> Curve | None:
    """A curve of what is finite in `points`; None of fewer than two points, which are no curve."""
    kept = tuple((x, y) for x, y in points if math.isfinite(x) and math.isfinite(y))
    return Curve(name=name, title=title, points=kept) if len(kept) > 1 else None


def svg(one: Curve, *, alone: bool = False) -> str:
    """The picture. `alone`: for a file of its own."""
    xs, ys = [x for x, _ in one.points], [y for _, y in one.points]
    low, high = min(ys), max(ys)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    first, last = min(xs), max(xs)

    def place(x: float, y: float) -> str:
        across = LEFT + (x - first) / max(last - first, 1e-9) * (WIDTH - LEFT - RIGHT)
        down = TOP + (high - y) / (high - low) * (HEIGHT - TOP - BOTTOM)
        return f"{across:.1f},{down:.1f}"

    line = " ".join(place(x, y) for x, y in one.points)
    floor = HEIGHT - BOTTOM
    label = f"{one.title}: from {_said(ys[0])} to {_said(ys[-1])} over {_said(last)} steps"
    space = ' xmlns="http://www.w3.org/2000/svg"' if alone else ""
    return (
        f'<svg{space} class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">'
        f"{OWN_STYLE if alone else ''}"
        f'<line class="axis" x1="{LEFT}" y1="{floor}" x2="{WIDTH - RIGHT}" y2="{floor}"/>'
        f'<line class="axis" x1="{LEFT}" y1="{TOP}" x2="{LEFT}" y2="{floor}"/>'
        f'<polyline class="line" points="{line}"/>'
        f'<text class="said" x="{LEFT - 5}" y="{TOP + 8}" text-anchor="end">{_said(high)}</text>'
        f'<text class="said" x="{LEFT - 5}" y="{floor}" text-anchor="end">{_said(low)}</text>'
        f'<text class="said" x="{LEFT}" y="{HEIGHT - 7}">{_said(first)}</text>'
        f'<text class="said" x="{WIDTH - RIGHT}" y="{HEIGHT - 7}" text-anchor="end">step {_said(last)}</text>'
        "</svg>"
    )


def _said(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
