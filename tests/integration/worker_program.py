"""A worker in a process of its own, whose steps write down what they do: made to be killed.

    python -m tests.integration.worker_program HOME [BEAT_S LEASE_S]

Each step appends a line to HOME/log. A step named in the file HOME/hold waits, once it has written, until
that file is gone; one whose line stands in HOME/die ends the process. SIGTERM is taken as `thumbprint work`
takes it. THUMBPRINT_DATABASE_URL, THUMBPRINT_WORKERS and THUMBPRINT_JOB_TIMEOUT_S hold here too.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from bot import logs
from bot.jobs import Pulse, Steps, Worker, carry_on
from bot.settings import Settings
from storage.database import Database
from storage.errors import ThumbprintError
from storage.records import Question


def steps_in(home: Path) -> Steps:
    """Steps that write to HOME/log, one line each."""

    def note(*words: object) -> None:
        with (home / "log").open("a", encoding="utf-8") as log:
            log.write(" ".join(map(str, words)) + "\n")
        die = home / "die"
        if die.exists() and " ".join(map(str, words)) in die.read_text().splitlines():
            os._exit(9)
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
        refresh=lambda answer_id: note("refresh", answer_id),
        poll=lambda: None,
        upkeep=lambda: None,
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
