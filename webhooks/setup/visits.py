"""Who is at the setup page, and what each has begun. In memory only; no I/O.

A visit is a browser, told by a cookie. It may look when it comes from this machine, by the port that no
proxy knows, or has given the one-time token; what it began on GitHub it alone may finish, once, in an hour.
Run: `pytest tests/unit/webhooks/test_setup.py`.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.app_store import RegisteredApp
from bot.hosts import Host

STATE_LIFE_S = 3600.0
"""As long as GitHub's code."""

MOST_VISITS = 200


@dataclass
class Visit:
    """One browser. `visited_url` is our address as it sees it."""

    id: str
    visited_url: str = ""
    begun: dict[str, tuple[Host, float]] = field(default_factory=dict, repr=False)
    code: tuple[Host, str] | None = field(default=None, repr=False)
    """What GitHub sent back and could not be exchanged yet."""
    unkept: RegisteredApp | None = field(default=None, repr=False)
    """What was exchanged and could not be kept yet: GitHub tells it only once."""


class Visits:
    """All visits of one setup, and its token, which lets in one browser: whoever loses that begins anew."""

    def __init__(self, token: str, clock: Callable[[], float]) -> None:
        self._token = token
        self._clock = clock
        self._visits: dict[str, Visit] = {}

    def known(self, cookie: str) -> Visit | None:
        """The visit of a cookie."""
        return self._visits.get(cookie)

    def new(self) -> Visit:
        """A visit of somebody who may."""
        while len(self._visits) >= MOST_VISITS:
            del self._visits[next(iter(self._visits))]
        made = Visit(id=secrets.token_urlsafe(32))
        self._visits[made.id] = made
        return made

    def sign_in(self, token: str) -> Visit | None:
        """A visit of the first who knows the token, None for anyone else.

        Takes the same time for every wrong one.
        """
        if not self._token or not hmac.compare_digest(token.strip().encode(), self._token.encode()):
            return None
        self.use_up_token()
        return self.new()

    def use_up_token(self) -> None:
        """From now on the token opens nothing."""
        self._token = ""

    def begin(self, visit: Visit, host: Host) -> str:
        """A state for a registration on a host: GitHub hands it back with the code."""
        state = secrets.token_urlsafe(32)
        visit.begun[state] = (host, self._clock() + STATE_LIFE_S)
        return state

    def finish(self, visit: Visit, state: str) -> Host | None:
        """Where this visit began that registration; None for another's, an old or a used state."""
        host, until = visit.begun.pop(state, (None, 0.0))
        return host if self._clock() < until else None
