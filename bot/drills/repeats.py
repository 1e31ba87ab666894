"""Each delivery several times, shuffled, many at once, over many workers: one answer each.

The receiver is away while people ask, so that none of it was there before; then GitHub sends everything
again and again, in any order. Left out: the same comment under another delivery id (`tests/unit/webhooks`).
Run: `thumbprint drill repeats --database-url URL --workers 8`, `pytest
tests/integration/test_drills_jobs.py`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bot.drills.kills import count_answers, quieten
from bot.drills.town import Town, wait_for
from storage.records import Repository

AT_ONCE = 8
"""Deliveries that GitHub sends at the same time."""

STOP_S = 20.0


@dataclass(kw_only=True)
class Repeats:
    """What was done, and what came of it. `lost` and `doubled` name threads, and are empty if all is well."""

    seed: int
    times: int
    workers: int = 0
    asked: int = 0
    sent: int = 0
    jobs: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def held(self) -> bool:
        """Whether each question became one job, and has one answer."""
        return self.jobs == self.asked and not self.lost and not self.doubled

    def __str__(self) -> str:
        """The figures in a sentence or two."""
        return (
            f"seed {self.seed}: {self.asked} questions, each delivered {self.times} times, {self.sent} "
            f"deliveries shuffled over {self.workers} workers; {self.jobs} jobs, {len(self.lost)} lost, "
            f"{len(self.doubled)} answered twice; {self.seconds:.0f} s"
        )


def repeats(
    town: Town, *, count: int, times: int, seed: int, tick: Callable[[], object] = lambda: None
) -> Repeats:
    """Ask so often while the receiver is away, have each delivery sent so often, and look.

    Raises TimeoutError when it does not get quiet.
    """
    chance, began = random.Random(seed), time.monotonic()  # noqa: S311
    done = Repeats(seed=seed, times=times, workers=len(town.workers))
    since = datetime.now(UTC).replace(microsecond=0)
    town.receiver.ask_to_stop()
    town.receiver.wait_stopped(STOP_S)
    threads: list[tuple[Repository, int]] = []
    for _ in range(count):
        repository = chance.choice(town.repositories)
        threads.append((repository, town.ask(repository)))
        tick()
    while town.pending():
        time.sleep(0.1)
    town.receiver.start()
    wait_for(town.receiver.ready, town.receiver)
    attempts = list(town.refused(since).values()) * times
    chance.shuffle(attempts)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        done.sent = sum(pool.map(town.app.redeliver, attempts))
    quieten(town, since)
    done.asked = len(threads)
    with town.database.unit(read_only=True) as unit:
        done.jobs = sum(len(unit.jobs.of_repository(one.id)) for one in town.repositories)
    done.lost, done.doubled = count_answers(town, threads, since)
    done.seconds = time.monotonic() - began
    return done
