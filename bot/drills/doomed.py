"""A worker that kills itself with SIGKILL at one point of one answer's way. Started by `crashes.py`.

    python -m bot.drills.doomed ANSWER_ID [POINT NTH]

It is `thumbprint work` in all but one thing: this answer's question is acknowledged just before it is
composed, and not beside it, for whichever of both came first would decide who may ask. Points are counted
while it is acknowledged, composed and posted; the names of those that were passed stand in HOME/passed once
it was posted. Without a point it lives.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import replace

from bot import logs
from bot.commands.shared import load_settings
from bot.drills.points import pointed
from bot.jobs import Worker, carry_on, steps_of
from bot.models import Models
from storage.database import Database
from storage.records import Question


def main(answer_id: str, point: str = "", nth: str = "0") -> None:
    """Work until this point is passed for the nth time."""
    settings = load_settings()
    logs.configure(settings.log_level)
    counted = threading.local()
    names: list[str] = []

    def passed(name: str) -> None:
        if getattr(counted, "on", False):
            names.append(name)
            if name == point and names.count(name) == int(nth):
                os.kill(os.getpid(), signal.SIGKILL)

    def counting(call: Callable[[], object]) -> object:
        counted.on = True
        try:
            return call()
        finally:
            counted.on = False

    with pointed(settings, Models(settings), passed) as context:
        real = steps_of(context)

        def acknowledge(question: Question) -> object:
            return None if question.answer_id == answer_id else real.acknowledge(question)

        def compose(question: Question) -> str:
            if question.answer_id == answer_id:
                counting(lambda: (real.acknowledge(question), real.compose(question)))
                return answer_id
            return real.compose(question)

        def post(one: str) -> object:
            if one != answer_id:
                return real.post(one)
            counting(lambda: real.post(one))
            return (settings.home / "passed").write_text("\n".join(names))

        database = Database(settings.resolved_database_url, busy_timeout_s=30.0)
        mine = replace(real, acknowledge=acknowledge, compose=compose, post=post)
        carry_on(Worker(settings, database, mine))


if __name__ == "__main__":
    main(*sys.argv[1:4])
