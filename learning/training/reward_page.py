"""A reward model's report: its figures, its gates, and the page that a person reads. Pure.

Left out: how figures are found (`learning/training/reward_report.py`).
Run: pytest tests/unit/learning/training/test_reward_page.py
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from learning.training.reward_figures import Figure

LENGTH_LIMIT = 0.3
"""A reward whose rank correlation with length, within a question, is not below this is a reward of length."""


@dataclass(frozen=True, kw_only=True)
class Adversarial:
    """One kind against the real answer: the share of questions in which it scores less, and by how much."""

    below: Figure
    gap: Figure


@dataclass(frozen=True, kw_only=True)
class Report:
    """All figures. `gain` is the model's accuracy less the untrained encoder's, question by question."""

    about: Mapping[str, Any]
    accuracy: Figure
    network: Figure
    untrained: Figure
    length_only: Figure
    gain: Figure
    same_length: Figure
    same_length_untrained: Figure
    by_source: Mapping[str, Figure]
    by_model: Mapping[str, Figure]
    """Accuracy of each, where several were judged: then all other figures are over all of them."""
    with_values: Figure
    with_length: Figure
    adversarial: Mapping[str, Adversarial]

    @property
    def gates(self) -> dict[str, bool]:
        """What a reward model must pass before it trains a policy."""
        return {
            "accuracy above chance": self.accuracy.low > 0.5,
            "accuracy above length alone": self.accuracy.mean > self.length_only.mean,
            f"rank correlation with length below {LENGTH_LIMIT}": abs(self.with_length.mean) < LENGTH_LIMIT,
            "every adversarial kind below the real answer": all(
                kind.gap.low > 0 for kind in self.adversarial.values()
            ),
        }


def markdown(report: Report) -> str:
    """The report as a page."""
    lines = [
        "# Reward model",
        "",
        f"Data `{report.about['data']}`, encoder `{report.about['encoder']}`, seed {report.about['seed']}. "
        f"{report.about['questions']} questions that the model never saw; "
        f"{report.about['left_out_as_seen']} that it had seen were left out. Intervals are 95 %, by "
        "resampling questions.",
        "",
        "| accuracy | | 95 % interval | questions |",
        "| --- | --- | --- | --- |",
        _row("reward", report.accuracy),
        _row("its network alone, without the terms", report.network),
        _row("untrained encoder", report.untrained),
        _row("longer text wins", report.length_only),
        _row("reward less untrained encoder", report.gain),
        _row("answers of like length: reward", report.same_length),
        _row("answers of like length: untrained encoder", report.same_length_untrained),
        *(_row(f"source {name}", found) for name, found in report.by_source.items()),
        *(_row(name, found) for name, found in report.by_model.items()),
        "",
        "| rank correlation within a question | | 95 % interval | questions |",
        "| --- | --- | --- | --- |",
        _number("reward and what people gave", report.with_values),
        _number("reward and length", report.with_length),
        "",
        "| adversarial answer | scores below the real one | mean gap | 95 % interval | questions |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, kind in report.adversarial.items():
        lines.append(
            f"| {name} | {kind.below.mean:.1%} | {kind.gap.mean:.3f} | {kind.gap.low:.3f} to "
            f"{kind.gap.high:.3f} | {kind.gap.questions} |"
        )
    lines += ["", "| gate | |", "| --- | --- |"]
    lines += [f"| {name} | {'passed' if passed else 'failed'} |" for name, passed in report.gates.items()]
    return "\n".join(lines) + "\n"


def _row(name: str, one: Figure) -> str:
    if not one.questions:
        return f"| {name} | none | | 0 |"
    return f"| {name} | {one.mean:.1%} | {one.low:.1%} to {one.high:.1%} | {one.questions} |"


def _number(name: str, one: Figure) -> str:
    if not one.questions:
        return f"| {name} | none | | 0 |"
    return f"| {name} | {one.mean:.3f} | {one.low:.3f} to {one.high:.3f} | {one.questions} |"
