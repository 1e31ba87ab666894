"""What an operator may choose ends where GitHub's patience, and the design's promises, end."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.cli import main
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


def test_a_home_in_the_users_own_folder_is_one_folder_for_all_that_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", "/home/mona")
    settings = Settings(_env_file=None, home=Path("~/bot"), app_id="7")
    assert settings.home == Path("/home/mona/bot")
    assert settings.resolved_database_url.startswith("sqlite:////home/mona/bot/")
    with pytest.raises(ValidationError, match="nobody knows whose home"):
        Settings(_env_file=None, home=Path("~nobody-of-that-name/bot"))


def test_reactions_are_polled_for_thirty_days_at_most() -> None:
    assert Settings(_env_file=None, poll_days=30).poll_days == 30
    with pytest.raises(ValidationError, match="less than or equal to 30"):
        Settings(_env_file=None, poll_days=31)


@pytest.fixture
def said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """The one sentence of `thumbprint jobs` for settings that cannot be used."""
    monkeypatch.chdir(tmp_path)

    def jobs(**variables: str) -> str:
        for name, value in {"THUMBPRINT_HOME": "var", "THUMBPRINT_ENV_FILE": "", **variables}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["thumbprint", "jobs"])
        with pytest.raises(SystemExit) as stopped:
            main()
        assert stopped.value.code == 1
        sentence = capsys.readouterr().err
        assert sentence.startswith("✗ ") and len(sentence.splitlines()) == 1
        return sentence

    return jobs


@pytest.mark.parametrize("name", ["PORT", "PLAYGROUND_PORT", "MODEL_PORT"])
@pytest.mark.parametrize("port", ["-1", "65536", "99999"])
def test_a_port_is_one(said: Callable[..., str], name: str, port: str) -> None:
    assert f"THUMBPRINT_{name} is wrong" in said(**{f"THUMBPRINT_{name}": port})


def test_a_log_level_is_one_of_four(said: Callable[..., str]) -> None:
    sentence = said(THUMBPRINT_LOG_LEVEL="verbose")
    assert "THUMBPRINT_LOG_LEVEL is wrong: it has to be one of debug, info, warning, error" in sentence
    assert Settings(_env_file=None, log_level="INFO").log_level == "info"


def test_a_file_of_settings_that_is_named_has_to_be_there_and_to_be_read(
    said: Callable[..., str], tmp_path: Path
) -> None:
    """Else a slip in its name starts a server without a single setting of its own, in the playground."""
    assert "THUMBPRINT_ENV_FILE names run.env" in said(THUMBPRINT_ENV_FILE="run.env")
    (tmp_path / "run.env").write_bytes(b"THUMBPRINT_PORT=80\xff")
    assert "run.env cannot be read (UnicodeDecodeError)" in said(THUMBPRINT_ENV_FILE="run.env")


def test_a_home_that_is_a_file_is_said(said: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "cannot be made" in said(THUMBPRINT_HOME=str(tmp_path / "file"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_who_may_not_look_into_the_home_is_told_so(said: Callable[..., str], tmp_path: Path) -> None:
    """systemd's state folder has mode 0700: an operator's own `thumbprint jobs` cannot look into it."""
    (tmp_path / "var" / "app").mkdir(parents=True)
    (tmp_path / "var").chmod(0o700)
    os.seteuid(65_534)
    try:
        assert "may not be looked at by this user" in said(THUMBPRINT_HOME=str(tmp_path / "var"))
    finally:
        os.seteuid(0)
