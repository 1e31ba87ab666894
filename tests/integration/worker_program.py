"""A worker in a process of its own, whose steps write down what they do: made to be killed.

    python -m tests.integration.worker_program HOME

Each step appends a line to HOME/log. A step named in the file HOME/hold waits, once it has written, until
that file is gone.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from bot import logs
from bot.jobs import Steps, Worker
from bot.settings import Settings
from storage.database import Database
from storage.errors import ThumbprintError
from storage.records import Question


def steps_in(home: Path) -> Steps:
    """Steps that write to HOME/log, one line each."""

    def note(*words: object) -> None:
        with (home / "log").open("a", encoding="utf-8") as log:
            log.write(" ".join(map(str, words)) + "\n")
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
    )


def main(home: Path) -> None:
    """Work until killed."""
    logs.configure()
    settings = Settings(_env_file=None, home=home, poll_s=1.0)
    database = Database(settings.resolved_database_url, busy_timeout_s=30)
    Worker(settings, database, steps_in(home)).start()
    while True:
        time.sleep(60)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
