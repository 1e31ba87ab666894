"""How the report of the measured loop reads: Markdown tables and a sentence about the targets. Pure.

docs/bench-loop.md says how to read them. What is left out: the figures (`bot/bench/report.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

BITES = 0.5
"""A rule that the learner without memory breaks no more often than this is to be replaced."""


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
    taught = ", ".join(f"{name} {_percent(one['broken_taught'])}" for name, one in found["overall"].items())
    lines += ["", f"Of rules that an answer had broken before an edit, broken at the end: {taught}."]
    lines += ["", "| target for `all` | wanted | found | |", "|---|---|---|---|"]
    for target in found["targets"]:
        one = target["found"]
        said = f"{_number(one)}, {one['n']:.0f} answers in {one['cells']} cells"
        lines.append(f"| {target['name']} | {target['wanted']} | {said} | {_verdict(target)} |")
    lines += ["", _sentence(found["targets"])]
    tame = [name for name, rate in found["bites"].items() if rate["n"] and rate["value"] <= BITES]
    said = f"Rules that do not bite, replace them: {', '.join(tame)}." if tame else "Every rule bites."
    return "\n".join([*lines, "", said, ""])


def _verdict(target: Mapping[str, Any]) -> str:
    if target["met"] is None:
        return "not measured"
    if not target["decided"]:
        return "undecided"
    return "met" if target["met"] else "missed"


def _sentence(targets: Sequence[Mapping[str, Any]]) -> str:
    """Which targets are met, missed, or not decided: where the interval holds the limit."""
    said = []
    for verdict, meaning in (
        ("met", "met"),
        ("missed", "missed"),
        ("undecided", "undecided (the interval holds the limit, or too few cells)"),
        ("not measured", "not measured"),
    ):
        names = [target["name"] for target in targets if _verdict(target) == verdict]
        said += [f"{meaning}: {', '.join(names)}"] if names else []
    return f"Targets for `all` {'; '.join(said)}."


def _percent(one: Mapping[str, float]) -> str:
    if not one["n"]:
        return "–"
    return f"{100 * one['value']:.1f} [{100 * one['low']:.0f}, {100 * one['high']:.0f}]"


def _short(one: Mapping[str, float]) -> str:
    return f"{100 * one['value']:.0f}" if one["n"] else "–"


def _number(one: Mapping[str, float]) -> str:
    return f"{one['value']:.3f} [{one['low']:.3f}, {one['high']:.3f}]"
