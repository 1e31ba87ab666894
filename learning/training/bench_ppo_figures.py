"""What two PPOs measured side by side come to: speed, memory, and reward at equal KL. Pure.

Reward at equal KL: of each seed's two runs, both curves (reward over KL, each the mean of `WINDOW` steps) are
read where the one that went less far from the reference went furthest. Intervals over seeds are Student's t
of paired differences, of ratios on the log scale: few seeds make them wide, and that is said.
Left out: measuring (`bench_ppo.py`). Run: `pytest tests/unit/learning/training/test_bench_ppo.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

import numpy as np
from scipy.stats import t as student

WINDOW = 5
TARGETS = {"speed": 1.5, "memory": 0.5, "reward": 0.0}
"""Ours over TRL's; at least, at most; and our reward less TRL's at equal KL, at least."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A comparison over seeds: its mean, 95 % interval (infinite with one seed), and what is wanted."""

    name: str
    value: float
    low: float
    high: float
    wanted: float
    at_most: bool = False

    @property
    def verdict(self) -> str:
        """met, missed, or undecided: where the interval has the target in it."""
        ends = (self.low, self.high) if not self.at_most else (-self.high, -self.low)
        wanted = -self.wanted if self.at_most else self.wanted
        return "met" if ends[0] >= wanted else "missed" if ends[1] < wanted else "undecided"


def compared(ours: Sequence[Mapping[str, Any]], theirs: Sequence[Mapping[str, Any]]) -> list[Figure]:
    """Speed, memory and reward, of runs of the same seeds in the same order."""
    both = list(zip(ours, theirs, strict=True))
    speed = [math.log(one["samples_per_s"] / other["samples_per_s"]) for one, other in both]
    memory = [math.log(one["peak_mib"] / other["peak_mib"]) for one, other in both]
    reward = []
    for one, other in both:
        mine, his = at_equal_kl(one["steps"], other["steps"])
        reward.append(mine - his)
    made = []
    for name, values in (("speed", speed), ("memory", memory)):
        middle, half = _interval(values)
        made.append(
            Figure(
                name=name,
                value=math.exp(middle),
                low=math.exp(middle - half),
                high=math.exp(middle + half) if half < 700 else math.inf,
                wanted=TARGETS[name],
                at_most=name == "memory",
            )
        )
    middle, half = _interval(reward)
    wanted = TARGETS["reward"]
    made.append(Figure(name="reward", value=middle, low=middle - half, high=middle + half, wanted=wanted))
    return made


def at_equal_kl(
    ours: Sequence[Mapping[str, float]], theirs: Sequence[Mapping[str, float]]
) -> tuple[float, float]:
    """Both rewards at the KL that both reached; `ours`, `theirs`: a step's `reward` and `kl` each."""
    one, other = _curve(ours), _curve(theirs)
    place = min(max(kl for kl, _ in one), max(kl for kl, _ in other))
    found = []
    for curve in (one, other):
        kls, rewards = zip(*sorted(curve), strict=True)
        found.append(float(np.interp(place, kls, rewards)))
    return found[0], found[1]


def _curve(steps: Sequence[Mapping[str, float]]) -> list[tuple[float, float]]:
    window = min(WINDOW, len(steps))
    parts = [steps[end - window : end] for end in range(window, len(steps) + 1)]
    return [(fmean(one["kl"] for one in part), fmean(one["reward"] for one in part)) for part in parts]


def _interval(values: Sequence[float]) -> tuple[float, float]:
    if len(values) < 2:
        return values[0], math.inf
    half = float(student.ppf(0.975, len(values) - 1)) * stdev(values) / math.sqrt(len(values))
    return fmean(values), half


def markdown(
    figures: Sequence[Figure], ours: Sequence[Mapping[str, Any]], theirs: Sequence[Mapping[str, Any]]
) -> str:
    """Two tables: each side's means, and what they come to beside the targets."""
    lines = [
        "| side | samples/s | CPU s a run | peak RSS, MiB | first reward | last reward | last KL, nats |"
    ]
    lines += ["|---|---|---|---|---|---|---|"]
    for name, runs in (("ours", ours), ("TRL 1.12", theirs)):
        ends = [(_curve(run["steps"])[0], _curve(run["steps"])[-1]) for run in runs]
        lines.append(
            f"| {name} | {fmean(run['samples_per_s'] for run in runs):.2f} "
            f"| {fmean(run['cpu_s'] for run in runs):.0f} | {fmean(run['peak_mib'] for run in runs):.0f} "
            f"| {fmean(first[1] for first, _ in ends):.3f} | {fmean(last[1] for _, last in ends):.3f} "
            f"| {fmean(last[0] for _, last in ends):.2f} |"
        )
    lines += ["", "| ours beside TRL 1.12's | value | 95 % | target | |", "|---|---|---|---|---|"]
    said = {"speed": "samples/s, ratio", "memory": "peak memory, ratio", "reward": "reward at equal KL, gain"}
    for one in figures:
        sign = "≤" if one.at_most else "≥"
        lines.append(
            f"| {said[one.name]} | {one.value:.3f} | [{one.low:.3f}, {one.high:.3f}] "
            f"| {sign} {one.wanted:g} | {one.verdict} |"
        )
    return "\n".join(lines) + "\n"
