"""A disk that fills up under load, stays full, and is emptied: nothing is lost, nobody is answered twice.

What the receiver cannot keep it must not acknowledge; what a worker cannot write down it must do again. Needs
a small file system of its own, for it is filled to the last byte.
Run: `thumbprint drill full-disk --folder DIR`, `pytest tests/integration/test_drills.py`.
"""

from __future__ import annotations

import errno
import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bot.drills.kills import THINKS_S
from bot.drills.questions import Figures, Questions
from bot.drills.town import Town, wait_for
from storage.errors import ConfigurationError

LARGEST = 2**30
"""A larger file system is not filled: somebody else may need it."""

FULL_S = 20.0
"""How long the disk stays full."""

BETWEEN_S = 1.0


@dataclass(kw_only=True)
class FullDisk(Figures):
    """What was done, and what came of it."""

    times: int = 0
    refused: int = 0
    not_ready: int = 0
    looks: int = 0
    ended: Counter[str] = field(default_factory=Counter)

    @property
    def held(self) -> bool:
        """Whether the disk was full indeed, and each question has exactly one answer."""
        return self.refused > 0 and super().held

    def __str__(self) -> str:
        """The figures in a sentence or two."""
        ended = ", ".join(f"{name} {count}" for name, count in sorted(self.ended.items())) or "none"
        return (
            f"full {self.times} times for {FULL_S:.0f} s, not ready {self.not_ready} of {self.looks} times; "
            f"{self.asked} questions, {self.refused} refused and sent again; processes that ended: {ended}; "
            f"{self.outcome()}"
        )


def full_disk(town: Town, folder: Path, *, times: int, tick: Callable[[], object] = lambda: None) -> FullDisk:
    """Fill the file system of `folder` so many times while people ask; then wait for all answers, and look.

    Raises ConfigurationError for a file system that is too large to be a drill's own, SetupError when the
    receiver takes nothing though there is room again, and TimeoutError when it does not get quiet.
    """
    check_small(folder)
    town.model.seconds = THINKS_S
    done, questions = FullDisk(), Questions(town)
    ballast = folder / "ballast"

    def ask() -> None:
        questions.ask(town.repositories[len(questions.threads) % len(town.repositories)])

    for _ in range(times):
        ask()
        ask()
        until = time.monotonic() + FULL_S
        while time.monotonic() < until:
            fill(ballast)
            ask()
            done.not_ready += not town.ready()
            done.looks += 1
            done.ended.update(town.run_what_died())
            time.sleep(BETWEEN_S)
        ballast.unlink()
        done.times += 1
        wait_for(lambda: not town.run_what_died() and town.ready(), town.receiver)
        done.refused += questions.quieten()
        tick()
    questions.judge(done)
    return done


def check_small(folder: Path) -> None:
    """Raises ConfigurationError unless the file system is a small one."""
    size = os.statvfs(folder)
    if size.f_frsize * size.f_blocks > LARGEST:
        raise ConfigurationError(
            f"{folder} lies on a file system of more than {LARGEST >> 20} MiB, and the drill fills it: give "
            "one of its own, such as `mount -t tmpfs -o size=48m tmpfs DIR`."
        )


def fill(ballast: Path) -> None:
    """Write until nothing more fits."""
    with ballast.open("ab", buffering=0) as file:
        for size in (2**20, 2**12, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
