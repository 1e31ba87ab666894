"""An evaluation's report as JSON and back, to the number. Pure.

Left out: Markdown and HTML (`learning/training/evaluate_page.py`).
Run: `pytest tests/unit/learning/training/test_evaluate_page.py`.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from learning.intervals import Interval
from learning.training.evaluate_figures import Comparison, Correlation, Line
from learning.training.evaluate_targets import Target, Verdict

FORMAT = "thumbprint-evaluation-1"


@dataclass(frozen=True, kw_only=True)
class Report:
    """What an evaluation found. `about` says of what: data, systems, judges, options; plain JSON."""

    about: Mapping[str, Any]
    lines: tuple[Line, ...]
    comparisons: tuple[Comparison, ...]
    correlations: tuple[Correlation, ...]
    targets: tuple[Target, ...]


def to_json(report: Report) -> str:
    """The report as text; null where a figure is no number."""
    whole = {"format": FORMAT, **dataclasses.asdict(report)}
    return json.dumps(plain(whole), indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def of_json(text: str) -> Report:
    """The report that `to_json` wrote. Raises ValueError, KeyError or TypeError for any other text."""
    found = json.loads(text)
    if found["format"] != FORMAT:
        raise ValueError(f"the format is {found['format']!r}, not {FORMAT!r}")
    return Report(
        about=found["about"],
        lines=tuple(
            Line(
                system=one["system"],
                answers=one["answers"],
                figures={name: _interval(each) for name, each in one["figures"].items()},
                corpus_bleu=_number(one["corpus_bleu"]),
                by_seed={name: tuple(map(_number, each)) for name, each in one["by_seed"].items()},
            )
            for one in found["lines"]
        ),
        comparisons=tuple(
            Comparison(
                ours=one["ours"],
                theirs=one["theirs"],
                by=one["by"],
                wins=_interval(one["wins"]),
                difference=_interval(one["difference"]),
                by_seed=tuple(map(_number, one["by_seed"])),
            )
            for one in found["comparisons"]
        ),
        correlations=tuple(
            Correlation(metric=one["metric"], reward=one["reward"], rho=_interval(one["rho"]))
            for one in found["correlations"]
        ),
        targets=tuple(
            Target(name=one["name"], verdict=Verdict(one["verdict"]), found=one["found"])
            for one in found["targets"]
        ),
    )


def _interval(found: Mapping[str, Any]) -> Interval:
    value, low, high = (_number(found[name]) for name in ("value", "low", "high"))
    return Interval(value=value, low=low, high=high, groups=found["groups"])


def _number(found: float | None) -> float:
    return math.nan if found is None else float(found)


def plain(value: Any) -> Any:
    """The same as JSON has it: null where a figure is no number, or has no end."""
    if isinstance(value, Mapping):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, Verdict):
        return value.value
    return None if isinstance(value, float) and not math.isfinite(value) else value
