"""The report: rows of trials → rates, costs, regret closed, intervals, targets; as JSON and Markdown. Pure.

Intervals are 95 % percentile bootstraps over repository × seed (answers of one trial are not independent);
where all or none of n answers agree there is nothing to resample, and Wilson's interval for n is given.
Regret closed = 1 − ΣC_x / ΣC_none, each repository's cost divided by what `none` costs there, so that every
rule counts the same; C_oracle is 0. In an unfinished run each learner is reported on the cells it finished.
What is left out: making rows (`bot/bench/trial.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.bench.rules import Rule, RuleKind
from bot.bench.trial import Row

RESAMPLES = 2000
BITES = 0.5
HOLD, REGRET, SIDE = 0.95, 0.6, 0.02
Cell = tuple[str, int]
Pairs = dict[Cell, tuple[float, float]]
"""For each repository and seed a numerator and a denominator."""


def build(
    rows: Sequence[Row],
    rules: Mapping[str, Sequence[Rule]],
    checkpoints: Sequence[int],
    learners: Sequence[str],
) -> dict[str, Any]:
    """The whole report as plain data; see `markdown` for how it reads."""
    learners = [name for name in learners if any(row.learner == name for row in rows)]
    cells = {name: {(row.repository, row.seed) for row in rows if row.learner == name} for name in learners}
    kind_of = {(name, rule.name): rule.kind for name, all_rules in rules.items() for rule in all_rules}
    mine = {name: [row for row in rows if row.learner == name] for name in learners}
    kinds = [kind for kind in RuleKind if kind in kind_of.values()]
    none_cost = _none_cost(mine.get("none", ()))
    return {
        "trials": {
            "cells": {name: len(found) for name, found in cells.items()},
            "seeds": len({row.seed for row in rows}),
            "answers": len(rows),
        },
        "checkpoints": list(checkpoints),
        "bites": {
            f"{name}/{rule.name}": _rate(_broken(mine.get("none", ()), {(name, rule.name)}, 0))
            for name, all_rules in rules.items()
            for rule in all_rules
        },
        "kinds": {
            kind.value: {
                name: _learner(mine[name], {key for key, one in kind_of.items() if one is kind}, checkpoints)
                for name in learners
            }
            for kind in kinds
        },
        "overall": {
            name: {
                **_learner(mine[name], set(kind_of), checkpoints),
                **_whole(mine[name], none_cost),
            }
            for name in learners
        },
        "targets": _targets(mine.get("all", ()), kind_of, none_cost),
    }


def _learner(rows: Sequence[Row], rules: set[tuple[str, str]], checkpoints: Sequence[int]) -> dict[str, Any]:
    return {"broken": {str(after): _rate(_broken(rows, rules, after)) for after in checkpoints}}


def _broken(rows: Sequence[Row], rules: set[tuple[str, str]], after: int) -> Pairs:
    """Broken rules and rules looked at, on unseen questions after so many rounds."""
    return _pairs(
        (row, sum(not kept for _, kept in found), len(found))
        for row in rows
        if row.phase == "unseen" and row.taught == after
        for found in [[(n, kept) for n, kept in row.kept.items() if (row.repository, n) in rules]]
        if found
    )


def _whole(rows: Sequence[Row], none_cost: Mapping[str, float]) -> dict[str, Any]:
    """What is reported over all kinds only."""
    answered = [row for row in rows if row.phase in ("teach", "unseen")]
    taught = [row for row in rows if row.phase == "teach"]
    return {
        "edit_cost": _mean(_pairs((row, row.cost, 0) for row in taught)),
        "regret_closed": _regret(taught, none_cost),
        "side_effects": _rate(_pairs((r, r.changed, 1) for r in rows if r.phase == "control")),
        "leakage": _rate(_pairs((r, r.changed, 1) for r in rows if r.phase == "elsewhere")),
        "abstained": _rate(_pairs((row, row.abstained, 1) for row in answered)),
        "repaired": _rate(_pairs((row, row.repaired, 1) for row in answered)),
        "seconds": float(np.median([row.seconds for row in answered])) if answered else 0.0,
        "generations": float(np.mean([row.attempts for row in answered])) if answered else 0.0,
    }


def _targets(
    rows: Sequence[Row], kind_of: Mapping[tuple[str, str], RuleKind], none_cost: Mapping[str, float]
) -> list[dict[str, Any]]:
    """What the issue asks of `all`, what came out, and whether the interval decides it."""
    corrections = {key for key, kind in kind_of.items() if kind.corrects}
    once: dict[tuple[str, int, str], Row] = {}
    for row in rows:
        if row.phase == "unseen" and row.edits == 1:
            once.setdefault((row.repository, row.seed, row.question), row)
    held = _pairs(
        (row, sum(kept for _, kept in found), len(found))
        for row in once.values()
        for found in [[(n, kept) for n, kept in row.kept.items() if (row.repository, n) in corrections]]
        if found
    )
    taught = [row for row in rows if row.phase == "teach"]
    side = _rate(_pairs((row, row.changed, 1) for row in rows if row.phase == "control"))
    leak = _rate(_pairs((row, row.changed, 1) for row in rows if row.phase == "elsewhere"))
    return [
        _target("corrections hold after one edit", ">=", HOLD, _rate(held)),
        _target("regret closed", ">=", REGRET, _regret(taught, none_cost)),
        _target("side effects", "<=", SIDE, side),
        _target("leakage", "<=", 0.0, leak),
    ]


def _target(name: str, sign: str, limit: float, found: dict[str, float]) -> dict[str, Any]:
    met = found["value"] >= limit if sign == ">=" else found["value"] <= limit
    inside = found["low"] < limit < found["high"]
    return {
        "name": name,
        "wanted": f"{sign} {limit:g}",
        "found": found,
        "met": met if found["n"] else None,
        "decided": bool(found["n"]) and not inside,
    }


def _none_cost(rows: Sequence[Row]) -> dict[str, float]:
    """What a round costs on average in each repository when nothing is learned."""
    costs: dict[str, list[float]] = {}
    for row in rows:
        if row.phase == "teach":
            costs.setdefault(row.repository, []).append(row.cost)
    return {name: float(np.mean(found)) for name, found in costs.items() if sum(found) > 0}


def _regret(taught: Sequence[Row], none_cost: Mapping[str, float]) -> dict[str, float]:
    pairs = _pairs((r, r.cost / none_cost[r.repository], 1) for r in taught if r.repository in none_cost)
    return _interval(pairs, lambda sums: 1 - sums[:, 0] / np.maximum(sums[:, 1], 1e-9))


def _mean(pairs: Pairs) -> dict[str, float]:
    """Mean of the numerators over cells."""
    ones: Pairs = {cell: (numerator, 1.0) for cell, (numerator, _) in pairs.items()}
    return _interval(ones, lambda sums: sums[:, 0] / np.maximum(sums[:, 1], 1e-9))


def _rate(pairs: Pairs) -> dict[str, float]:
    found = _interval(pairs, lambda sums: sums[:, 0] / np.maximum(sums[:, 1], 1e-9))
    if found["n"] and found["value"] in (0.0, 1.0):
        found["low"], found["high"] = _wilson(found["value"], found["n"])
    return found


def _interval(pairs: Pairs, value: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> dict[str, float]:
    """`value` of the summed pairs, with its bootstrap interval over cells; `n` is the sum of denominators."""
    cells = np.array([pairs[cell] for cell in sorted(pairs)], dtype=float).reshape(-1, 2)
    if not len(cells):
        return {"value": 0.0, "low": 0.0, "high": 1.0, "n": 0.0}
    draws = np.random.default_rng(0).integers(len(cells), size=(RESAMPLES, len(cells)))
    low, high = np.percentile(value(cells[draws].sum(axis=1)), [2.5, 97.5])
    (middle,) = value(cells.sum(axis=0, keepdims=True))
    return {"value": float(middle), "low": float(low), "high": float(high), "n": float(cells[:, 1].sum())}


def _wilson(rate: float, n: float) -> tuple[float, float]:
    """Wilson's 95 % interval of a rate of n."""
    z = 1.96
    middle = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def _pairs(found: Any) -> Pairs:
    """Sum (row, numerator, denominator) over each row's repository and seed."""
    sums: Pairs = {}
    for row, numerator, denominator in found:
        a, b = sums.get((row.repository, row.seed), (0.0, 0.0))
        sums[(row.repository, row.seed)] = (a + numerator, b + denominator)
    return sums


