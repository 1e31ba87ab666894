"""The report: rows of trials → rates, costs, regret closed, intervals, targets, as plain data. Pure.

Regret closed = 1 − ΣC_x / ΣC_none, each repository's cost divided by what `none` costs there, so that every
rule counts the same; C_oracle is 0. In an unfinished run each learner is reported on the cells it finished.
What is left out: making rows (`bot/bench/trial.py`), intervals (`bot/bench/intervals.py`), how the report
reads (`bot/bench/tables.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bot.bench.intervals import FEW, Pairs, interval, mean, pairs, rate
from bot.bench.rules import Rule, RuleKind
from bot.bench.trial import Row

HOLD, REGRET, SIDE = 0.95, 0.6, 0.02


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
            f"{name}/{rule.name}": rate(_broken(mine.get("none", ()), {(name, rule.name)}, 0))
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
                "broken_taught": rate(_broken_taught(mine[name], max(checkpoints))),
            }
            for name in learners
        },
        "targets": _targets(mine.get("all", ()), kind_of, none_cost),
    }


def _learner(rows: Sequence[Row], rules: set[tuple[str, str]], checkpoints: Sequence[int]) -> dict[str, Any]:
    return {"broken": {str(after): rate(_broken(rows, rules, after)) for after in checkpoints}}


def _broken(rows: Sequence[Row], rules: set[tuple[str, str]], after: int) -> Pairs:
    """Broken rules and rules looked at, on unseen questions after so many rounds."""
    return pairs(
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
        "edit_cost": mean(pairs((row, row.cost, 0) for row in taught)),
        "regret_closed": _regret(taught, none_cost),
        "side_effects": rate(_changed(rows)),
        "leakage": rate(pairs((r, r.changed, 1) for r in rows if r.phase == "elsewhere")),
        "abstained": rate(pairs((row, row.abstained, 1) for row in answered)),
        "repaired": rate(pairs((row, row.repaired, 1) for row in answered)),
        "seconds": float(np.median([row.seconds for row in answered])) if answered else 0.0,
        "generations": float(np.mean([row.attempts for row in answered])) if answered else 0.0,
    }


def _targets(
    rows: Sequence[Row], kind_of: Mapping[tuple[str, str], RuleKind], none_cost: Mapping[str, float]
) -> list[dict[str, Any]]:
    """What the issue asks of `all`, what came out, and whether the interval decides it."""
    corrections = {key for key, kind in kind_of.items() if kind.corrects}
    taught = [row for row in rows if row.phase == "teach"]
    leak = rate(pairs((row, row.changed, 1) for row in rows if row.phase == "elsewhere"))
    return [
        _target("corrections hold after one edit", ">=", HOLD, rate(_held(rows, corrections))),
        _target("regret closed", ">=", REGRET, _regret(taught, none_cost)),
        _target("side effects", "<=", SIDE, rate(_changed(rows))),
        _target("leakage", "<=", 0.0, leak),
    ]


def _changed(rows: Sequence[Row]) -> Pairs:
    """Controls that changed, and controls: only where the untaught answer breaks no rule."""
    return pairs((row, row.changed, 1) for row in rows if row.phase == "control" and not row.applies)


def _held(rows: Sequence[Row], corrections: set[tuple[str, str]]) -> Pairs:
    """Rules kept and rules looked at: unseen questions asked when exactly one round had ended in an edit.

    Only of rules that were broken in that round; a question asked twice in that state counts once.
    """
    edited = _edited(rows)
    once: dict[tuple[str, int, str, str], tuple[Row, bool, int]] = {}
    for row in rows:
        if row.phase != "unseen" or row.edits != 1:
            continue
        for name, kept in row.kept.items():
            before = sum(edited[(row.repository, row.seed, name, earlier)] for earlier in range(row.taught))
            if before == 1 and (row.repository, name) in corrections:
                once.setdefault((row.repository, row.seed, row.question, name), (row, kept, 1))
    return pairs(once.values())


def _broken_taught(rows: Sequence[Row], after: int) -> Pairs:
    """Broken rules and rules looked at, as `_broken`: only of those whose breaking was answered before then.

    A rule that no answer happened to break while there was teaching was taught to nobody.
    """
    taught = {(where, seed, name) for where, seed, name, when in _edited(rows) if when < after}
    return pairs(
        (row, sum(not kept for kept in found), len(found))
        for row in rows
        if row.phase == "unseen" and row.taught == after
        for found in [[kept for n, kept in row.kept.items() if (row.repository, row.seed, n) in taught]]
        if found
    )


def _edited(rows: Sequence[Row]) -> Counter[tuple[str, int, str, int]]:
    """How many answers broke a rule in a round, and so taught it: by repository, seed, rule and round."""
    edited: Counter[tuple[str, int, str, int]] = Counter()
    for row in rows:
        if row.phase == "teach" and not row.abstained:
            broken = [name for name, kept in row.kept.items() if not kept]
            edited.update((row.repository, row.seed, name, row.taught) for name in broken)
    return edited


def _target(name: str, sign: str, limit: float, found: dict[str, float]) -> dict[str, Any]:
    """`met` by the value itself; `decided` when the whole interval, of enough cells, says the same."""
    met = found["value"] >= limit if sign == ">=" else found["value"] <= limit
    inside = found["low"] < limit < found["high"]
    return {
        "name": name,
        "wanted": f"{sign} {limit:g}",
        "found": found,
        "met": met if found["n"] else None,
        "decided": found["cells"] >= FEW and not inside,
    }


def _none_cost(rows: Sequence[Row]) -> dict[str, float]:
    """What a round costs on average in each repository when nothing is learned."""
    costs: dict[str, list[float]] = {}
    for row in rows:
        if row.phase == "teach":
            costs.setdefault(row.repository, []).append(row.cost)
    return {name: float(np.mean(found)) for name, found in costs.items() if sum(found) > 0}


def _regret(taught: Sequence[Row], none_cost: Mapping[str, float]) -> dict[str, float]:
    found = pairs((r, r.cost / none_cost[r.repository], 1) for r in taught if r.repository in none_cost)
    return interval(found, lambda sums: 1 - sums[:, 0] / np.maximum(sums[:, 1], 1e-9))
