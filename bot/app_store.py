"""The GitHub App that `thumbprint setup` registered: kept in `<home>/app`, for the owner only.

Both files come at once, by renaming a folder, and are never overwritten: GitHub tells a key only once.
`app.json` holds the id, slug, address and webhook secret; `private-key.pem` the key. Left out: what wins over
them (`bot/settings.py`), registering (`bot/registration.py`). Run: `pytest tests/unit/bot/test_app_store.py`.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from storage.errors import ConfigurationError, SetupError

FOLDER, ABOUT, KEY = "app", "app.json", "private-key.pem"
_OTHERS = 0o077


@dataclass(frozen=True, kw_only=True)
class RegisteredApp:
    """A GitHub App as its registration told it. `github_url` is the REST root of its GitHub."""

    id: int
    slug: str
    html_url: str
    github_url: str
    webhook_secret: str = field(repr=False)
    private_key: str = field(repr=False)

    @property
    def install_url(self) -> str:
        """Where its owner chooses the repositories."""
        return f"{self.html_url}/installations/new"


def folder(home: Path) -> Path:
    """Where the App is kept."""
    return home / FOLDER


def is_stored(home: Path) -> bool:
    """Whether an App is kept there."""
    return folder(home).exists()


def write(home: Path, app: RegisteredApp) -> Path:
    """Keep an App, whole or not at all; returns the folder. Raises SetupError, also where one is there."""
    about = {
        "app_id": app.id,
        "app_slug": app.slug,
        "html_url": app.html_url,
        "github_url": app.github_url,
        "webhook_secret": app.webhook_secret,
    }
    goal = folder(home)
    making = None
    try:
        home.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(prefix=".app.", dir=home))
        _write(making / KEY, app.private_key)
        _write(making / ABOUT, json.dumps(about, indent=1) + "\n")
        _sync(making)
        if goal.exists():
            raise SetupError(f"There is a GitHub App in {goal} already: move that folder away first.")
        making.rename(goal)
        _sync(home)
    except OSError as error:
        raise SetupError(
            f"The GitHub App cannot be kept in {goal} ({error.strerror}): make room there, or make it "
            "writable, and try again."
        ) from error
    finally:
        if making is not None and making.exists():
            shutil.rmtree(making)
    return goal


def read(home: Path) -> dict[str, Any] | None:
    """The kept App as values of settings, None without one.

    Raises ConfigurationError for a damaged one, and for one that others on this machine could read.
    """
    at = folder(home)
    try:
        if not at.exists():
            return None
        for file in (at / ABOUT, at / KEY):
            if file.stat().st_mode & _OTHERS:
                raise ConfigurationError(f"Others could read {file}: chmod 600 {file}")
        said = json.loads((at / ABOUT).read_text())
        return {
            "app_id": str(int(said["app_id"])),
            "app_slug": str(said["app_slug"]),
            "github_url": str(said["github_url"]),
            "webhook_secret": str(said["webhook_secret"]),
            "private_key_file": (at / KEY).absolute(),
        }
    except PermissionError as error:
        raise ConfigurationError(
            f"{at} may not be looked at by this user: be the one that Thumbprint runs as (such as `sudo -u "
            "thumbprint`), or set THUMBPRINT_HOME to a folder of your own."
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"The GitHub App in {at} cannot be read ({type(error).__name__}): restore that folder from a "
            "backup, or move it away and register anew with `thumbprint setup`."
        ) from error


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
