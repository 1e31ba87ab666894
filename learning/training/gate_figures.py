"""From texts, rewards and distances to the gate's figures. Pure.

Both policies answered the same prompts equally often; attempt by attempt they are compared, and whole groups,
a thread or a corpus's question, are resampled. Left out: the decision (`learning/training/gate_rules.py`),
where texts and rewards come from (`learning/training/gate.py`).

    pytest tests/unit/learning/training/test_gate_figures.py
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from learning.intervals import Interval, bootstrap, paired, ratio
from learning.training.alarms import distinct
from learning.training.canaries import Canary, Kind, fault
from learning.training.gate_rules import Share, Side
from learning.training.signs import Sign, boilerplate, signs

LENGTHS = ("short questions", "middling questions", "long questions")


@dataclass(frozen=True, kw_only=True)
class Said:
    """One answer: to which question of which group, its text, its tokens, whether it ended by itself."""

    group: str
    question: str
    """The question alone, as plain text: what a reward reads."""
    prompt: str
    """All that the policy read last: thread, question and lessons."""
    text: str
    tokens: int
    ended: bool


@dataclass(frozen=True, kw_only=True)
class Fault:
    """An answer to a canary with something wrong."""

    canary: str
    kind: str
    what: str
    text: str


def side(said: Sequence[Said], canaries: Sequence[tuple[Canary, str, bool]]) -> tuple[Side, list[Fault]]:
    """What one policy's answers came to, and what was wrong with those to canaries: (canary, text, ended)."""
    faults = [
        Fault(canary=canary.id, kind=canary.kind.value, what=wrong, text=text)
        for canary, text, ended in canaries
        if (wrong := fault(canary, text, ended=ended))
    ]
    asked = Counter(canary.kind.value for canary, _, _ in canaries)
    failed = Counter(one.kind for one in faults)
    seen = Counter(sign for one in said for sign in signs(one.prompt, one.text, ended=one.ended))
    common, run = boilerplate([one.prompt for one in said], [one.text for one in said])
    made = Side(
        passed={
            kind.value: Share(count=asked[kind.value] - failed[kind.value], of=asked[kind.value])
            for kind in Kind
        },
        signs={sign: Share(count=seen[sign], of=len(said)) for sign in Sign},
        tokens=fmean(one.tokens for one in said) if said else 0.0,
        distinct=distinct([one.text for one in said]),
        boilerplate=common,
        run=run,
    )
    return made, faults


def wins(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """1 where ours is more, 0 where it is less, a half for a tie."""
    return [0.5 + 0.5 * ((a > b) - (a < b)) for a, b in zip(ours, theirs, strict=True)]


def compared(
    said: Sequence[Said], ours: Sequence[float], theirs: Sequence[float]
) -> tuple[Interval, Interval, Mapping[str, Interval]]:
    """By rewards of both: the win rate, the mean difference, and the win rate of each slice."""
    groups, won = [one.group for one in said], wins(ours, theirs)
    parts: dict[str, list[int]] = {}
    for place, names in enumerate(slices(said)):
        for name in names:
            parts.setdefault(name, []).append(place)
    by_slice = {
        name: bootstrap([won[n] for n in places], [groups[n] for n in places])
        for name, places in sorted(parts.items())
    }
    return bootstrap(won, groups), paired(ours, theirs, groups), by_slice


def lengths(ours: Sequence[Said], theirs: Sequence[Said]) -> Interval:
    """Mean tokens as a ratio to theirs."""
    return ratio([one.tokens for one in ours], [one.tokens for one in theirs], [one.group for one in ours])


def slices(said: Sequence[Said]) -> list[tuple[str, str]]:
    """The slices of each answer: its repository, or the corpus; and a third by the question's length."""
    sizes = sorted({one.question: len(one.question) for one in said}.values())
    borders = [sizes[len(sizes) * part // 3] for part in (1, 2)] if sizes else []
    return [
        (_home(one.group), LENGTHS[sum(len(one.question) >= border for border in borders)]) for one in said
    ]


def _home(group: str) -> str:
    """`repository 7` of `github/7/12`; else a corpus's question."""
    parts = group.split("/")
    return f"repository {parts[1]}" if len(parts) == 3 and parts[0] == "github" else "corpus"
