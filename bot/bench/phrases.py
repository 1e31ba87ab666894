"""`thumbprint bench phrases`: how long the memory takes at 100,000 phrases and 100,000 events.

On a made-up repository (`made_up.py`). Left out: the database and the encoder, which are not the memory's.

    thumbprint bench phrases
"""

from __future__ import annotations

import gc
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from rich.console import Console
from rich.table import Table

from bot.bench.made_up import START, MadeUp
from learning.memory.choice import assess, choose
from learning.memory.index import PhraseIndex
from learning.memory.phrases import fold
from storage.records import PhraseWeight

CAP_TOKENS = 200
CHOICE_TARGET_MS, FOLD_TARGET_S = 10.0, 30.0
TOUCHED = 8
"""Phrases that one edit or thumb changes, about."""
NOW = START + timedelta(days=30)
Done = TypeVar("Done")


@dataclass(frozen=True, kw_only=True)
class Report:
    """Milliseconds of CPU a choice (median, 99th percentile, longest), seconds for building and folding.

    `revision_s` is what `TOUCHED` phrases that changed cost: the index brought up to date, and one choice.

    `_s` is CPU of the one thread that works, `_wall_s` what the clock says: more on a machine that is busy.
    """

    phrases: int
    questions: int
    build_s: float
    build_wall_s: float
    revision_s: float
    revision_wall_s: float
    median_ms: float
    p99_ms: float
    longest_ms: float
    assess_p99_ms: float
    lessons_a_choice: float
    events: int
    fold_s: float
    fold_wall_s: float
    folded: int

    @property
    def met(self) -> bool:
        """Whether both targets are met."""
        return self.p99_ms <= CHOICE_TARGET_MS and self.fold_s <= FOLD_TARGET_S


def run(
    *,
    phrases: int = 100_000,
    events: int = 100_000,
    questions: int = 1000,
    seed: int = 0,
    console: Console | None = None,
) -> Report:
    """Measure and print."""
    console = console or Console(stderr=True)
    made_up = MadeUp(seed)
    with console.status(f"choosing from {phrases:,} phrases …"):
        weights = [made_up.weight(n) for n in range(phrases)]
        gc.collect()
        gc.freeze()  # the collector is not to walk what this benchmark made up, again and again
        index, build_s, build_wall_s = _timed(lambda: PhraseIndex.build(weights, NOW))
        news = {one.phrase.id: one for one in map(made_up.weight, range(phrases, phrases + TOUCHED))}
        asked = [made_up.question() for _ in range(questions)]
        index, revision_s, revision_wall_s = _timed(lambda: _brought_up(index, news, asked[0]))
        gc.unfreeze()
        taken, lessons = _choices(index, asked)
        judged = _assessments(index, [made_up.text(120) for _ in range(questions)])
    with console.status(f"folding {events:,} events …"):
        stories = made_up.stories(events)
        gc.collect()
        gc.freeze()
        folded, fold_s, fold_wall_s = _timed(lambda: fold(stories, START + timedelta(days=365)))
        gc.unfreeze()
    report = Report(
        phrases=phrases,
        questions=questions,
        build_s=build_s,
        build_wall_s=build_wall_s,
        revision_s=revision_s,
        revision_wall_s=revision_wall_s,
        median_ms=taken[len(taken) // 2],
        p99_ms=taken[math.ceil(len(taken) * 0.99) - 1],
        longest_ms=taken[-1],
        assess_p99_ms=judged[math.ceil(len(judged) * 0.99) - 1],
        lessons_a_choice=lessons / questions,
        events=sum(len(story) for _, story in stories),
        fold_s=fold_s,
        fold_wall_s=fold_wall_s,
        folded=len(folded),
    )
    show(report, console)
    return report


def show(report: Report, console: Console) -> None:
    """Print the table and whether the targets are met."""
    table = Table("what", "measured", "target")
    table.add_row(
        f"choice among {report.phrases:,} phrases, p99 of {report.questions:,} questions",
        f"{report.p99_ms:.2f} ms of CPU (median {report.median_ms:.2f}, longest {report.longest_ms:.2f})",
        f"{CHOICE_TARGET_MS:.0f} ms",
    )
    table.add_row(
        f"{report.events:,} events folded into {report.folded:,} weights",
        f"{report.fold_s:.1f} s of CPU ({report.fold_wall_s:.1f} s by the clock)",
        f"{FOLD_TARGET_S:.0f} s",
    )
    table.add_row("a text of 120 words judged by all phrases, p99", f"{report.assess_p99_ms:.2f} ms", "")
    built = f"{report.build_s:.1f} s of CPU ({report.build_wall_s:.1f} s by the clock)"
    table.add_row("index built, once a start", built, "")
    brought = f"{report.revision_s:.3f} s of CPU ({report.revision_wall_s:.3f} s by the clock)"
    table.add_row(f"index brought up to date after {TOUCHED} phrases changed, and asked", brought, "")
    console.print(table)
    console.print(
        f"{report.lessons_a_choice:.1f} lessons a choice; load average {os.getloadavg()[0]:.1f} "
        f"on {os.cpu_count()} cores; targets {'met' if report.met else 'MISSED'}."
    )


def _timed(work: Callable[[], Done]) -> tuple[Done, float, float]:
    """What a piece of work gives, this thread's seconds of CPU, and the seconds by the clock."""
    cpu, clock = time.thread_time(), time.perf_counter()
    done = work()
    return done, time.thread_time() - cpu, time.perf_counter() - clock


def _brought_up(index: PhraseIndex, news: Mapping[str, PhraseWeight], question: str) -> PhraseIndex:
    """The index of the next revision, after its first choice: what is laid out when asked is paid too."""
    later = index.changed(news, NOW + timedelta(hours=1))
    choose(later, question, CAP_TOKENS, _tokens)
    return later


def _choices(index: PhraseIndex, questions: Sequence[str]) -> tuple[list[float], int]:
    """Milliseconds of CPU of each choice, sorted, and how many lessons were chosen in all."""
    taken, lessons = [], 0
    for question in questions:
        began = time.thread_time()
        choice = choose(index, question, CAP_TOKENS, _tokens)
        taken.append((time.thread_time() - began) * 1000)
        lessons += len(choice.weights)
    return sorted(taken), lessons


def _assessments(index: PhraseIndex, texts: Sequence[str]) -> list[float]:
    """Milliseconds of CPU of each assessment, sorted."""
    taken = []
    for text in texts:
        began = time.thread_time()
        assess(index, text)
        taken.append((time.thread_time() - began) * 1000)
    return sorted(taken)


def _tokens(text: str) -> int:
    """About four characters a token: the model's own tokeniser is not what is measured."""
    return len(text) // 4 + 1
