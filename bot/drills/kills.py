"""SIGKILL to the receiver and the workers under load: nothing acknowledged is lost, nobody is answered twice.

What GitHub could not deliver while the receiver was dead is sent again by hand, as GitHub lets an App do it.
Left out: machines that lose power, and databases that die with the rest.
Run: `thumbprint drill kills`, `pytest tests/integration/test_drills.py`.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bot.drills.town import START_S, Town
from bot.process import Process
from storage.records import Repository

LONGEST_PAUSE_S = 1.5
"""A process that works is killed within this, at any moment."""

THINKS_S = 0.5
"""How long the model takes for an answer, so that most kills meet jobs under way."""

QUIET_S = 600.0
"""Longest time from the last kill until everything is answered."""


@dataclass(kw_only=True)
class Kills:
    """What was done, and what came of it. `lost` and `doubled` name threads, and are empty if all is well."""

    seed: int
    killed: Counter[str] = field(default_factory=Counter)
    at_work: int = 0
    asked: int = 0
    refused: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def held(self) -> bool:
        """Whether each question has exactly one answer."""
        return not self.lost and not self.doubled

    def __str__(self) -> str:
        """The figures in a sentence or two."""
        killed = ", ".join(f"{name} {count}" for name, count in sorted(self.killed.items()))
        return (
            f"seed {self.seed}: {self.killed.total()} kills ({killed}), {self.at_work} with jobs under way; "
            f"{self.asked} questions, {self.refused} deliveries that met no receiver and were sent again; "
            f"{len(self.lost)} lost, {len(self.doubled)} answered twice; {self.seconds:.0f} s"
        )


def kills(
    town: Town, *, count: int, seed: int, a_kill: int = 2, tick: Callable[[], object] = lambda: None
) -> Kills:
    """Kill `count` times, `a_kill` questions before each; then wait until all is quiet, and look.

    Raises TimeoutError when it does not get quiet in `QUIET_S`, with what is left open.
    """
    town.model.seconds = THINKS_S
    chance, done, began = random.Random(seed), Kills(seed=seed), time.monotonic()  # noqa: S311
    since = datetime.now(UTC).replace(microsecond=0)
    threads: list[tuple[Repository, int]] = []
    for _ in range(count):
        victim = chance.choice(_somebody(town))
        for _ in range(a_kill):
            repository = chance.choice(town.repositories)
            threads.append((repository, town.ask(repository)))
        time.sleep(chance.uniform(0, LONGEST_PAUSE_S))
        done.at_work += bool(town.running())
        victim.kill()
        victim.wait_stopped(10)
        done.killed[victim.part.name] += 1
        town.run_what_died()
        tick()
    done.asked = len(threads)
    done.refused = quieten(town, since)
    done.lost, done.doubled = count_answers(town, threads, since)
    done.seconds = time.monotonic() - began
    return done


def _somebody(town: Town) -> list[Process]:
    """Those that work, once there is one."""
    until = time.monotonic() + START_S
    while not (up := town.up()):
        if time.monotonic() > until:
            raise TimeoutError(f"Nobody came to work in {START_S:.0f} s.")
        time.sleep(0.05)
    return up


def count_answers(
    town: Town, threads: list[tuple[Repository, int]], since: datetime
) -> tuple[list[str], list[str]]:
    """The threads without an answer, and those with more than one, as GitHub shows them."""
    lost, doubled = list[str](), list[str]()
    for repository, number in threads:
        answers = town.answers(repository, number, since)
        if len(answers) != 1:
            (doubled if answers else lost).append(f"{repository.full_name}#{number}")
    return lost, doubled


def quieten(town: Town, since: datetime) -> int:
    """Send again what was not acknowledged until all is, and wait for all jobs. Returns how many were."""
    until, again = time.monotonic() + QUIET_S, set[str]()
    while True:
        town.run_what_died()
        refused = {} if town.pending() else town.refused(since)
        for guid, attempt_id in refused.items():
            town.app.redeliver(attempt_id)
            again.add(guid)
        left = town.open_jobs()
        if not refused and not left and not town.pending():
            return len(again)
        if time.monotonic() > until:
            raise TimeoutError(
                f"Not quiet after {QUIET_S:.0f} s: {len(refused)} deliveries refused, open: {left}"
            )
        time.sleep(1)
