"""Alarms: what stops a training before it makes a policy that nobody wants. Pure.

Published runs fell to "Yes" and "No", to the question said again, to texts without end, and reward rose all
the while. A rate sounds only where it is over its limit and worse than at the start of the run: what begins
badly may get better. Rewards that drift apart sound where neither the rise nor the fall can be chance, by how
they scatter from batch to batch. Left out: the judgement of what a finished run made.
Run: `pytest tests/unit/learning/training/test_alarms.py`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import fmean

from storage.errors import ConfigurationError

SURE = 4.0
"""Standard errors that a change must be larger than; the best of many windows is high by chance alone."""
_BARE = re.compile(r"\W*(?:yes|no|i (?:do not|don.?t) know|maybe|sure|ok(?:ay)?)\W*", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Where each alarm sounds. Rates are shares of a batch's answers, from 0 to 1."""

    kl: float = 50.0
    """The most KL to the reference, in nats an answer."""
    yes_no: float = 0.2
    """The most answers that are a bare yes, no or I don't know."""
    echo: float = 0.2
    """The most answers that say the question again."""
    distinct: float = 0.1
    """The least share of a batch's word pairs that are different ones (distinct-2)."""
    never_ends: float = 0.5
    """The most answers that do not end by themselves."""
    patience: int = 3
    """How many batches in a row must be over a limit."""
    window: int = 5
    """Of how many batches the rewards are averaged, training's and the independent one."""
    fall: float = 0.05
    """How far the independent reward may fall from its best while training's rises, in its own units; further
    where that could be chance."""

    def check(self) -> None:
        """Raise ConfigurationError for a number of batches that none can be."""
        for name in ("patience", "window"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"The option {name} is {getattr(self, name)}: it must be over 0.")


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the alarms look at after a batch: the fields of `Limits`, as they are."""

    kl: float
    yes_no: float
    echo: float
    distinct: float
    never_ends: float
    reward: float
    independent: float | None = None


@dataclass
class Alarms:
    """What was seen since the run began, and whether it is time to stop."""

    limits: Limits
    seen: list[Seen] = field(default_factory=list)

    def look(self, seen: Seen) -> str | None:
        """The reason to stop after this batch, in one sentence, or None."""
        self.seen.append(seen)
        limits = self.limits
        checks = (
            self._over("kl", f"KL to the reference is over its cap of {limits.kl:g} nats an answer"),
            self._over("yes_no", f"more than {limits.yes_no:.0%} of the answers are a bare yes or no"),
            self._over("echo", f"more than {limits.echo:.0%} of the answers say the question again"),
            self._over("distinct", f"distinct-2 is under {limits.distinct:g}: the answers are all alike"),
            self._over("never_ends", f"more than {limits.never_ends:.0%} of the answers never end"),
            self._overoptimised(),
        )
        return next((reason for reason in checks if reason), None)

    def _over(self, name: str, reason: str) -> str | None:
        limit, sign = getattr(self.limits, name), -1 if name == "distinct" else 1
        last = [getattr(each, name) for each in self.seen[-self.limits.patience :]]
        if len(last) < self.limits.patience or not all(sign * value > sign * limit for value in last):
            return None
        first = getattr(self.seen[0], name)
        if name != "kl" and sign * last[-1] <= sign * first:
            return None
        return f"{reason}, {len(last)} batches in a row (now {last[-1]:.3g})."

    def _overoptimised(self) -> str | None:
        window = self.limits.window
        both = [(each.reward, each.independent) for each in self.seen if each.independent is not None]
        if len(both) < 2 * window:
            return None
        rewards, others = ([pair[side] for pair in both] for side in (0, 1))
        means = [fmean(others[end - window : end]) for end in range(window, len(both) - window + 1)]
        best = max(range(len(means)), key=means.__getitem__)
        then, now = fmean(rewards[best : best + window]), fmean(rewards[-window:])
        other = fmean(others[-window:])
        fell = max(self.limits.fall, SURE * _chance(others, window))
        if now - then <= SURE * _chance(rewards, window) or means[best] - other <= fell:
            return None
        return (
            f"the reward that trains rose from {then:.3f} to {now:.3f} while the independent one fell from "
            f"{means[best]:.3f} to {other:.3f}: the policy learns to please its reward model alone."
        )


def _chance(values: Sequence[float], window: int) -> float:
    """The standard error of a difference of two means over `window` of the `values`.

    The scatter is that of successive differences (von Neumann et al. 1941), which a slow trend leaves alone.
    """
    squares = [(later - earlier) ** 2 for earlier, later in pairwise(values)]
    return math.sqrt(fmean(squares) / window)  # twice the variance, and two means differ


def yes_no_rate(answers: Sequence[str]) -> float:
    """The share of answers that are nothing but yes, no, or that nothing is known; empty ones too."""
    return _share([not answer.strip() or _BARE.fullmatch(answer) is not None for answer in answers])


def echo_rate(questions: Sequence[str], answers: Sequence[str]) -> float:
    """The share of answers with three word triples or more of which 80 % stand in the question."""
    found = []
    for question, answer in zip(questions, answers, strict=True):
        asked, said = set(_grams(question, 3)), _grams(answer, 3)
        found.append(len(said) >= 3 and sum(gram in asked for gram in said) >= 0.8 * len(said))
    return _share(found)


def distinct(answers: Sequence[str], size: int = 2) -> float:
    """Distinct-n (Li et al., arXiv 1510.03055): different runs of `size` words over all of them, else 1."""
    grams = [gram for answer in answers for gram in _grams(answer, size)]
    return len(set(grams)) / len(grams) if grams else 1.0


def _grams(text: str, size: int) -> list[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return [tuple(words[start : start + size]) for start in range(len(words) - size + 1)]


def _share(found: Sequence[bool]) -> float:
    return sum(found) / len(found) if found else 0.0
