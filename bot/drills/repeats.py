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
from dataclasses import dataclass

from bot.drills.questions import Figures, Questions
from bot.drills.town import Town, wait_for

AT_ONCE = 8
"""Deliveries that GitHub sends at the same time."""

STOP_S = 20.0


@dataclass(kw_only=True)
class Repeats(Figures):
    """What was done, and what came of it."""

    seed: int
    times: int
    workers: int = 0
    sent: int = 0
    jobs: int = 0

    @property
    def held(self) -> bool:
        """Whether each question became one job, and has one answer."""
        return self.jobs == self.asked and super().held

    def __str__(self) -> str:
        """The figures in a sentence or two."""
        return (
            f"seed {self.seed}: {self.asked} questions, each delivered {self.times} times, {self.sent} "
            f"deliveries shuffled over {self.workers} workers; {self.jobs} jobs, {self.outcome()}"
        )


def repeats(
    town: Town, *, count: int, times: int, seed: int, tick: Callable[[], object] = lambda: None
) -> Repeats:
    """Ask so often while the receiver is away, have each delivery sent so often, and look.

    Raises TimeoutError when it does not get quiet.
    """
    chance, questions = random.Random(seed), Questions(town)  # noqa: S311
    done = Repeats(seed=seed, times=times, workers=len(town.workers))
    town.receiver.ask_to_stop()
    town.receiver.wait_stopped(STOP_S)
    for _ in range(count):
        questions.ask(chance.choice(town.repositories))
        tick()
    while town.pending():
        time.sleep(0.1)
    town.receiver.start()
    wait_for(town.receiver.ready, town.receiver)
    attempts = list(questions.refused().values()) * times
    chance.shuffle(attempts)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        done.sent = sum(pool.map(town.app.redeliver, attempts))
    questions.quieten()
    with town.database.unit(read_only=True) as unit:
        done.jobs = sum(len(unit.jobs.of_repository(one.id)) for one in town.repositories)
    questions.judge(done)
    return done
