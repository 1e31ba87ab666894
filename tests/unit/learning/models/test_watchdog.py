"""What hangs in the model's process ends it, so that somebody starts it again."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from learning.models.watchdog import Watchdog

HANGS = """
import sys, threading, time
from learning.models import engine, server, watchdog
from learning.models.policy import Options, Policy

class Hanging(engine.Engine):
    def __init__(self, **given):
        super().__init__(**given)
        threading.Timer(0.1, lambda: self.generate("policy", [1], Options(), threading.Event())).start()

engine.measure_threads = lambda policy, choices: (1, {1: 1.0})
Policy.write = lambda *given, **more: time.sleep(600)
server.Engine = Hanging
watchdog.Watchdog.start.__defaults__ = (0.5,)
sys.exit(server.main(sys.argv[1:]))
"""


def test_work_is_overdue_once_its_time_and_the_grace_are_over() -> None:
    now = [0.0]
    watchdog = Watchdog(lambda: now[0])
    with watchdog.over("a generation", 10.0):
        for now[0] in (5.0, 11.0, 70.0):
            assert watchdog.overdue(60.0) is None
        now[0] = 70.5
        assert watchdog.overdue(60.0) == "a generation"
    assert watchdog.overdue(60.0) is None


def test_whoever_should_end_it_is_told_what_hangs() -> None:
    said: list[str] = []
    told = threading.Event()
    watchdog = Watchdog(lambda: 100.0)
    with watchdog.over("an embedding", 10.0):
        watchdog.start(lambda what: (said.append(what), told.set()), grace_s=60.0)
        assert told.wait(30)
    assert said == ["an embedding"]


@pytest.mark.slow
def test_a_model_process_in_which_a_generation_hangs_ends(base: Path) -> None:
    more = ["--policy", str(base), "--encoder", "", "--port", "0", "--threads", "1", "--timeout-s", "0.5"]
    ended = subprocess.run([sys.executable, "-c", HANGS, *more], capture_output=True, text=True, timeout=120)
    assert ended.returncode == 3, ended.stderr
    assert "a generation hangs: this process ends" in ended.stderr
