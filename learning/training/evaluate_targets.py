"""What is wanted of a trained policy on unseen questions, and whether it was found: by intervals alone. Pure.

A target is *met* where the whole interval is on its side, *not met* where the whole interval is on the other,
else, and for differences below 30 questions, *undecided*: more questions are needed, not another reading.
Rates are held by Wilson's interval over questions, for a bootstrap of nothing but successes has no width.
Left out: KL, which training and the gate watch.
Run: `pytest tests/unit/learning/training/test_evaluate_targets.py`.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from learning.intervals import Interval, wilson
from learning.training.alarms import Limits
from learning.training.evaluate_figures import BASE, Comparison, Line

QUESTIONS, SEEDS = 500, 3
"""The fewest of a table that anybody should quote."""
FEWEST = 30
"""Questions below which a bootstrap's interval is too narrow to decide anything."""
ENDS = 0.98
SFT, PPO = "sft", "ppo"


class Verdict(enum.Enum):
    """What the interval says."""

    MET = "met"
    NOT_MET = "not met"
    UNDECIDED = "undecided"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, kw_only=True)
class Target:
    """One target: what is wanted, the verdict, and the figures that decided it, in words."""

    name: str
    verdict: Verdict
    found: str


def targets(
    lines: Sequence[Line], comparisons: Sequence[Comparison], questions: int, seeds: int
) -> list[Target]:
    """All targets, the size of the evaluation last."""
    by_name = {one.system: one for one in lines}
    duels = {(one.ours, one.theirs, one.by): one for one in comparisons}
    policy, base = by_name.get(PPO), by_name[BASE]
    large = questions >= QUESTIONS and seeds >= SEEDS
    return [
        _clear(duels, SFT, BASE),
        _clear(duels, PPO, SFT),
        _no_lower(duels.get((PPO, SFT, "rouge_1"))),
        _ends(policy),
        *_collapses(policy, base),
        _overoptimised(duels),
        Target(
            name=f"at least {QUESTIONS} unseen questions and {SEEDS} seeds",
            verdict=Verdict.MET if large else Verdict.NOT_MET,
            found=f"{questions} questions, {seeds} {'seed' if seeds == 1 else 'seeds'}",
        ),
    ]


def _clear(duels: Mapping[tuple[str, str, str], Comparison], ours: str, theirs: str) -> Target:
    name = f"{ours} beats {theirs} by the independent reward, the interval clear of zero"
    duel = duels.get((ours, theirs, "independent"))
    if duel is None:
        return _missing(name, f"it needs the systems {ours} and {theirs} and an independent reward")
    gap = duel.difference
    return Target(name=name, verdict=_enough(_side(gap, 0.0), gap), found=_said(gap))


def _no_lower(duel: Comparison | None) -> Target:
    name = f"ROUGE-1 of {PPO} is no lower than that of {SFT}"
    if duel is None:
        return _missing(name, f"it needs the systems {PPO} and {SFT}")
    gap = duel.difference
    verdict = Verdict.MET if gap.low >= 0 else Verdict.NOT_MET if gap.high < 0 else Verdict.UNDECIDED
    return Target(name=name, verdict=_enough(verdict, gap), found=_said(gap, 4))


def _ends(policy: Line | None) -> Target:
    name = f"answers of {PPO} end by themselves, at least {ENDS:.0%}"
    if policy is None:
        return _missing(name, f"it needs the system {PPO}")
    rate = _rate(policy.figures["ended"])
    verdict = Verdict.MET if rate.low >= ENDS else Verdict.NOT_MET if rate.high < ENDS else Verdict.UNDECIDED
    return Target(name=name, verdict=verdict, found=_share(rate))


def _collapses(policy: Line | None, base: Line) -> list[Target]:
    """The alarms of training, over all answers: over a limit, and worse than the base."""
    limits = Limits()
    made = []
    for metric, limit, what in (
        ("yes_no", limits.yes_no, "a bare yes, no or don't know"),
        ("echo", limits.echo, "the question said again"),
        ("never_ends", limits.never_ends, "without an end"),
    ):
        name = f"no collapse: at most {limit:.0%} of the answers of {PPO} are {what}"
        if policy is None:
            made.append(_missing(name, f"it needs the system {PPO}"))
            continue
        rate, before = _of(policy, metric), _of(base, metric)
        is_over = rate.low > limit and rate.value > before.value
        verdict = Verdict.MET if rate.high <= limit else Verdict.NOT_MET if is_over else Verdict.UNDECIDED
        made.append(Target(name=name, verdict=verdict, found=f"{_share(rate)}; base {before.value:.1%}"))
    name = f"no collapse: distinct-2 of {PPO} is at least {limits.distinct:g}"
    if policy is None:
        return [*made, _missing(name, f"it needs the system {PPO}")]
    alike = policy.figures["distinct_2"]
    verdict, found = _side(alike, limits.distinct), _said(alike, signed=False)
    return [*made, Target(name=name, verdict=verdict, found=found)]


def _overoptimised(duels: Mapping[tuple[str, str, str], Comparison]) -> Target:
    name = (
        f"no collapse: the independent reward does not fall from {SFT} to {PPO} while the training one rises"
    )
    trained, other = (duels.get((PPO, SFT, by)) for by in ("reward", "independent"))
    if trained is None or other is None:
        return _missing(name, f"it needs the systems {PPO} and {SFT} and both rewards")
    fell, rose = other.difference.high < 0, trained.difference.low > 0
    held = other.difference.low > -Limits().fall
    verdict = Verdict.NOT_MET if fell and rose else Verdict.MET if held else Verdict.UNDECIDED
    return Target(
        name=name,
        verdict=_enough(verdict, other.difference),
        found=f"training {_said(trained.difference)}, independent {_said(other.difference)}",
    )


def _of(line: Line, metric: str) -> Interval:
    """A rate by Wilson's interval; `never_ends` from `ended`."""
    if metric != "never_ends":
        return _rate(line.figures[metric])
    ended = _rate(line.figures["ended"])
    return Interval(value=1 - ended.value, low=1 - ended.high, high=1 - ended.low, groups=ended.groups)


def _rate(found: Interval) -> Interval:
    """The wider of the bootstrap's and Wilson's interval, as if a question had one answer."""
    low, high = wilson(found.value, found.groups)
    return Interval(
        value=found.value, low=min(low, found.low), high=max(high, found.high), groups=found.groups
    )


def _side(found: Interval, limit: float) -> Verdict:
    if found.low > limit:
        return Verdict.MET
    return Verdict.NOT_MET if found.high < limit else Verdict.UNDECIDED


def _enough(verdict: Verdict, found: Interval) -> Verdict:
    return verdict if found.groups >= FEWEST else Verdict.UNDECIDED


def _missing(name: str, why: str) -> Target:
    return Target(name=name, verdict=Verdict.NOT_MEASURED, found=why)


def _said(found: Interval, digits: int = 3, *, signed: bool = True) -> str:
    sign = "+" if signed else ""
    value, low, high = (f"{part:{sign}.{digits}f}" for part in (found.value, found.low, found.high))
    return f"{value} [{low}, {high}]"


def _share(found: Interval) -> str:
    return f"{found.value:.1%} [{found.low:.1%}, {found.high:.1%}]"
