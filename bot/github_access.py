"""The App's rights on GitHub: the key, narrowed installation tokens, and one pool of connections.

A token reaches one repository and carries no more than `PERMISSIONS`, whatever the installation grants;
githubkit makes it by the App's JWT, keeps it, and makes another a minute before it ends, so a job may take
longer than a token lives. Left out: what is called with it (`bot/github_calls.py`).
Run: `pytest tests/integration/test_who_may.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import githubkit
import httpx
from githubkit.auth import AppAuthStrategy, AppInstallationAuthStrategy
from githubkit.cache import MemCacheStrategy
from githubkit.utils import UNSET

from bot.github_shapes import MINUTE_S, retry_after_s
from bot.settings import Settings
from storage.errors import ConfigurationError
from storage.redaction import hide

TIMEOUT = httpx.Timeout(30.0, connect=10.0)

PERMISSIONS = {"contents": "read", "issues": "write", "metadata": "read", "pull_requests": "write"}
"""All that the App asks for: `app.yml` names the same, and the tests need each of them."""

_MAKING = threading.Lock()


@dataclass(frozen=True)
class Rights:
    """What a token may do: where (one repository, by id or by name), and with which permissions."""

    installation_id: int
    repository_id: int | None
    repository_name: str | None
    permissions: tuple[tuple[str, str], ...]

    @classmethod
    def in_repository(cls, installation_id: int, repository_id: int, *, writes: bool = True) -> Rights:
        """All that answering in one repository takes, or what reading it takes."""
        may = PERMISSIONS if writes else dict.fromkeys(PERMISSIONS, "read")
        return cls(installation_id, repository_id, None, tuple(may.items()))

    @classmethod
    def in_organisation(cls, installation_id: int) -> Rights:
        """Reading the files of the account's `.github` repository, where its defaults are."""
        may = (("contents", "read"), ("metadata", "read"))
        return cls(installation_id, None, ".github", may)

    @classmethod
    def everywhere(cls, installation_id: int) -> Rights:
        """Knowing which repositories an installation has."""
        return cls(installation_id, None, None, (("metadata", "read"),))


class Pool(httpx.BaseTransport):
    """Connections that many clients share. Proxies and certificates are those of the environment."""

    def __init__(self) -> None:
        self._client = httpx.Client(follow_redirects=False, limits=httpx.Limits(max_connections=100))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send it as it is, with the time-outs that it carries."""
        return self._client.send(request, stream=True, auth=None)

    def close(self) -> None:
        """Close all connections."""
        self._client.close()


class Kit(githubkit.GitHub[AppInstallationAuthStrategy | AppAuthStrategy]):
    """githubkit with one HTTP client that is kept, instead of a new one for each call."""

    _kept: httpx.Client | None = None

    @contextmanager
    def get_sync_client(self) -> Generator[httpx.Client, None, None]:
        """The kept client; httpx's is safe for threads, and only one thread makes it."""
        with _MAKING:
            if self._kept is None:
                self._kept = self._create_sync_client()
        yield self._kept

    def _extract_retry_after(self, response: githubkit.Response[Any]) -> timedelta:
        """As githubkit's, which raises a ValueError for all but whole seconds. Token requests ask it too."""
        wait_s = retry_after_s(response.headers.get("retry-after"), datetime.now(UTC))
        if wait_s is not None:
            return timedelta(seconds=wait_s)
        try:
            return super()._extract_retry_after(response)
        except (ValueError, OverflowError):
            return timedelta(seconds=MINUTE_S)

    def forget_token(self) -> None:
        """Throw cached tokens away."""
        strategy = self.config.cache_strategy
        if isinstance(strategy, MemCacheStrategy):
            strategy.cleanup()


def connect(settings: Settings, rights: Rights, transport: httpx.BaseTransport) -> Kit:
    """A kit with these rights. Raises ConfigurationError without an app id or a readable key."""
    here = UNSET if rights.repository_id is None else [rights.repository_id]
    named = UNSET if rights.repository_name is None else [rights.repository_name]
    permissions: Any = dict(rights.permissions)
    installed = AppInstallationAuthStrategy(
        settings.app_id,
        private_key(settings),
        rights.installation_id,
        repositories=named,
        repository_ids=here,
        permissions=permissions,
    )
    return _kit(settings, installed, transport)


def connect_app(settings: Settings, transport: httpx.BaseTransport) -> Kit:
    """A kit with the App's own rights. Raises ConfigurationError without an app id or a readable key."""
    return _kit(settings, AppAuthStrategy(settings.app_id, private_key(settings)), transport)


def _kit(
    settings: Settings,
    who: AppInstallationAuthStrategy | AppAuthStrategy,
    transport: httpx.BaseTransport,
) -> Kit:
    return Kit(
        who,
        base_url=settings.github_url,
        user_agent="thumbprint",
        timeout=TIMEOUT,
        transport=transport,
        cache_strategy=MemCacheStrategy(),
        http_cache=False,
        auto_retry=False,
    )


def private_key(settings: Settings) -> str:
    """The App's private key, PEM. Raises ConfigurationError without an app id or a readable key."""
    if not settings.app_id:
        raise ConfigurationError("THUMBPRINT_APP_ID is empty: set it to the number of your GitHub App.")
    if settings.private_key_file is None:
        raise ConfigurationError(
            "THUMBPRINT_PRIVATE_KEY_FILE is empty: set it to the PEM file of your GitHub App's private key."
        )
    try:
        key = settings.private_key_file.read_text()
    except OSError as error:
        raise ConfigurationError(
            f"THUMBPRINT_PRIVATE_KEY_FILE cannot be read ({error.strerror}): check the path and its rights."
        ) from error
    hide([key])
    return key
