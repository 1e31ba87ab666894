"""Responses that are lost after GitHub carried a request out: each question has one comment all the same.

For each question the playground keeps the next new comment, and then cuts the connection or answers 500, 502
or 504. Left out: lists that lag besides (`tests/unit/bot/test_duplicates.py`), and workers that die meanwhile
(`crashes.py`). Run: `thumbprint drill unheard`, `pytest tests/integration/test_drills.py`.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.drills.questions import QUIET_S, Figures, Questions
from bot.drills.town import Town

STATUSES = (0, 500, 502, 504)
"""What is heard instead: 0 is a connection that was cut."""

AT_ONCE = 12
"""Questions that are open at the same time, at most."""


@dataclass(kw_only=True)
class Unheard(Figures):
    """What was done, and what came of it."""

    seed: int
    unheard: Counter[int] = field(default_factory=Counter)

    @property
    def held(self) -> bool:
        """Whether each question has exactly one answer, though no response was heard."""
        return super().held and self.unheard.total() >= self.asked

    def __str__(self) -> str:
        """The figures in a sentence or two."""
        said = ", ".join(f"{status or 'cut'} {count}" for status, count in sorted(self.unheard.items()))
        return (
            f"seed {self.seed}: {self.asked} questions, {self.unheard.total()} comments kept by GitHub and "
            f"never heard of ({said}); {self.outcome()}"
        )


def unheard(town: Town, *, count: int, seed: int, tick: Callable[[], object] = lambda: None) -> Unheard:
    """Ask `count` questions, have no response to a new comment arrive; wait until all is quiet, and look.

    Raises TimeoutError when it does not get quiet, with what is left open.
    """
    chance, done, questions = random.Random(seed), Unheard(seed=seed), Questions(town)  # noqa: S311
    for _ in range(count):
        status = chance.choice(STATUSES)
        town.misbehave(kind="drop", method="POST", path="*/comments", status=status)
        done.unheard[status] += 1
        questions.ask(chance.choice(town.repositories))
        _wait(town)
        tick()
    questions.quieten()
    for rule in town.rules():
        done.unheard[rule["status"]] -= rule["times"] - rule["done"]
    questions.judge(done)
    return done


def _wait(town: Town) -> None:
    """Wait while many questions are open."""
    until = time.monotonic() + QUIET_S
    while town.open_jobs() >= AT_ONCE:
        if time.monotonic() > until:
            raise TimeoutError(f"{town.open_jobs()} jobs are open for {QUIET_S:.0f} s.")
        time.sleep(0.05)
