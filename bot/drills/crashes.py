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
from datetime import UTC, datetime

from bot.drills.kills import QUIET_S, count_answers, quieten
from bot.drills.town import START_S, Town
from bot.process import Process
from storage.errors import SetupError
from storage.records import AnswerStatus, Question, Repository

STOP_S = 20.0


@dataclass(kw_only=True)
class Crashes:
    """What was done, and what came of it. `lost` and `doubled` name threads, and are empty if all is well.

    `at`: the points that a worker was killed at, in the order of the answer's way.
    """

    at: list[str] = field(default_factory=list)
    asked: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def held(self) -> bool:
        """Whether each question has exactly one answer."""
        return bool(self.at) and not self.lost and not self.doubled

    def __str__(self) -> str:
        """The figures in a sentence or two."""
        return (
            f"{len(self.at)} kills, each at a point of its own, from '{self.at[0] if self.at else ''}' to "
            f"'{self.at[-1] if self.at else ''}'; {self.asked} questions; {len(self.lost)} lost, "
            f"{len(self.doubled)} answered twice; {self.seconds:.0f} s"
        )


def crashes(town: Town, *, every: int = 1, tick: Callable[[], object] = lambda: None) -> Crashes:
    """Kill a worker at every point, or at each `every`th, until an answer has no further one; then look.

    Raises TimeoutError when nobody dies, nor answers, for long, or it does not get quiet.
    """
    done, began = Crashes(), time.monotonic()
    since = datetime.now(UTC).replace(microsecond=0)
    threads: list[tuple[Repository, int]] = []
    for worker in town.workers:
        worker.ask_to_stop()
        worker.wait_stopped(STOP_S)
    repository, at = town.repositories[0], 0
    while True:
        number = town.ask(repository)
        threads.append((repository, number))
        question = _arrived(town, repository, number)
        doomed = _doomed(town, at, question.answer_id)
        doomed.start()
        died = _died(town, doomed, question.answer_id)
        if not died:
            break
        done.at.append((town.told.home / "died").read_text())
        at += every
        tick()
    doomed.ask_to_stop()
    doomed.wait_stopped(STOP_S)
    quieten(town, since)
    done.asked = len(threads)
    done.lost, done.doubled = count_answers(town, threads, since)
    done.seconds = time.monotonic() - began
    return done


def _doomed(town: Town, at: int, answer_id: str) -> Process:
    """A worker of the town that dies at a point of this answer."""
    part = town.workers[0].part
    command: Sequence[str] = [sys.executable, "-m", "bot.drills.doomed", str(at), answer_id]
    return Process(replace(part, name=f"doomed-{at}", command=command))


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


def _died(town: Town, doomed: Process, answer_id: str) -> bool:
    """Whether the worker died on its answer's way; False where it came to the end of it."""
    until = time.monotonic() + QUIET_S
    while time.monotonic() < until:
        if doomed.pid is None:
            if doomed.exit_code != -signal.SIGKILL:
                raise SetupError(f"{doomed.part.name} ended by itself: {' '.join(doomed.last_lines())}")
            return True
        with town.database.unit(read_only=True) as unit:
            answer = unit.answers.get(answer_id)
        if answer is not None and answer.status is AnswerStatus.POSTED:
            time.sleep(1.0)  # the last points lie behind the commit that says so
            return doomed.pid is None
        time.sleep(0.1)
    raise TimeoutError(f"The worker {doomed.part.name} neither died nor answered in {QUIET_S:.0f} s.")
