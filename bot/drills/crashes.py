"""A worker is killed at each named point of an answer's way: one question has one comment all the same.

The points stand before and after every commit and every call to GitHub (`points.py`). For each there is a
question and a worker that kills itself there; the next worker goes on with what it left, and dies at its own
point of its own question. Left out: kills at any moment (`kills.py`).
Run: `thumbprint drill crashes`, `pytest tests/integration/test_drills.py`.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from bot.drills.questions import QUIET_S, Figures, Questions
from bot.drills.town import START_S, Town
from bot.process import Process
from storage.errors import SetupError
from storage.records import Question, Repository

STOP_S = 20.0
PASSED = "passed"
"""Where a worker that lives writes which points it passed (`doomed.py`)."""


@dataclass(kw_only=True)
class Crashes(Figures):
    """What was done, and what came of it.

    `at`: the points that a worker was killed at, in the order of the answer's way; `missed`: those that
    neither of two answers came by when its worker was to die there.
    """

    at: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    @property
    def held(self) -> bool:
        """Whether each question has exactly one answer, and a worker was killed at every point."""
        return bool(self.at) and not self.missed and super().held

    def __str__(self) -> str:
        """The figures in a sentence or two."""
        missed = f", {len(self.missed)} points not come by" if self.missed else ""
        return (
            f"{len(self.at)} kills, each at a point of its own{missed}; {self.asked} questions; "
            f"{self.outcome()}"
        )


def crashes(town: Town, *, every: int = 1, tick: Callable[[], object] = lambda: None) -> Crashes:
    """Kill a worker at every point of an answer's way, or at each `every`th; wait for quiet, and look.

    Raises TimeoutError when nobody dies, nor answers, for long, or it does not get quiet.
    """
    done, questions = Crashes(), Questions(town)
    for worker in town.workers:
        worker.ask_to_stop()
        worker.wait_stopped(STOP_S)

    def killed(*where: str) -> bool:
        number = questions.ask(town.repositories[0])
        return _killed(town, _arrived(town, town.repositories[0], number).answer_id, where)

    for _ in range(2):  # what the first answer of all reads is kept
        killed()
    passed = (town.told.home / PASSED).read_text().splitlines()
    points = [(name, passed[: at + 1].count(name)) for at, name in enumerate(passed)]
    for name, nth in points[::every]:
        # who goes on with a predecessor's question may have kept from it what its own would have asked for:
        # then it lives until nothing is left, and the next one has no predecessor
        died = killed(name, str(nth)) or killed(name, str(nth))
        (done.at if died else done.missed).append(f"{name} ({nth})")
        tick()
    questions.quieten()
    questions.judge(done)
    return done


def _killed(town: Town, answer_id: str, where: Sequence[str]) -> bool:
    """Have a worker answer that dies at a point, its name and how often it is passed; whether it died.

    One that lives ends what its predecessors left, too.
    """
    (town.told.home / PASSED).unlink(missing_ok=True)
    part = town.workers[0].part
    command = [sys.executable, "-m", "bot.drills.doomed", answer_id, *where]
    doomed = Process(replace(part, name="doomed", command=command))
    doomed.start()
    if _died(town, doomed):
        return True
    until = time.monotonic() + QUIET_S
    while town.open_jobs():
        if time.monotonic() > until:
            raise TimeoutError(f"{town.open_jobs()} jobs are open after {QUIET_S:.0f} s.")
        time.sleep(0.05)
    doomed.ask_to_stop()
    doomed.wait_stopped(STOP_S)
    return False


def _arrived(town: Town, repository: Repository, number: int) -> Question:
    """The question of a thread, once the receiver has taken it."""
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        with town.database.unit(read_only=True) as unit:
            found = unit.answers.questions_in(repository.id, number)
        if found:
            return found[0]
        time.sleep(0.05)
    raise TimeoutError(f"The question {repository.full_name}#{number} did not arrive in {START_S:.0f} s.")


def _died(town: Town, doomed: Process) -> bool:
    """Whether the worker died on its answer's way; False where it came to the end of it."""
    until = time.monotonic() + QUIET_S
    while time.monotonic() < until:
        if doomed.pid is None:
            if doomed.exit_code != -signal.SIGKILL:
                raise SetupError(f"A worker ended by itself: {' '.join(doomed.last_lines())}")
            return True
        if (town.told.home / PASSED).exists():
            return False
        time.sleep(0.05)
    raise TimeoutError(f"A worker neither died nor answered in {QUIET_S:.0f} s.")
