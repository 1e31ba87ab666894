"""Every playground of the suite is held against GitHub's contract: each exchange is kept, then judged.

Judged when the playground ends, so that no test waits for it, and equal exchanges once in a run. A request
of the bot's own must be one that GitHub takes as well formed; a test's may be wrong, but then the playground
must refuse it. Answers are judged whoever asked. A playground in a process of its own writes them to a file.
Left out: answers of a server that a test breaks on purpose (5xx, cut short), the playground's own pages.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from starlette.types import ASGIApp

from tests.contract import overlay, queries, rest
from webhooks.playground.exchanges import FILE, Exchange, Recorder

_JUDGED: set[str] = set()


class Contract:
    """What is exchanged, equal ones once; `judge` it at the end."""

    def __init__(self) -> None:
        self.exchanges: dict[str, Exchange] = {}

    def around(self, playground: ASGIApp) -> ASGIApp:
        """A playground in this process, with all that goes through it kept."""
        return Recorder(playground, self.keep)

    def keep(self, exchange: Exchange) -> None:
        """One more to judge, unless an equal one was judged in this run."""
        if exchange.key not in _JUDGED:
            self.exchanges.setdefault(exchange.key, exchange)

    def judge(self) -> None:
        """Raise AssertionError that lists every difference from GitHub's contract."""
        found = []
        for key, exchange in self.exchanges.items():
            if differences := list(differences_of(exchange)):
                found += [f"{exchange.name}: {one}" for one in differences]
            else:
                _JUDGED.add(key)
        assert not found, "\n".join(["Not as GitHub has it:", *found])


@contextlib.contextmanager
def held_to_contract(home: Path) -> Iterator[None]:
    """Meanwhile a playground of another process, with its folder `home`, starts and ends."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = home / FILE
    file.touch(0o600)
    yield
    contract = Contract()
    with file.open(encoding="ascii") as stream:
        for line in stream:
            contract.keep(Exchange.of(line))
    assert file.stat().st_size, f"the playground wrote nothing to {file}"
    contract.judge()


def differences_of(exchange: Exchange) -> list[str]:
    """What in one exchange is not as GitHub has it."""
    at_fault = exchange.by_bot or 200 <= exchange.status < 300
    kind = queries if exchange.is_graphql else rest
    asked = list(chain(overlay.request_differences(exchange), kind.request_differences(exchange)))
    if asked and exchange.is_graphql and exchange.status == 200 and b'"errors"' in exchange.answer:
        at_fault = exchange.by_bot  # GraphQL refuses with 200
    found = [f"the request: {one}" for one in asked] if at_fault else []
    if exchange.whole:
        answered = chain(overlay.answer_differences(exchange), kind.answer_differences(exchange))
        found += [f"the answer: {one}" for one in answered]
    return found
