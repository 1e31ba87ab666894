"""A worker in a process of its own, whose steps write down what they do: made to be killed.

    python -m tests.integration.worker_program HOME [BEAT_S LEASE_S]

Each step appends a line to HOME/log. A step named in the file HOME/hold waits, once it has written, until
that file is gone; one whose line stands in HOME/slow takes SLOW_S; one whose line stands in HOME/die kills
the process soon. SIGTERM is taken as `thumbprint work` takes it. THUMBPRINT_DATABASE_URL, THUMBPRINT_WORKERS
and THUMBPRINT_JOB_TIMEOUT_S hold here too.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from bot import logs
from bot.jobs import Pulse, Steps, Worker, carry_on
from bot.settings import Settings
from storage.database import Database
from storage.errors import ThumbprintError
from storage.records import Question

DIES_AFTER_S = 0.5
"""Time for what was given out with it to begin too."""
SLOW_S = 2.0


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def steps_in(home: Path) -> Steps:
    """Steps that write to HOME/log, one line each."""

    def note(*words: object) -> None:
        with (home / "log").open("a", encoding="utf-8") as log:
            log.write(" ".join(map(str, words)) + "\n")
        line = " ".join(map(str, words))
        if line in _lines(home / "die"):
            time.sleep(DIES_AFTER_S)
            os.kill(os.getpid(), signal.SIGKILL)
        if line in _lines(home / "slow"):
            time.sleep(SLOW_S)
        hold = home / "hold"
        while hold.exists() and hold.read_text().strip() == words[0]:
            time.sleep(0.02)

    def compose(question: Question) -> str:
        note("compose", question.post_id)
        return question.answer_id

    def fail(question: Question, error: ThumbprintError) -> None:
        note("fail", question.post_id, type(error).__name__)

    return Steps(
        acknowledge=lambda question: note("acknowledge", question.post_id),
        compose=compose,
        post=lambda answer_id: note("post", answer_id),
        fail=fail,
        edited=lambda guid: note("edited", guid),
        deleted=lambda guid: note("deleted", guid),
        replied=lambda guid: note("replied", guid),
        refresh=lambda answer_id: note("refresh", answer_id),
        poll=lambda: note("poll") if "poll" in _lines(home / "die") else None,
        upkeep=lambda: None,
        retrain=lambda: None,
    )


def main(home: Path, pulse: Pulse) -> None:
    """Work until stopped or killed."""
    logs.configure()
    settings = Settings(_env_file=None, home=home, poll_s=1.0)
    database = Database(settings.resolved_database_url, busy_timeout_s=30)
    carry_on(Worker(settings, database, steps_in(home), pulse=pulse))


if __name__ == "__main__":
    beats = [float(word) for word in sys.argv[2:]] or [5.0, 30.0]
    main(Path(sys.argv[1]), Pulse(beat_s=beats[0], lease_s=beats[1]))
