"""The gate's decision: figures about two policies' answers → checks, each passed or not. Pure.

The default is *no*: a check whose figure is missing or no number has failed, and whoever lacks one of
`CHECKS` has not passed. Shares and rates are compared with those of the policy that serves now, for honest
answers, too, have a link or an open end now and then; and with limits that hold for any policy. Left out:
taking the figures (`learning/training/gate.py`), and how a reader sees them.

    pytest tests/unit/learning/training/test_gate_rules.py
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from learning.intervals import Interval
from learning.training.canaries import Kind
from learning.training.gate_memory import Memory
from learning.training.gate_options import Limits
from learning.training.signs import Sign


@dataclass(frozen=True, kw_only=True)
class Share:
    """So many `of` all."""

    count: int
    of: int

    @property
    def value(self) -> float:
        """The share; NaN of none."""
        return self.count / self.of if self.of else math.nan


NONE = Share(count=0, of=0)


@dataclass(frozen=True, kw_only=True)
class Side:
    """What one policy's answers came to. `passed` by canary kind, `signs` by sign, `tokens` an answer."""

    passed: Mapping[str, Share]
    signs: Mapping[str, Share]
    tokens: float
    distinct: float
    boilerplate: float
    run: str = ""
    """The six words that its answers share most."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Everything the decision rests on; None where a figure could not be taken. Intervals are of 95 %."""

    questions: int
    candidate: Side
    serving: Side
    wins: Interval | None = None
    """How often the independent reward prefers the candidate's answer; a tie is a half."""
    reward: Interval | None = None
    """Its mean reward, less the serving policy's."""
    slices: Mapping[str, Interval] = field(default_factory=dict)
    """The win rate by repository and by the question's length."""
    length: Interval | None = None
    """Mean tokens, as a ratio to the serving policy's."""
    kl_base: Interval | None = None
    kl_deployed: Interval | None = None
    memory: Memory | None = None
    """The small loop benchmark with the candidate and with the serving policy."""
    missing: Mapping[str, str] = field(default_factory=dict)
    """Why a check could not be taken, by its name."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One condition: what was found, what was wanted, and why not, in a sentence, where it did not pass."""

    name: str
    passed: bool
    found: str
    wanted: str
    why: str = ""


SIGNS = {
    Sign.REFUSAL: "refusals",
    Sign.YES_NO: "bare yes or no",
    Sign.ECHO: "echoes",
    Sign.REPETITION: "repetition",
    Sign.MENTION: "mentions",
    Sign.LINK: "links",
    Sign.FLATTERY: "flattery",
    Sign.NO_END: "ends",
}
"""The check of each sign."""

QUESTIONS = "questions"
WINS, REWARD, SLICES, LENGTH = "win rate", "independent reward", "slices", "length"
KL_BASE, KL_DEPLOYED, MEMORY = "KL to the base", "KL to the deployed", "phrase memory"
NOT_TAKEN = "not taken"
JUDGED = (WINS, REWARD, SLICES)
"""The checks that need an independent reward."""
CHECKS: tuple[str, ...] = (
    QUESTIONS,
    *(f"canaries: {kind.value}" for kind in Kind),
    *SIGNS.values(),
    "boilerplate",
    "variety",
    *(LENGTH, KL_BASE, KL_DEPLOYED, *JUDGED, MEMORY),
)
"""Every check, in the order of the report. One that is not there has not passed."""


def judge(figures: Figures, limits: Limits | None = None) -> tuple[Check, ...]:
    """All `CHECKS`, in their order."""
    limits = limits or Limits()
    made = {check.name: check for check in _checks(figures, limits)}
    return tuple(
        made.get(name)
        or Check(
            name=name,
            passed=False,
            found="not taken",
            wanted="a figure",
            why=figures.missing.get(name, "the figure is missing"),
        )
        for name in CHECKS
    )


def passed(checks: Sequence[Check]) -> bool:
    """Whether there is every check, once, and each passed."""
    return [check.name for check in checks] == list(CHECKS) and all(check.passed for check in checks)


def _checks(figures: Figures, limits: Limits) -> Iterator[Check]:
    yield _least(QUESTIONS, figures.questions, limits.questions, "{:.0f}", "give it more unseen questions")
    yield from _canaries(figures, limits)
    yield from _rates(figures, limits)
    yield from _texts(figures, limits)
    yield from _distances(figures, limits)
    yield from _rewards(figures, limits)
    if figures.memory is not None:
        reason = figures.memory.worse
        yield Check(
            name=MEMORY,
            passed=not reason,
            found=figures.memory.found,
            wanted="no worse than with the serving policy",
            why=reason,
        )


