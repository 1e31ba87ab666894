"""Playground and receiver as in a real run, a clock that tests turn, and what the worker does by it.

Jobs are only looked at here: no worker carries them out, so that no test waits for a model.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.ports import free_port
from bot.settings import Settings
from storage.database import Database
from storage.records import Repository
from tests.integration.playground_fixture import Playground, playground_at
from webhooks.app import create_app
from webhooks.drills.world import Clock, World, connected, served, wait_until
from webhooks.playground.state import utcnow

OWNER_OF = "noor-haddad"
"""Who is admin of the playground's repositories."""


@dataclass(kw_only=True)
class Whole(World):
    """A playground that delivers to a real receiver, and a worker's context on both."""

    playground: Playground

    @property
    def database(self) -> Database:
        return self.context.database

    def ask(self, text: str = "/ask How do I run the tests?", number: int = 1, name: str = "inkwell") -> None:
        self.playground.say("ben-okafor", number, text, name)

    def jobs(self, *statuses: str, name: str = "answer/") -> list[str]:
        """The ids of jobs, those with these statuses of DBOS's, or all of them."""
        table = "workflow_status" if self.database.is_sqlite else "dbos.workflow_status"
        query = f"SELECT workflow_uuid, status FROM {table} ORDER BY created_at, workflow_uuid"
        with self.database.engine.connect() as connection:
            rows = connection.exec_driver_sql(query).fetchall()
        return [job for job, status in rows if job.startswith(name) and (not statuses or status in statuses)]

    def waiting(self) -> int:
        self.playground.wait_for_deliveries()
        return len(self.jobs("ENQUEUED", "PENDING", "DELAYED"))

    def row(self, repository_id: int) -> Repository:
        with self.database.unit(read_only=True) as unit:
            found = unit.repositories.get(repository_id)
        assert found is not None
        return found

    def calls(self) -> int:
        """How many calls installations' tokens paid for so far."""
        return int(self.playground.limits.core.used)


@contextmanager
def whole(home: Path, **changes: Any) -> Iterator[Whole]:
    port, clock = free_port(), Clock()
    with playground_at(home / "playground", f"http://127.0.0.1:{port}", clock=clock) as playground:
        settings = Settings(home=home, _env_file=None, **{**playground.settings(), **changes})
        playground.guard.clock = utcnow
        app = create_app(settings)
        app.state.receiver.sightings.clock = clock
        with connected(settings) as context, served(app, port):
            wait_until(lambda: not playground.state.pending(), 20, "the receiver did not start")
            yield Whole(
                playground=playground,
                state=playground.state,
                context=context,
                clock=clock,
                receiver=app.state.receiver,
            )
