"""Named points around every commit and every call to GitHub, at which a worker can be made to die.

A point is passed before and after each: `before POST comments`, `after commit in posting.take`; a number in
an address is `#`. Whoever builds a worker on `pointed` counts them in a run in which nothing happens, and has
it die at one of them. Left out: what has to hold afterwards (`crashes.py`, `tests/unit/bot/test_posting.py`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from bot.access import Access
from bot.context import Context
from bot.github import GitHub
from bot.github_access import Pool
from bot.models import Models
from bot.pace import Limits
from bot.pacing import Pace
from bot.settings import Settings
from storage.database import Database, UnitOfWork


@dataclass
class Points:
    """The names of the points passed so far; at the one numbered `at`, `act` is called."""

    at: int = -1
    act: Callable[[], None] = lambda: None
    passed: list[str] = field(default_factory=list)

    def __call__(self, name: str) -> None:
        """Pass a point."""
        self.passed.append(name)
        if len(self.passed) - 1 == self.at:
            self.act()


class Wire(httpx.BaseTransport):
    """The way to GitHub, with a point before and after each call."""

    def __init__(self, points: Callable[[str], None], through: httpx.BaseTransport | None = None) -> None:
        self._through, self._points = through or Pool(), points

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send it."""
        before, _, last = request.url.path.rpartition("/")
        place = f"{before.rpartition('/')[2]}/#" if last.isdigit() else last
        name = f"{request.method} {place}"
        self._points(f"before {name}")
        response = self._through.handle_request(request)
        self._points(f"after {name}")
        return response

    def close(self) -> None:
        """Close all connections."""
        self._through.close()


class Pointed(Database):
    """A database with a point before and after each commit."""

    def __init__(self, url: str, points: Callable[[str], None]) -> None:
        super().__init__(url, busy_timeout_s=30)
        self._points = points

    def unit(self, *, read_only: bool = False) -> UnitOfWork:
        """A unit of work whose commit has its points."""
        return _PointedUnit(self, read_only=read_only, points=self._points)


class _PointedUnit(UnitOfWork):
    def __init__(self, database: Database, *, read_only: bool, points: Callable[[str], None]) -> None:
        super().__init__(database, read_only=read_only)
        self._points = points

    def commit(self) -> None:
        caller = sys._getframe(1)
        where = f"{caller.f_globals['__name__'].rpartition('.')[2]}.{caller.f_code.co_qualname}"
        self._points(f"before commit in {where}")
        super().commit()
        self._points(f"after commit in {where}")


@contextmanager
def pointed(settings: Settings, models: Models, points: Callable[[str], None]) -> Iterator[Context]:
    """A worker's context of its own, with nothing in common with others but database and GitHub."""
    database = Pointed(settings.resolved_database_url, points)
    github = GitHub(settings, Wire(points), Access(database), Pace(database, Limits.of(settings)))
    try:
        yield Context(settings=settings, database=database, github=github, models=models)
    finally:
        github.close()
        database.dispose()
