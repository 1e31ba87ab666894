"""Nights, each in a process of its own, on tiny networks: made to be killed with SIGKILL where it is said.

    python -m tests.integration.night_program HOME SNAPSHOT BASE ENCODER [PLACE …]

A night for each PLACE, one after the other, and one that goes on to its end. PLACE is a point of
`bot/night.py`, or a pattern of files in the night's folder: at the first look at which one is there, the
night's process kills itself, and the kernel its training. Each is forked from this one, which has loaded what
all of them load and done nothing else; it says in a line how one ended, and begins the next once nobody is at
work any more. The evidence about the phrase memory is left out, so the gate stays shut.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from bot import night_lock, night_training
from bot.night import Night, Wanted
from bot.settings import Settings
from storage.database import Database
from tests.unit.learning.training.nights import OPTIONS

GONE_S = 60.0
"""So soon after a night was killed its training is gone, too."""


def main(home: Path, data: Path, base: Path, encoder: Path, place: str) -> int:
    """Carry out a night, or die in it. 0 where it came to an end that is no failure."""
    settings = Settings(
        _env_file=None,
        home=home,
        database_url=f"sqlite:///{home}/night.db",
        policy=str(base),
        encoder=str(encoder),
        model_cache=home / "cache",
    )
    database = Database(settings.resolved_database_url)
    database.migrate()
    night_training.LOOK_S = 0.05

    def point(name: str) -> None:
        there = name == "looked" and "*" in place and next((home / "training" / "nights").glob(place), None)
        if name == place or there:
            os.kill(os.getpid(), signal.SIGKILL)

    night = Night(
        settings,
        database,
        Wanted(data=data, options=[*OPTIONS, "--no-benchmark"]),
        point=point,
    )
    ended = night.carry_out()
    sys.stdout.write("".join(f"{run.status.value} {run.adapter} {run.reason}\n" for run in ended))
    return int(any(run.status.value == "failed" for run in ended))


def one_by_one(where: Sequence[Path], places: Sequence[str]) -> int:
    """A night for each place, up to the first that is not killed there; then one to its end, and its code."""
    for place in (*places, ""):
        night = os.fork()
        if not night:
            os._exit(ended(where, place))
        code = os.waitstatus_to_exitcode(os.waitpid(night, 0)[1])
        sys.stdout.write(f"{place or 'the end'}: {code}\n")
        sys.stdout.flush()
        until = time.monotonic() + GONE_S
        while not night_lock.is_free(where[0] / "training"):
            assert time.monotonic() < until, f"{place}: the kernel left its training alive"
            time.sleep(0.01)
        if place and code != -signal.SIGKILL:
            return 1
    return code


def ended(where: Sequence[Path], place: str) -> int:
    """The night's exit code; what broke it goes to stderr, as of any process."""
    code = 1
    try:
        code = main(*where, place)
    except Exception:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    return code


if __name__ == "__main__":
    sys.exit(one_by_one([Path(one) for one in sys.argv[1:5]], sys.argv[5:]))
