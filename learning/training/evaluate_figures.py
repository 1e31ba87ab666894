"""Measured answers → the figures of an evaluation: by system, comparisons of two, correlations. Pure.

A system is a policy under a name: `base`, `sft`, `ppo`, any other adapter's. What is drawn for an interval is
a group, a question with all its attempts in all seeds. *Best of n* keeps, of the same n answers that every
system writes to a question, the one that the training reward likes best: at equal compute by construction.
Distinct-n is of batches of 64 answers, as the alarms see them: of more answers it is always smaller.
Left out: how answers are measured (`learning/training/evaluate_measures.py`), what is wanted of them
(`learning/training/evaluate_targets.py`).
Run: `pytest tests/unit/learning/training/test_evaluate_figures.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from learning.intervals import Interval, bootstrap, spearman
from learning.training.alarms import distinct
from learning.training.metrics import bleu

BASE = "base"
BATCH = 64
"""Answers whose distinct-n is counted together."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A number that every answer has. Shown `times` this much, with so many `digits`."""

    name: str
    title: str
    times: float = 1.0
    digits: int = 3


METRICS = (
    Metric(name="independent", title="independent reward"),
    Metric(name="reward", title="training reward"),
    Metric(name="rouge_1", title="ROUGE-1", digits=4),
    Metric(name="rouge_2", title="ROUGE-2", digits=4),
    Metric(name="rouge_l", title="ROUGE-L", digits=4),
    Metric(name="bleu", title="SacreBLEU, a sentence", digits=4),
    Metric(name="bertscore", title="BERTScore", digits=4),
    Metric(name="tokens", title="tokens", digits=1),
    Metric(name="distinct_1", title="distinct-1 of 64"),
    Metric(name="distinct_2", title="distinct-2 of 64"),
    Metric(name="yes_no", title="yes/no, %", times=100, digits=1),
    Metric(name="echo", title="echo, %", times=100, digits=1),
    Metric(name="ended", title="ends by itself, %", times=100, digits=1),
    Metric(name="written", title="tokens written for it", digits=1),
)
TITLES = {one.name: one for one in METRICS}
CORRELATED = ("rouge_1", "rouge_2", "rouge_l", "bleu", "bertscore", "tokens", "ended")
REWARDS = ("independent", "reward")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer of one system with all that was measured of it: `values` by a metric's name."""

    system: str
    seed: int
    question: str
    group: str
    attempt: int
    text: str
    reference: str
    values: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Line:
    """One system. `figures` by a metric's name; `corpus_bleu` the mean over attempts and seeds."""

    system: str
    answers: int
    figures: Mapping[str, Interval]
    corpus_bleu: float
    by_seed: Mapping[str, tuple[float, ...]]
    """Means of each metric in each seed: how much the seeds differ."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One system against another on the same questions and seeds, by one metric.

    `wins` is the share that ours wins, a tie half; `difference` ours less theirs; both paired.
    """

    ours: str
    theirs: str
    by: str
    wins: Interval
    difference: Interval
    by_seed: tuple[float, ...]
    """The difference in each seed."""


@dataclass(frozen=True, kw_only=True)
class Correlation:
    """The rank correlation of a metric with a reward, over all answers of all systems."""

    metric: str
    reward: str
    rho: Interval


def best_of(answers: Sequence[Answer], count: int) -> list[Answer]:
    """Of each system's first `count` answers to a question in a seed the one with the highest reward."""
    found: dict[tuple[str, int, str], list[Answer]] = defaultdict(list)
    for one in answers:
        if one.attempt < count:
            found[one.system, one.seed, one.question].append(one)
    made = []
    for some in found.values():
        best = max(some, key=lambda one: (one.values["reward"], -one.attempt))
        written = sum(one.values["tokens"] for one in some)
        values = {**best.values, "written": written}
        made.append(replace(best, system=best_name(best.system, count), attempt=0, values=values))
    return made


def best_name(system: str, count: int) -> str:
    """The name of a system that keeps the best of `count` answers."""
    return f"{system}, best of {count}"


def lines(answers: Sequence[Answer]) -> list[Line]:
    """Each system's figures, in the order in which the systems come."""
    return [_line(name, some) for name, some in _by_system(answers).items()]


