"""What looking costs is counted in the database before it is spent, and ends at the share."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.polling import allowance
from bot.spending import Ledger
from storage.database import Database
from storage.errors import OverBudget
from tests.unit.storage.things import NOW


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path}/thumbprint.db")
    made.migrate()
    yield made
    made.dispose()


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def spend_all(ledger: Ledger, resource: str = "graphql") -> int:
    for number in range(10_000):
        try:
            ledger.pay(resource)
        except OverBudget:
            return number
    raise AssertionError("there is no end")


def test_the_share_ends_and_is_there_again_after_its_window(database: Database) -> None:
    clock = Clock()
    first = spend_all(Ledger(database, 2, clock))
    assert first == allowance("graphql", 5000) == 25
    clock.now += timedelta(minutes=5)
    assert spend_all(Ledger(database, 2, clock)) == 0
    clock.now += timedelta(minutes=2)
    assert spend_all(Ledger(database, 2, clock)) == 25
    assert spend_all(Ledger(database, 3, clock)) == 25
    assert spend_all(Ledger(database, 2, clock), "core") == 250


def test_in_any_hour_looking_takes_at_most_a_twentieth(database: Database) -> None:
    clock = Clock()
    ledger = Ledger(database, 2, clock)
    ledger.pay("graphql")
    ledger.told("graphql", cost=1, remaining=1000, limit=1000)
    spent: list[int] = []
    for _ in range(130):
        spent.append(spend_all(ledger))
        clock.now += timedelta(seconds=62)
    steps = int(3600 / 62) + 1
    hours = [sum(spent[at : at + steps]) for at in range(len(spent) - steps)]
    assert max(hours) <= 50 and min(hours) > 35


def test_a_call_that_costs_more_is_counted_whole_and_the_next_one_is_paid_at_that_price(
    database: Database,
) -> None:
    clock = Clock()
    ledger = Ledger(database, 2, clock)
    ledger.pay("graphql")
    ledger.told("graphql", cost=3, remaining=4000, limit=5000)
    ledger.pay("graphql")
    with database.unit(read_only=True) as unit:
        assert unit.polls.spent(2, "graphql", NOW - timedelta(hours=1)) == (6, 5000)


def test_the_share_is_of_the_limit_that_github_grants_and_the_next_ledger_knows_it(
    database: Database,
) -> None:
    clock = Clock()
    ledger = Ledger(database, 2, clock)
    ledger.pay("graphql")
    ledger.told("graphql", cost=1, remaining=12_000, limit=12_500)
    assert spend_all(Ledger(database, 2, clock)) == allowance("graphql", 12_500) - 1


def test_looking_stops_while_answering_has_little_left(database: Database) -> None:
    ledger = Ledger(database, 2, Clock())
    ledger.pay("graphql")
    ledger.told("graphql", cost=1, remaining=900, limit=5000)
    with pytest.raises(OverBudget, match="waits"):
        ledger.pay("graphql")
    ledger.pay("core")
