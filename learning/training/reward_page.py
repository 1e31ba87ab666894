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
FEWEST = 30
"""Over fewer questions a gate says nothing: neither that a model passed it nor that it failed."""
GATES = {
    "accuracy above chance": "an interval above 50%",
    "accuracy above length alone": "more than by length alone",
    f"rank correlation with length below {LENGTH_LIMIT}": f"under {LENGTH_LIMIT}, either way",
    "every adversarial kind below the real answer": "gaps whose intervals are above 0",
}
"""What a reward model must pass before it trains a policy: each gate, and what it wants."""


@dataclass(frozen=True, kw_only=True)
class Gate:
    """One gate: whether its figure keeps to it, the figure in words, and over how many questions it is."""

    name: str
    holds: bool
    figure: str = ""
    questions: int = 0

    @property
    def passed(self) -> bool | None:
        """None where it was not judged, for want of questions."""
        return self.holds if self.questions >= FEWEST else None

    @property
    def found(self) -> str:
        """The figure, or that there were too few questions for one."""
        count = "1 question" if self.questions == 1 else f"{self.questions} questions"
        if self.passed is None:
            return f"only {count}, and {FEWEST} are needed"
        return f"{self.figure} over {count}"


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
        """Whether the figure of each gate keeps to it, over however many questions it is."""
        return {gate.name: gate.holds for gate in self.judged}

    @property
    def judged(self) -> tuple[Gate, ...]:
        """The gates with their figures, in the order of `GATES`."""
        won, length = self.accuracy, self.with_length
        chance, longer, along, below = GATES
        return (
            Gate(name=chance, holds=won.low > 0.5, figure=_share(won), questions=won.questions),
            Gate(
                name=longer,
                holds=won.mean > self.length_only.mean,
                figure=f"{won.mean:.1%} against {self.length_only.mean:.1%}",
                questions=won.questions,
            ),
            Gate(
                name=along,
                holds=abs(length.mean) < LENGTH_LIMIT,
                figure=f"{length.mean:.3f}",
                questions=length.questions,
            ),
            _below(below, self.adversarial),
        )


def unjudged() -> tuple[Gate, ...]:
    """The gates where there is no question to judge by."""
    return tuple(Gate(name=name, holds=False) for name in GATES)


def _below(name: str, kinds: Mapping[str, Adversarial]) -> Gate:
    """Of the adversarial kinds the one that says most: the worst that is shown to fail, else the worst.

    One kind that fails over enough questions is enough; that all are below takes enough questions of each.
    """
    failing = {kind: each.gap for kind, each in kinds.items() if not each.gap.low > 0}
    shown = {kind: gap for kind, gap in failing.items() if gap.questions >= FEWEST}
    gaps = shown or failing or {kind: each.gap for kind, each in kinds.items()}
    if not gaps:
        return Gate(name=name, holds=True)
    worst = min(gaps, key=lambda kind: gaps[kind].low)
    gap = gaps[worst]
    return Gate(
        name=name,
        holds=not failing,
        figure=f"{worst} by {gap.mean:.3f} ({gap.low:.3f} to {gap.high:.3f})",
        questions=gap.questions if failing else min(each.questions for each in gaps.values()),
    )


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


def _share(one: Figure) -> str:
    return f"{one.mean:.1%} ({one.low:.1%} to {one.high:.1%})"


def _number(name: str, one: Figure) -> str:
    if not one.questions:
        return f"| {name} | none | | 0 |"
    return f"| {name} | {one.mean:.3f} | {one.low:.3f} to {one.high:.3f} | {one.questions} |"
