"""A registered App is kept whole, for its owner only, never overwritten; the environment stands over it."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from bot import app_store
from bot.app_store import RegisteredApp
from bot.commands.shared import load_settings
from bot.environment import environment
from bot.parts import plays
from storage.errors import ConfigurationError, SetupError

APP = RegisteredApp(
    id=4711,
    slug="thumbprint-acme",
    html_url="https://git.acme.test/github-apps/thumbprint-acme",
    github_url="https://git.acme.test/api/v3",
    webhook_secret="wh-s3cret",
    private_key="-----BEGIN RSA PRIVATE KEY-----\n",
)


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Nothing of ours in the environment, in a folder of one's own."""
    for name in [name for name in os.environ if name.startswith("THUMBPRINT_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


def test_what_is_kept_is_read_again_and_for_the_owner_only(bare: pytest.MonkeyPatch) -> None:
    assert not app_store.is_stored(Path("var")) and app_store.read(Path("var")) is None
    os.umask(os.umask(0))
    kept = app_store.write(Path("var"), APP)
    assert {path.name: path.stat().st_mode & 0o777 for path in (kept, *kept.iterdir())} == {
        "app": 0o700,
        "app.json": 0o600,
        "private-key.pem": 0o600,
    }
    assert app_store.read(Path("var")) == {
        "app_id": "4711",
        "app_slug": "thumbprint-acme",
        "github_url": "https://git.acme.test/api/v3",
        "webhook_secret": "wh-s3cret",
        "private_key_file": (kept / "private-key.pem").absolute(),
    }
    assert "s3cret" not in repr(APP) and "PRIVATE" not in repr(APP)


def test_an_app_is_never_overwritten_and_a_failed_write_leaves_nothing(bare: pytest.MonkeyPatch) -> None:
    app_store.write(Path("var"), APP)
    with pytest.raises(SetupError, match="move that folder away first"):
        app_store.write(Path("var"), replace(APP, id=1))
    Path("file").write_text("")
    with pytest.raises(SetupError, match="cannot be kept"):
        app_store.write(Path("file"), APP)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    bare.setattr(os, "fsync", full)
    with pytest.raises(SetupError, match="No space left on device"):
        app_store.write(Path("other"), APP)
    assert [path.name for path in Path("var").iterdir()] == ["app"] and not list(Path("other").iterdir())


def test_a_damaged_or_readable_app_stops_with_one_sentence(bare: pytest.MonkeyPatch) -> None:
    kept = app_store.write(Path("var"), APP)
    (kept / "private-key.pem").chmod(0o640)
    with pytest.raises(ConfigurationError, match=r"Others could read .*: chmod 600"):
        load_settings()
    (kept / "private-key.pem").chmod(0o600)
    for damaged in ("{", "[]", json.dumps({"app_id": "x"})):
        (kept / "app.json").write_text(damaged)
        with pytest.raises(ConfigurationError, match="restore that folder"):
            load_settings()


def test_every_verb_takes_the_registered_app_where_none_is_configured(bare: pytest.MonkeyPatch) -> None:
    assert plays(load_settings()) and load_settings().resolved_database_url.endswith("/var/playground.db")
    app_store.write(Path("var"), APP)
    settings = load_settings()
    assert not plays(settings) and settings.resolved_database_url.endswith("/var/thumbprint.db")
    assert (settings.app_id, settings.app_slug) == ("4711", "thumbprint-acme")
    assert settings.webhook_secret.get_secret_value() == "wh-s3cret"
    assert settings.github_host.web == "https://git.acme.test"


def test_what_run_starts_gets_its_part_of_the_registered_app(bare: pytest.MonkeyPatch) -> None:
    app_store.write(Path("var"), APP)
    settings = load_settings()
    serve, work = (environment(part, settings, {}) for part in ("serve", "work"))
    assert serve["THUMBPRINT_WEBHOOK_SECRET"] == "wh-s3cret" and "THUMBPRINT_PRIVATE_KEY_FILE" not in serve
    assert "THUMBPRINT_WEBHOOK_SECRET" not in work and work["THUMBPRINT_PRIVATE_KEY_FILE"].endswith(".pem")
    for name, value in work.items():
        bare.setenv(name, value)
    assert load_settings().webhook_secret.get_secret_value() == ""


def test_an_app_of_the_environment_or_env_file_stands_over_the_registered_one(
    bare: pytest.MonkeyPatch,
) -> None:
    app_store.write(Path("var"), APP)
    Path(".env").write_text("THUMBPRINT_APP_ID=7\n")
    settings = load_settings()
    assert (settings.app_id, settings.app_slug, settings.private_key_file) == ("7", "thumbprint", None)
    assert settings.webhook_secret.get_secret_value() == ""
    with pytest.raises(ConfigurationError, match="is missing"):
        plays(settings)


def test_a_secret_is_rotated_by_the_environment(bare: pytest.MonkeyPatch) -> None:
    app_store.write(Path("var"), APP)
    bare.setenv("THUMBPRINT_WEBHOOK_SECRET", "new")
    bare.setenv("THUMBPRINT_WEBHOOK_SECRET_OLD", "wh-s3cret")
    bare.setenv("THUMBPRINT_APP_SLUG", "")
    settings = load_settings()
    assert (settings.app_id, settings.app_slug) == ("4711", "thumbprint-acme")
    assert settings.webhook_secret.get_secret_value() == "new"


def test_another_github_than_the_registered_apps_is_refused(bare: pytest.MonkeyPatch) -> None:
    app_store.write(Path("var"), APP)
    bare.setenv("THUMBPRINT_GITHUB_URL", "https://git.acme.test")
    assert load_settings().app_id == "4711"
    bare.setenv("THUMBPRINT_GITHUB_URL", "https://github.com")
    with pytest.raises(ConfigurationError, match=r"is on https://git.acme.test/api/v3: unset the former"):
        load_settings()


def test_the_playground_is_refused_beside_a_registered_app(bare: pytest.MonkeyPatch) -> None:
    app_store.write(Path("var"), APP)
    bare.setenv("THUMBPRINT_PLAYGROUND", "true")
    with pytest.raises(ConfigurationError, match="never runs in production: unset it"):
        load_settings()
