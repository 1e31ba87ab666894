"""`thumbprint playground` as an operator starts it: with a `.env` beside it, against a real receiver."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from bot.ports import free_port
from bot.process import Part, Process
from tests.integration.receiver_fixture import running, settings
from webhooks.app import create_app

pytestmark = pytest.mark.slow

TOKEN = "t0ken"


def playground(folder: Path, monkeypatch: pytest.MonkeyPatch, **env: object) -> Process:
    """The verb's process, started in `folder`, with `env` in a `.env` file there."""
    (folder / ".env").write_text("".join(f"THUMBPRINT_{name}={value}\n" for name, value in env.items()))
    monkeypatch.chdir(folder)
    return Process(
        Part(
            name="playground",
            command=[sys.executable, "-m", "bot", "playground"],
            env={name: value for name, value in os.environ.items() if not name.startswith("THUMBPRINT_")},
            log=folder / "playground.log",
            ready=f"http://127.0.0.1:{env['PLAYGROUND_PORT']}/",
        )
    )


def test_undo_in_the_panel_has_the_pages_token_that_stands_in_the_env_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(settings(tmp_path, app_id="", playground=True, pages_token=SecretStr(TOKEN)))
    with running(app) as url:
        port = free_port()
        given = {"PORT": url.rpartition(":")[2], "PLAYGROUND_PORT": port, "HOME": tmp_path / "home"}
        process = playground(tmp_path, monkeypatch, **given, PAGES_TOKEN=TOKEN)
        process.start()
        try:
            end = time.monotonic() + 60
            while not process.ready():
                assert process.pid is not None and time.monotonic() < end, process.last_lines()
                time.sleep(0.1)
            undo = httpx.post(f"http://127.0.0.1:{port}/playground/phrases/p_none/forget", trust_env=False)
            assert (undo.status_code, "p_none" in undo.text) == (404, True), undo.text
            bare = httpx.post(f"{url}/api/phrases/p_none/forget", trust_env=False)
            assert bare.status_code == 403
        finally:
            process.ask_to_stop()
            process.wait_stopped(10)