def _canaries(figures: Figures, limits: Limits) -> Iterator[Check]:
    for kind in Kind:
        ours, theirs = (side.passed.get(kind, NONE) for side in (figures.candidate, figures.serving))
        if ours.of and theirs.of:
            floor = limits.canary_floor
            if kind is Kind.FACTS:  # one that is too small to read a thread is not held to it for ever
                floor = min(floor, theirs.value)
            wanted = max(floor, theirs.value - limits.canary_slack)
            yield _least(f"canaries: {kind.value}", ours.value, wanted, "{:.0%}", "see the answers' faults")


def _rates(figures: Figures, limits: Limits) -> Iterator[Check]:
    for sign, name in SIGNS.items():
        ours, theirs = (side.signs.get(sign, NONE) for side in (figures.candidate, figures.serving))
        if ours.of and theirs.of:
            most = theirs.value + limits.rate_slack
            if sign is not Sign.NO_END:
                most = min(limits.rate_ceiling, most)
            yield _most(name, ours.value, most, "{:.1%}", f"too many answers have this sign: {sign.value}")


def _texts(figures: Figures, limits: Limits) -> Iterator[Check]:
    ours, theirs = figures.candidate, figures.serving
    most = max(limits.boilerplate, theirs.boilerplate + limits.rate_slack)
    yield _most("boilerplate", ours.boilerplate, most, "{:.1%}", f"said to everybody: “{ours.run}”")
    least = limits.variety * theirs.distinct
    yield _least("variety", ours.distinct, least, "{:.3f}", "the answers are all alike (distinct-2)")


def _distances(figures: Figures, limits: Limits) -> Iterator[Check]:
    if figures.length is not None:
        value = figures.length.value
        yield Check(
            name=LENGTH,
            passed=limits.length_low <= value <= limits.length_high,
            found=shown(figures.length, "{:.2f}"),
            wanted=f"{limits.length_low:g} to {limits.length_high:g}",
            why=_unless(
                limits.length_low <= value <= limits.length_high, "its answers have another length by far"
            ),
        )
    for name, found in ((KL_BASE, figures.kl_base), (KL_DEPLOYED, figures.kl_deployed)):
        if found is not None:
            yield _most(name, found.value, limits.kl, "{:.3f}", "it went too far away", found)


def _rewards(figures: Figures, limits: Limits) -> Iterator[Check]:
    if (wins := figures.wins) is not None:
        good = wins.low > limits.win_rate
        yield Check(
            name=WINS,
            passed=good,
            found=shown(wins, "{:.1%}"),
            wanted=f"a lower bound over {limits.win_rate:.0%}",
            why=_unless(good, "nothing shows that its answers are better"),
        )
    if (reward := figures.reward) is not None:
        good = reward.low > 0
        yield Check(
            name=REWARD,
            passed=good,
            found=shown(reward, "{:+.3f}"),
            wanted="a lower bound over 0",
            why=_unless(good, "the reward model that did not train it gives it no more"),
        )
    judging = {name: one for name, one in figures.slices.items() if one.groups >= limits.slice_questions}
    if judging:
        worst = min(judging, key=lambda name: judging[name].high)
        good = all(one.high >= limits.win_rate for one in judging.values())
        yield Check(
            name=SLICES,
            passed=good,
            found=f"{worst}: {shown(judging[worst], '{:.1%}')}",
            wanted=f"none whose upper bound is under {limits.win_rate:.0%}",
            why=_unless(good, f"it is worse where the slice is {worst}"),
        )


def _least(name: str, value: float, wanted: float, form: str, why: str) -> Check:
    good = value >= wanted
    return Check(
        name=name,
        passed=good,
        found=form.format(value),
        wanted=f"at least {form.format(wanted)}",
        why=_unless(good, why),
    )


def _most(
    name: str, value: float, wanted: float, form: str, why: str, interval: Interval | None = None
) -> Check:
    good = value <= wanted
    found = shown(interval, form) if interval else form.format(value)
    return Check(
        name=name, passed=good, found=found, wanted=f"at most {form.format(wanted)}", why=_unless(good, why)
    )


def shown(one: Interval, form: str) -> str:
    """An interval as people read it: `61.2% [55.0%, 67.1%]`."""
    return f"{form.format(one.value)} [{form.format(one.low)}, {form.format(one.high)}]"


def _unless(good: bool, why: str) -> str:
    return "" if good else why
