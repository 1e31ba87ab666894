"""What looking at answers takes of an installation's rate limit: paid before each call, as rows.

GitHub counts REST calls and GraphQL points apart, so we do. What was paid for a call that a crash cut off
stays paid. Left out: what the share is (`bot/polling.py`); calls for answering, which are not rationed here.
Run: `pytest tests/unit/bot/test_spending.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

from bot.polling import LIMIT, SPARED, WINDOWS, allowance
from storage.database import Database
from storage.errors import OverBudget

MINUTE = timedelta(minutes=1)


class Meter(Protocol):
    """Whoever is asked before a call and told after it. Resources are GitHub's: `core` and `graphql`."""

    def pay(self, resource: str) -> None:
        """Before a call, which costs a point at least. Raises OverBudget where it is not to be made."""
        ...

    def told(self, resource: str, cost: int, remaining: int, limit: int) -> None:
        """What GitHub says that a call cost, what is left of the hour's points, and how many there are."""
        ...


class Ledger:
    """One installation's spendings, in the database: whoever looks, all together keep within the share."""

    def __init__(
        self,
        database: Database,
        installation_id: int,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database, self._installation_id, self._clock = database, installation_id, clock
        self._low: dict[str, bool] = {}
        self._price: dict[str, int] = {}

    def pay(self, resource: str) -> None:
        """Count what a call cost lately, a point at first, in a transaction of its own.

        Raises OverBudget where the share is used up.
        """
        if self._low.get(resource):
            raise OverBudget(f"Little is left of GitHub's {resource} limit: looking at answers waits.")
        self._spend(resource, self._price.get(resource, 1), 0)

    def told(self, resource: str, cost: int, remaining: int, limit: int) -> None:
        """Count what a call cost beyond what was paid, and keep the limit."""
        paid = self._price.get(resource, 1)
        self._low[resource] = remaining < SPARED * limit
        self._price[resource] = max(1, cost)
        self._spend(resource, max(0, cost - paid), limit)

    def _spend(self, resource: str, points: int, limit: int) -> None:
        """Points of a call to come are refused beyond the share; those of one that was made are counted."""
        window = WINDOWS[resource]
        minute = self._clock().astimezone(UTC).replace(second=0, microsecond=0)
        with self._database.unit() as unit:
            spent, known = unit.polls.spent(self._installation_id, resource, minute - window)
            of = limit or known or LIMIT
            if not limit and spent + points > allowance(resource, of):
                raise OverBudget(f"The share of GitHub's {resource} limit for looking at answers is used up.")
            if points or of != known:
                unit.polls.spend(self._installation_id, resource, points, minute, of, minute - window)
                unit.commit()
