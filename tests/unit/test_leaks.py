"""The look for a run's own secrets finds each of them, wherever it was let out."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contract.test_contract import exchange
from tests.leaks import leaks
from webhooks.playground.credentials import ensure
from webhooks.playground.exchanges import Exchange

MADE = "ghs_" + "m4de" * 9
SHOWN = "ghs_" + "sh0wn" * 8


def ran(home: Path) -> list[Exchange]:
    """A run that let nothing out: a token was made, one was shown, and a log and a database were written."""
    ensure(home / "playground")
    (home / "worker.log").write_text('{"event": "worker_started"}\n')
    (home / "thumbprint.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 99)
    made = json.dumps({"token": MADE}).encode()
    path = "/api/v3/app/installations/1/access_tokens"
    return [
        exchange(method="POST", path=path, status=201, answer=made),
        exchange(headers={"authorization": f"Bearer {SHOWN}"}),
    ]


def secrets(home: Path) -> list[str]:
    known = ensure(home / "playground")
    line = known.private_key_file.read_text().splitlines()[3]
    encoded = base64.b64encode(known.webhook_secret.encode()).decode()
    return [known.webhook_secret, encoded, line, MADE, SHOWN]


def test_a_run_that_lets_nothing_out_is_clean(tmp_path: Path) -> None:
    assert leaks(tmp_path, ran(tmp_path)) == []


@pytest.mark.parametrize("name", ["worker.log", "thumbprint.db", "playground/state.db"])
def test_each_secret_is_found_in_each_file(tmp_path: Path, name: str) -> None:
    exchanges, file = ran(tmp_path), tmp_path / name
    before = file.read_bytes() if file.exists() else b""
    for secret in secrets(tmp_path):
        file.write_bytes(before + b"said: " + secret.encode() + b"\n")
        assert leaks(tmp_path, exchanges) == [str(file)], secret


@pytest.mark.parametrize(
    "told",
    [
        lambda secret: exchange(method="POST", body=f'{{"body": "{secret}"}}'.encode()),
        lambda secret: exchange(status=422, answer=f'{{"message": "{secret}"}}'.encode()),
    ],
)
def test_each_secret_is_found_in_what_is_written_and_in_a_refusal(
    tmp_path: Path, told: Callable[[str], Exchange]
) -> None:
    exchanges = ran(tmp_path)
    for secret in secrets(tmp_path):
        assert leaks(tmp_path, [*exchanges, told(secret)]) == [told(secret).name], secret
