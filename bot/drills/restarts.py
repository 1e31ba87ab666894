"""PostgreSQL restarted every few seconds under load: nothing acknowledged is lost, nobody is answered twice.

What the receiver cannot keep meanwhile it must not acknowledge; a step whose end cannot be written down must
find what it did before. Left out: a database that fails over to a copy, and one that loses what it committed.
Run: `thumbprint drill restarts --database-url URL --restart COMMAND`, `pytest
tests/integration/test_drills_jobs.py`.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from bot.drills.questions import Figures, Questions
from bot.drills.town import Town
from storage.errors import ThumbprintError

THINKS_S = 2.0
"""How long the model takes for an answer: longer than it takes until the next question."""

BETWEEN_S = 1.0


@dataclass(kw_only=True)
class Restarts(Figures):
    """What was done, and what came of it."""

    seed: int
    times: int = 0
    refused: int = 0
    at_work: int = 0
    ended: Counter[str] = field(default_factory=Counter)

    @property
    def held(self) -> bool:
        """Whether jobs were under way at a restart indeed, and each question has exactly one answer."""
        return self.at_work > 0 and super().held

    def __str__(self) -> str:
        """The figures in a sentence or two."""
        ended = ", ".join(f"{name} {count}" for name, count in sorted(self.ended.items())) or "none"
        return (
            f"seed {self.seed}: PostgreSQL restarted {self.times} times, {self.at_work} of them with jobs "
            f"under way; {self.asked} questions, {self.refused} deliveries refused and sent again; "
            f"processes that ended: {ended}; {self.outcome()}"
        )


def restarts(
    town: Town,
    restart: Callable[[], object],
    *,
    times: int,
    every_s: tuple[float, float],
    seed: int,
    tick: Callable[[], object] = lambda: None,
) -> Restarts:
    """Restart so many times, each after a pause within `every_s`, while people ask all along; then look.

    `restart` returns once the server takes connections again. Raises TimeoutError when it does not get quiet.
    """
    town.model.seconds = THINKS_S
    chance, done, questions = random.Random(seed), Restarts(seed=seed), Questions(town)  # noqa: S311

    def ask_until(over: Callable[[], bool]) -> None:
        while not over():
            questions.ask(chance.choice(town.repositories))
            time.sleep(BETWEEN_S)

    for _ in range(times):
        until = time.monotonic() + chance.uniform(*every_s)
        ask_until(lambda: time.monotonic() > until)  # noqa: B023 - it is over before the next round
        done.at_work += _at_work(town)
        with ThreadPoolExecutor(1) as beside:
            restarted = beside.submit(restart)
            ask_until(restarted.done)
            restarted.result()
        done.times += 1
        done.ended.update(town.run_what_died())
        tick()
    done.refused = questions.quieten()
    questions.judge(done)
    return done


def _at_work(town: Town) -> bool:
    try:
        return town.running() > 0
    except ThumbprintError:
        return False
