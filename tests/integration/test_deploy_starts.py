"""What `deploy/compose.yml` tells receiver and worker is all that they need; systemd accepts the units."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from bot.ports import free_port
from bot.process import Part, Process
from tests.unit.test_deploy import UNITS, told
from webhooks.playground.credentials import ensure

pytestmark = pytest.mark.slow
START_S = 120.0


def here(name: str, url: str, folder: Path) -> dict[str, str]:
    """A service's environment, its addresses and files replaced by those of this machine."""
    key = str(ensure(folder / "app").private_key_file)
    ours = {"THUMBPRINT_DATABASE_URL": url, "THUMBPRINT_PRIVATE_KEY_FILE": key}
    nobody = f"http://127.0.0.1:{free_port()}"
    ours |= {"THUMBPRINT_MODEL_URL": f"{nobody}/v1", "THUMBPRINT_GITHUB_URL": f"{nobody}/api/v3"}
    given = {key: ours.get(key, value) for key, value in told(name).items()}
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "THUMBPRINT_ENV_FILE": "", **given}


def test_receiver_and_worker_start_with_what_the_compose_file_tells_them(url: str, tmp_path: Path) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    serve = here("serve", url, tmp_path) | {"THUMBPRINT_PORT": str(port), "THUMBPRINT_HOST": "127.0.0.1"}
    told_of = {"serve": serve, "work": here("work", url, tmp_path)}
    processes = [
        Process(
            Part(
                name=name,
                command=[sys.executable, "-m", "bot", name],
                env=env,
                log=tmp_path / f"{name}.log",
                ready=f"{base}/readyz",
                stop_s=20,
            )
        )
        for name, env in told_of.items()
    ]
    try:
        for process in processes:
            process.start()
        until = time.monotonic() + START_S
        while not (processes[0].ready() and "worker_started" in (tmp_path / "work.log").read_text()):
            assert time.monotonic() < until, [one.last_lines() for one in processes]
            assert all(one.pid for one in processes), [one.last_lines() for one in processes]
            time.sleep(0.2)
        unsigned = httpx.post(f"{base}/webhooks/github", content=b"{}", trust_env=False)
        assert unsigned.status_code == 401
    finally:
        for process in processes:
            process.ask_to_stop()
        by_themselves = [process.wait_stopped(20) for process in processes]
    assert all(by_themselves)
    assert [one.exit_code for one in processes] == [-signal.SIGTERM, 0], "uvicorn ends as it was asked to"


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_systemd_accepts_the_unit(path: Path, tmp_path: Path) -> None:
    verify = shutil.which("systemd-analyze")
    if verify is None:
        pytest.skip("systemd is not installed")
    copy = tmp_path / path.name.replace("@.", "@1.")  # an instance of a template
    copy.write_text(path.read_text().replace("/opt/thumbprint/.venv/bin/thumbprint", sys.executable))
    said = subprocess.run([verify, "verify", "--man=no", copy], capture_output=True, text=True, timeout=60)
    assert said.returncode == 0 and str(copy) not in said.stderr, said.stderr
