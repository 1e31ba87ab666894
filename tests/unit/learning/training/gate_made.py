"""Figures of a candidate that passes every check, each changed by keyword."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from learning.intervals import Interval
from learning.training.canaries import Kind
from learning.training.gate_memory import Memory, Obeyed
from learning.training.gate_rules import Figures, Share, Side
from learning.training.signs import Sign


def interval(value: float, low: float, high: float, groups: int = 100) -> Interval:
    return Interval(value=value, low=low, high=high, groups=groups)


def side(**changes: Any) -> Side:
    made = Side(
        passed={kind.value: Share(count=15, of=16) for kind in Kind},
        signs={sign: Share(count=4, of=200) for sign in Sign},
        tokens=50.0,
        distinct=0.6,
        boilerplate=0.05,
        run="it is a part of the",
    )
    return replace(made, **changes)


def memory(**changes: Any) -> Memory:
    before = Obeyed(broken=0.1, looked_at=9, side_effects=0.0, leakage=0.0)
    return Memory(candidate=replace(before, **changes), serving=before)


def figures(**changes: Any) -> Figures:
    made = Figures(
        questions=100,
        candidate=side(),
        serving=side(),
        wins=interval(0.6, 0.53, 0.67),
        reward=interval(0.1, 0.02, 0.18),
        slices={"corpus": interval(0.6, 0.53, 0.67), "long questions": interval(0.5, 0.4, 0.6)},
        length=interval(1.0, 0.9, 1.1),
        kl_base=interval(0.2, 0.1, 0.3),
        kl_deployed=interval(0.2, 0.1, 0.3),
        memory=memory(),
    )
    return replace(made, **changes)