def _line(system: str, answers: Sequence[Answer]) -> Line:
    groups = [one.group for one in answers]
    names = [one.name for one in METRICS if one.name in answers[0].values]
    figures = {name: bootstrap([one.values[name] for one in answers], groups) for name in names}
    for size in (1, 2):
        figures[f"distinct_{size}"] = bootstrap(_distinct(answers, size))
    seeds = sorted({one.seed for one in answers})
    blocks = _blocks(answers)
    return Line(
        system=system,
        answers=len(answers),
        figures={one.name: figures[one.name] for one in METRICS if one.name in figures},
        corpus_bleu=fmean(
            bleu([one.text for one in some], [one.reference for one in some]) for some in blocks
        ),
        by_seed={
            name: tuple(fmean(one.values[name] for one in answers if one.seed == seed) for seed in seeds)
            for name in names
        },
    )


def _blocks(answers: Sequence[Answer]) -> list[list[Answer]]:
    """The answers of one attempt in one seed: every question once."""
    found: dict[tuple[int, int], list[Answer]] = defaultdict(list)
    for one in answers:
        found[one.seed, one.attempt].append(one)
    return [found[key] for key in sorted(found)]


def _distinct(answers: Sequence[Answer], size: int) -> list[float]:
    """Distinct-n of each whole batch; of what there is where it is less than one."""
    texts = [one.text for some in _blocks(answers) for one in some]
    batches = [texts[at : at + BATCH] for at in range(0, len(texts), BATCH)]
    whole = [some for some in batches if len(some) == BATCH]
    return [distinct(some, size) for some in whole or batches]


def comparisons(
    answers: Sequence[Answer], best: Sequence[Answer], count: int, deployed: str
) -> list[Comparison]:
    """Every system against the base, the deployed one and `sft`; with a `best` of `count` each system's
    against the base's, at equal compute, and each system's single answers against the base's best."""
    systems, chosen = _by_system(answers), _by_system(best)
    made: list[Comparison] = []
    for name, some in systems.items():
        others = [] if name == BASE else [BASE, deployed, "sft"]
        for theirs in dict.fromkeys(others):
            if theirs in systems and theirs != name:
                made += _compared(some, systems[theirs])
        if chosen and name != BASE:
            of_base = chosen[best_name(BASE, count)]
            made += [*_compared(chosen[best_name(name, count)], of_base), *_compared(some, of_base)]
    return made


def _compared(ours: Sequence[Answer], theirs: Sequence[Answer]) -> Iterator[Comparison]:
    for metric in (*REWARDS, "rouge_1"):
        if metric in ours[0].values:
            yield compare(ours, theirs, metric)


def compare(ours: Sequence[Answer], theirs: Sequence[Answer], metric: str) -> Comparison:
    """Two systems by a metric. Where they have one answer to a question, each of ours is held against it.

    Raises ValueError where they have none to a question of ours.
    """
    table = {(one.seed, one.question, one.attempt): one.values[metric] for one in theirs}
    single = all(one.attempt == 0 for one in theirs)
    pairs = []
    for one in ours:
        key = (one.seed, one.question, 0 if single else one.attempt)
        if key not in table:
            raise ValueError(f"{theirs[0].system} has no answer to compare with one of {one.system}")
        pairs.append((one.values[metric], table[key]))
    groups = [one.group for one in ours]
    seeds = sorted({one.seed for one in ours})
    gaps = [a - b for a, b in pairs]
    return Comparison(
        ours=ours[0].system,
        theirs=theirs[0].system,
        by=metric,
        wins=bootstrap([1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs], groups),
        difference=bootstrap(gaps, groups),
        by_seed=tuple(
            fmean(gap for gap, one in zip(gaps, ours, strict=True) if one.seed == seed) for seed in seeds
        ),
    )


def correlations(answers: Sequence[Answer]) -> list[Correlation]:
    """Each metric with each reward, and the two rewards with each other, over all answers."""
    rewards = [name for name in REWARDS if name in answers[0].values]
    groups = [one.group for one in answers]
    pairs = [(metric, reward) for metric in CORRELATED for reward in rewards]
    pairs += [("independent", "reward")] if len(rewards) == 2 else []
    return [
        Correlation(
            metric=metric,
            reward=reward,
            rho=spearman(
                [one.values[metric] for one in answers],
                [one.values[reward] for one in answers],
                groups,
                resamples=200,
            ),
        )
        for metric, reward in pairs
    ]


def _by_system(answers: Sequence[Answer]) -> dict[str, list[Answer]]:
    found: dict[str, list[Answer]] = defaultdict(list)
    for one in answers:
        found[one.system].append(one)
    return dict(found)
