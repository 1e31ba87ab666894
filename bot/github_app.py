"""What the App asks about itself, by its own web token: its installations, and its webhook's deliveries.

Sources: https://docs.github.com/en/rest/apps/webhooks, https://docs.github.com/en/rest/apps/apps.
No delivery's payload is read: one that is wanted is sent again.
Run: `pytest tests/integration/test_missed.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from bot.github_calls import Calls
from bot.github_shapes import moment
from storage.errors import GitHubRefused, Gone
from storage.records import Installation, Standing

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class DeliveryAttempt:
    """One attempt of GitHub's to deliver. Attempts at one delivery share its GUID; `id` is its own.

    `repository_id` is 0 for one that is about none.
    """

    id: int
    guid: str
    at: datetime
    event: str
    action: str
    status_code: int
    redelivery: bool = False
    repository_id: int = 0

    @property
    def ok(self) -> bool:
        """Whether it was acknowledged."""
        return 200 <= self.status_code < 300


class AppClient:
    """Calls with the App's rights. All may raise GitHubUnavailable, RateLimited, GitHubRefused."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def attempts(self, since: datetime) -> Iterator[DeliveryAttempt]:
        """The attempts at `since` or later, newest first."""
        for said in self._calls.linked("/app/hook/deliveries"):
            one = _attempt(said)
            if one.at < since:
                return
            yield one

    def redeliver(self, attempt_id: int) -> bool:
        """Have a delivery sent again; False where GitHub refuses, or does not keep it any more."""
        try:
            self._calls.order(f"/app/hook/deliveries/{attempt_id}/attempts")
        except (Gone, GitHubRefused) as error:
            log.warning("not_sent_again", attempt=attempt_id, reason=str(error))
            return False
        return True

    def installations(self) -> list[Installation]:
        """All installations, suspended ones too."""
        return [_installation(said) for said in self._calls.pages("/app/installations")]

    def installation(self, installation_id: int) -> Installation | None:
        """One installation; None where it is none any more."""
        try:
            return _installation(self._calls.get(f"/app/installations/{installation_id}"))
        except Gone:
            return None


def _attempt(said: dict[str, Any]) -> DeliveryAttempt:
    code, repository_id = said.get("status_code"), said.get("repository_id")
    return DeliveryAttempt(
        id=int(said["id"]),
        guid=str(said.get("guid") or ""),
        at=moment(said.get("delivered_at")),
        event=str(said.get("event") or ""),
        action=str(said.get("action") or ""),
        status_code=code if isinstance(code, int) else 0,
        redelivery=said.get("redelivery") is True,
        repository_id=repository_id if isinstance(repository_id, int) else 0,
    )


def _installation(said: dict[str, Any]) -> Installation:
    account = said.get("account") or {}
    suspended = said.get("suspended_at")
    return Installation(
        id=int(said["id"]),
        account_id=int(account.get("id") or 0),
        account=str(account.get("login") or account.get("slug") or ""),
        standing=Standing.SUSPENDED if suspended else Standing.ACTIVE,
        since=moment(suspended or said.get("updated_at")),
    )