def markdown(found: Mapping[str, Any]) -> str:
    """The report as tables; docs/bench-loop.md says how to read them."""
    trials, after = found["trials"], [str(one) for one in found["checkpoints"]]
    lines = [
        f"{trials['answers']} answers, {trials['seeds']} seeds; a cell is one repository with one seed. "
        "Rates in %, with 95 % intervals.",
        "",
        "| learner | cells | "
        + " | ".join(f"broken after {one}" for one in after)
        + " | edit cost | regret closed | side effects | leakage | abstained | repaired | generations | s |",
        "|---" * (len(after) + 10) + "|",
    ]
    for name, one in found["overall"].items():
        cells = [_percent(one["broken"][key]) for key in after]
        cost = one["edit_cost"]
        cells += [
            f"{cost['value']:.2f} [{cost['low']:.2f}, {cost['high']:.2f}]",
            _number(one["regret_closed"]),
            *(_percent(one[key]) for key in ("side_effects", "leakage", "abstained", "repaired")),
            f"{one['generations']:.2f}",
            f"{one['seconds']:.1f}",
        ]
        lines.append(f"| {name} | {trials['cells'][name]} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "Broken rules on unseen questions by kind of rule, after " + " / ".join(after) + " rounds:",
        "",
    ]
    names = list(found["overall"])
    lines += ["| kind | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for kind, by_learner in found["kinds"].items():
        cells = [" / ".join(_short(by_learner[name]["broken"][key]) for key in after) for name in names]
        lines.append(f"| {kind} | " + " | ".join(cells) + " |")
    lines += ["", "| target for `all` | wanted | found | |", "|---|---|---|---|"]
    for target in found["targets"]:
        said = f"{_number(target['found'])}, n = {target['found']['n']:.0f}"
        lines.append(f"| {target['name']} | {target['wanted']} | {said} | {_verdict(target)} |")
    tame = [name for name, rate in found["bites"].items() if rate["n"] and rate["value"] <= BITES]
    said = f"Rules that do not bite, replace them: {', '.join(tame)}." if tame else "Every rule bites."
    return "\n".join([*lines, "", said, ""])


def _verdict(target: Mapping[str, Any]) -> str:
    if target["met"] is None:
        return "not measured"
    return ("met" if target["met"] else "missed") + ("" if target["decided"] else ", interval undecided")


def _percent(one: Mapping[str, float]) -> str:
    if not one["n"]:
        return "–"
    return f"{100 * one['value']:.1f} [{100 * one['low']:.0f}, {100 * one['high']:.0f}]"


def _short(one: Mapping[str, float]) -> str:
    return f"{100 * one['value']:.0f}" if one["n"] else "–"


def _number(one: Mapping[str, float]) -> str:
    return f"{one['value']:.3f} [{one['low']:.3f}, {one['high']:.3f}]"
