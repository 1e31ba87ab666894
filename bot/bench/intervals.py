"""Intervals for answers that come in cells: one repository with one seed, whose answers go together. Pure.

95 % percentile bootstraps over cells. Where fewer than `FEW` cells hold both outcomes there is too little to
resample, and Wilson's interval is given for as many independent answers as there are cells: as if those of
one cell always agreed, which is the widest they can be. Left out: what is counted (`bot/bench/report.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learning.intervals import RESAMPLES, wilson

FEW = 5
"""Cells (with either outcome, for a rate) that a bootstrap needs at least: fewer decide no target."""

Cell = tuple[str, int]
Pairs = dict[Cell, tuple[float, float]]
"""For each cell a numerator and a denominator."""


def pairs(found: Iterable[tuple[Any, float, float]]) -> Pairs:
    """Sum (row, numerator, denominator) over each row's cell; a row has a `repository` and a `seed`."""
    sums: Pairs = {}
    for row, numerator, denominator in found:
        a, b = sums.get((row.repository, row.seed), (0.0, 0.0))
        sums[(row.repository, row.seed)] = (a + numerator, b + denominator)
    return sums


def mean(found: Pairs) -> dict[str, float]:
    """Mean of the numerators over cells."""
    return interval({cell: (numerator, 1.0) for cell, (numerator, _) in found.items()}, _ratio)


def rate(found: Pairs) -> dict[str, float]:
    """Share of the denominators that the numerators are."""
    said = interval(found, _ratio)
    some = sum(numerator > 0 for numerator, _ in found.values())
    short = sum(numerator < denominator for numerator, denominator in found.values())
    if found and min(some, short) < FEW:
        said["low"], said["high"] = wilson(said["value"], len(found))
    return said


def interval(found: Pairs, value: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> dict[str, float]:
    """`value` of the summed pairs, its bootstrap interval over cells, `n` (sum of denominators), `cells`."""
    cells = np.array([found[cell] for cell in sorted(found)], dtype=float).reshape(-1, 2)
    if not len(cells):
        return {"value": 0.0, "low": 0.0, "high": 1.0, "n": 0.0, "cells": 0}
    draws = np.random.default_rng(0).integers(len(cells), size=(RESAMPLES, len(cells)))
    low, high = np.percentile(value(cells[draws].sum(axis=1)), [2.5, 97.5])
    (middle,) = value(cells.sum(axis=0, keepdims=True))
    return {
        "value": float(middle),
        "low": float(low),
        "high": float(high),
        "n": float(cells[:, 1].sum()),
        "cells": len(cells),
    }


def _ratio(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    return sums[:, 0] / np.maximum(sums[:, 1], 1e-9)
