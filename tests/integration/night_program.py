"""A night in a process of its own, on tiny networks: made to be killed with SIGKILL at a place that is named.

    python -m tests.integration.night_program HOME SNAPSHOT BASE ENCODER [PLACE]

PLACE is a point of `bot/night.py`, or a pattern of files in the night's folder: at the first look at which
one is there, the process kills itself, and the kernel its training. The evidence about the phrase memory is
left out, so the gate stays shut.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from bot import night_training
from bot.night import Night, Wanted
from bot.settings import Settings
from storage.database import Database
from tests.unit.learning.training.nights import OPTIONS


def main(home: Path, data: Path, base: Path, encoder: Path, place: str = "") -> int:
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


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:5]), *sys.argv[5:]))
