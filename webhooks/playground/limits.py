"""GitHub's rate limits: points an hour for REST and GraphQL, and the secondary limit on creating content.

Source: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
Left out: the search and code-scanning resources, concurrency.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from webhooks.playground.refusals import Refused

HOUR = timedelta(hours=1)


@dataclass
class Bucket:
    """One resource's points in the running hour."""

    resource: str
    limit: int
    used: int = 0
    reset: datetime | None = None

    def spend(self, points: int, now: datetime) -> None:
        """Take points; a new hour starts with a full bucket."""
        self.renew(now)
        self.used += points

    def renew(self, now: datetime) -> datetime:
        """Start a new hour when the old one is over. Returns when the running one ends."""
        if self.reset is None or now >= self.reset:
            self.used, self.reset = 0, now + HOUR
        return self.reset

    def headers(self, now: datetime) -> dict[str, str]:
        """The `x-ratelimit-*` headers."""
        reset = self.renew(now)
        return {
            "x-ratelimit-limit": str(self.limit),
            "x-ratelimit-remaining": str(max(0, self.limit - self.used)),
            "x-ratelimit-reset": str(int(reset.timestamp())),
            "x-ratelimit-used": str(min(self.used, self.limit)),
            "x-ratelimit-resource": self.resource,
        }


@dataclass
class Limits:
    """All of an installation's limits. Change the fields to make them tighter in a test or a drill."""

    clock: Callable[[], datetime]
    core: Bucket = field(default_factory=lambda: Bucket("core", 5000))
    graphql: Bucket = field(default_factory=lambda: Bucket("graphql", 5000))
    content_per_minute: int = 80
    _content: deque[datetime] = field(default_factory=deque)

    def check(self, bucket: Bucket, points: int = 1) -> None:
        """Spend points, or raise Refused 403 as GitHub does when none are left."""
        now = self.clock()
        bucket.renew(now)
        if bucket.used + points > bucket.limit:
            raise Refused(403, "API rate limit exceeded for installation.", headers=bucket.headers(now))
        bucket.spend(points, now)

    def check_content(self) -> None:
        """Count one creation; Refused 403 with `Retry-After` beyond so many in a minute."""
        now = self.clock()
        while self._content and now - self._content[0] >= timedelta(minutes=1):
            self._content.popleft()
        if len(self._content) >= self.content_per_minute:
            wait = 60 - int((now - self._content[0]).total_seconds())
            raise Refused(
                403,
                "You have exceeded a secondary rate limit and have been temporarily blocked from content "
                "creation. Please retry your request again later.",
                headers={"retry-after": str(max(1, wait))},
            )
        self._content.append(now)

    def exhaust(self, seconds: float) -> None:
        """No points are left until so many seconds from now."""
        for bucket in (self.core, self.graphql):
            bucket.used, bucket.reset = bucket.limit, self.clock() + timedelta(seconds=seconds)

    def overview(self) -> dict[str, dict[str, int]]:
        """The resources of `GET /rate_limit`."""
        shown: dict[str, dict[str, int]] = {}
        for bucket in (self.core, self.graphql):
            head = bucket.headers(self.clock())
            shown[bucket.resource] = {
                name: int(head[f"x-ratelimit-{name}"]) for name in ("limit", "remaining", "reset", "used")
            }
        return shown
