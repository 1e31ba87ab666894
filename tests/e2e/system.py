"""Thumbprint as a person has it: `thumbprint run` in a process of its own, with a fresh home and free ports.

Left out: what is in the threads; `browsing.py` looks at that.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import httpx

from bot.ports import free_ports
from bot.process import Part, Process
from bot.settings import NEVER, Settings
from tests.contract.recorder import held_to_contract
from tests.leaks import leaks_nothing
from webhooks.playground import seed
from webhooks.playground.credentials import ensure
from webhooks.playground.state import State

START_S = 300.0
STOP_S = 30.0


@dataclass(frozen=True)
class System:
    """Everything that `thumbprint run` started."""

    home: Path
    playground: str
    app: str
    pid: int

    def log(self, name: str) -> str:
        """What one of its processes logged."""
        return (self.home / "logs" / f"{name}.log").read_text(errors="replace")


def plant(home: Path) -> None:
    """The playground's beginning with ids that are always the same: the model's seeds follow from them."""
    state = State(home, ensure(home), "http://127.0.0.1")
    with mock.patch("secrets.randbelow", return_value=7):
        seed.plant(state)
    state.close()


@contextlib.contextmanager
def running(home: Path) -> Iterator[System]:
    """Start it, wait until it says where to look, stop it with Ctrl-C's signal at the end.

    What its playground exchanged meanwhile is held against GitHub's contract, and nothing secret of that run
    may stand in what it wrote.
    """
    with held_to_contract(home / "playground"), leaks_nothing(home), _started(home) as system:
        yield system


@contextlib.contextmanager
def _started(home: Path) -> Iterator[System]:
    port, playground_port, model_port = free_ports(3)
    kept = {key: value for key, value in os.environ.items() if not key.startswith("THUMBPRINT_")}
    cache = os.environ.get("THUMBPRINT_MODEL_CACHE", str(Settings(_env_file=None).model_cache))
    env = kept | {
        "THUMBPRINT_HOME": str(home),
        "THUMBPRINT_MODEL_CACHE": cache,
        "THUMBPRINT_PORT": str(port),
        "THUMBPRINT_PLAYGROUND_PORT": str(playground_port),
        "THUMBPRINT_MODEL_PORT": str(model_port),
        "THUMBPRINT_POLL_S": "1",
        "THUMBPRINT_RETRAIN_AT": NEVER,
        "PYTHONUNBUFFERED": "1",
    }
    plant(home / "playground")
    log = home / "run.log"
    part = Part(
        name="run",
        command=[sys.executable, "-m", "bot", "run"],
        env=env,
        log=log,
        ready=lambda: "Open http://" in log.read_text(),
        stop_s=STOP_S,
    )
    process = Process(part)
    process.start()
    try:
        end = time.monotonic() + START_S
        while not process.ready():
            assert process.pid is not None, f"`thumbprint run` ended: {process.last_lines()}"
            assert time.monotonic() < end, f"`thumbprint run` took too long: {process.last_lines()}"
            time.sleep(0.2)
        assert process.pid is not None
        system = System(home, f"http://127.0.0.1:{playground_port}", f"http://127.0.0.1:{port}", process.pid)
        httpx.get(f"{system.app}/readyz", trust_env=False).raise_for_status()
        yield system
    finally:
        process.ask_to_stop()
        by_itself = process.wait_stopped(STOP_S)
    assert by_itself, "`thumbprint run` did not stop when it was asked to"
    assert process.exit_code == 0, process.last_lines()
