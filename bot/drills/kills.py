"""SIGKILL to the receiver and the workers under load: nothing acknowledged is lost, nobody is answered twice.

What GitHub could not deliver while the receiver was dead is sent again (`bot/drills/questions.py`).
Left out: machines that lose power, and databases that die with the rest.
Run: `thumbprint drill kills`, `pytest tests/integration/test_drills.py`.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.drills.questions import Figures, Questions
from bot.drills.town import START_S, Town
from bot.process import Process

LONGEST_PAUSE_S = 1.5
"""A process that works is killed within this, at any moment."""

THINKS_S = 0.5
"""How long the model takes for an answer, so that most kills meet jobs under way."""


@dataclass(kw_only=True)
class Kills(Figures):
    """What was done, and what came of it."""

    seed: int
    killed: Counter[str] = field(default_factory=Counter)
    at_work: int = 0
    refused: int = 0

    def __str__(self) -> str:
        """The figures in a sentence or two."""
        killed = ", ".join(f"{name} {count}" for name, count in sorted(self.killed.items()))
        return (
            f"seed {self.seed}: {self.killed.total()} kills ({killed}), {self.at_work} with jobs under way; "
            f"{self.asked} questions, {self.refused} deliveries that met no receiver and were sent again; "
            f"{self.outcome()}"
        )


def kills(
    town: Town, *, count: int, seed: int, a_kill: int = 2, tick: Callable[[], object] = lambda: None
) -> Kills:
    """Kill `count` times, `a_kill` questions before each; then wait until all is quiet, and look.

    Raises TimeoutError when it does not get quiet.
    """
    town.model.seconds = THINKS_S
    chance, done, questions = random.Random(seed), Kills(seed=seed), Questions(town)  # noqa: S311
    for _ in range(count):
        victim = chance.choice(_somebody(town))
        for _ in range(a_kill):
            questions.ask(chance.choice(town.repositories))
        time.sleep(chance.uniform(0, LONGEST_PAUSE_S))
        done.at_work += bool(town.running())
        victim.kill()
        victim.wait_stopped(10)
        done.killed[victim.part.name] += 1
        town.run_what_died()
        tick()
    done.refused = questions.quieten()
    questions.judge(done)
    return done


def _somebody(town: Town) -> list[Process]:
    """Those that work, once there is one."""
    until = time.monotonic() + START_S
    while not (up := town.up()):
        if time.monotonic() > until:
            raise TimeoutError(f"Nobody came to work in {START_S:.0f} s.")
        time.sleep(0.05)
    return up
