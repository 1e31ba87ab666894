"""What an operator may choose ends where GitHub's patience, and the design's promises, end."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.commands.shared import load_settings
from bot.settings import Settings
from storage.errors import ConfigurationError

LOOPBACK = "http://127.0.0.1:8001/api/v3"
BEYOND = [("writes_apart_s", 0.9), ("writes_per_minute", 61), ("writes_per_hour", 401)]


@pytest.mark.parametrize(("name", "value"), BEYOND)
@pytest.mark.parametrize("url", ["https://api.github.com", "https://github.acme.test/api/v3"])
def test_github_is_not_written_to_faster_than_it_advises(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: float, url: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("THUMBPRINT_GITHUB_URL", url)
    monkeypatch.setenv(f"THUMBPRINT_{name.upper()}", str(value))
    with pytest.raises(ConfigurationError, match="unset what goes beyond") as caught:
        load_settings()
    assert f"THUMBPRINT_{name.upper()}" in str(caught.value)


@pytest.mark.parametrize(("name", "value"), BEYOND)
def test_a_playground_on_loopback_is_written_to_as_fast_as_a_drill_wants(name: str, value: float) -> None:
    made = Settings(_env_file=None, github_url=LOOPBACK, **{name: value})  # type: ignore[arg-type]
    assert getattr(made, name) == value


def test_slower_than_advised_is_an_operators_choice() -> None:
    made = Settings(_env_file=None, writes_apart_s=5.0, writes_per_minute=10, writes_per_hour=60)
    assert (made.writes_apart_s, made.writes_per_minute, made.writes_per_hour) == (5.0, 10, 60)


def test_reactions_are_polled_for_thirty_days_at_most() -> None:
    assert Settings(_env_file=None, poll_days=30).poll_days == 30
    with pytest.raises(ValidationError, match="less than or equal to 30"):
        Settings(_env_file=None, poll_days=31)
