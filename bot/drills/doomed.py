"""A worker that kills itself with SIGKILL at one point of one answer's way. Started by `crashes.py`.

    python -m bot.drills.doomed POINT ANSWER_ID

It is `thumbprint work` in everything else. Points are counted while this answer is composed and posted; which
one it died at stands in HOME/died.
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
from bot.drills.points import Points, pointed
from bot.jobs import Worker, carry_on, steps_of
from bot.models import Models
from storage.database import Database
from storage.records import Question


def main(at: int, answer_id: str) -> None:
    """Work until this point is passed."""
    settings = load_settings()
    logs.configure(settings.log_level)
    counted = threading.local()

    def die() -> None:
        (settings.home / "died").write_text(points.passed[-1])
        os.kill(os.getpid(), signal.SIGKILL)

    points = Points(at, die)

    def passed(name: str) -> None:
        if getattr(counted, "on", False):
            points(name)

    def counting(call: Callable[[], object]) -> object:
        counted.on = True
        try:
            return call()
        finally:
            counted.on = False

    with pointed(settings, Models(settings), passed) as context:
        real = steps_of(context)

        def compose(question: Question) -> str:
            if question.answer_id == answer_id:
                counting(lambda: real.compose(question))
                return answer_id
            return real.compose(question)

        def post(one: str) -> object:
            return counting(lambda: real.post(one)) if one == answer_id else real.post(one)

        database = Database(settings.resolved_database_url, busy_timeout_s=30.0)
        carry_on(Worker(settings, database, replace(real, compose=compose, post=post)))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
