"""The App is taken away, or suspended, while a worker is at its jobs: nothing more goes out.

Real deliveries, a real worker; its steps only say that they ran, and ask GitHub for the repository.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.jobs import Worker
from bot.workflows import Steps
from storage.database import Database
from storage.errors import ConfigurationError
from storage.records import JobOutcome, Question
from storage.tables import job_attempts
from tests.integration.whole import OWNER_OF, Whole, whole
from webhooks.drills.world import wait_until
from webhooks.playground import ownership

pytestmark = pytest.mark.slow


class Work:
    """Steps that wait in the middle of an answer until they are let go, then call GitHub."""

    def __init__(self, app: Whole) -> None:
        self.app = app
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.composed: list[str] = []
        self.posted: list[str] = []
        self.refuses = False

    def compose(self, question: Question) -> str:
        self.begun.set()
        assert self.go_on.wait(60)
        self._call(question)
        self.composed.append(question.answer_id)
        return question.answer_id

    def post(self, answer_id: str) -> None:
        if self.refuses:
            raise ConfigurationError("the key is not the App's")
        self.posted.append(answer_id)

    def _call(self, question: Question) -> None:
        client = self.app.context.github.client(question.installation_id, question.repository_id)
        client.repository(question.repository_id)

    def steps(self) -> Steps:
        nothing: dict[str, Any] = {each.name: lambda *about: None for each in fields(Steps)}
        return Steps(**{**nothing, "compose": self.compose, "post": self.post})


@contextmanager
def at_work(app: Whole) -> Iterator[Work]:
    work, settings = Work(app), app.context.settings
    worker = Worker(settings, Database(settings.resolved_database_url, busy_timeout_s=30.0), work.steps())
    worker.start()
    try:
        yield work
    finally:
        work.go_on.set()
        worker.stop()
    assert worker.ended is None


def outcomes(app: Whole) -> dict[str, JobOutcome]:
    with app.database.unit(read_only=True) as unit:
        ids = [one for each in unit.repositories.all() for one in unit.jobs.of_repository(each.id)]
        return {job.id: job.outcome for job in unit.jobs.listed(ids)}


def settled(app: Whole, outcome: JobOutcome, count: int) -> bool:
    return list(outcomes(app).values()) == [outcome] * count


def taken_away_at_work(app: Whole) -> None:
    app.round()
    with at_work(app) as work:
        app.ask()
        app.ask("/ask And where are they?")
        app.ask(name="sailcloth")
        assert work.begun.wait(60)
        ownership.uninstall(app.playground.state, OWNER_OF, app.playground.credentials.installation_id)
        app.playground.wait_for_deliveries()
        assert settled(app, JobOutcome.CANCELLED, 3)
        spent = app.calls()
        work.go_on.set()
    assert (work.composed, work.posted) == ([], [])
    assert app.calls() == spent
    app.clock.forward(days=31)
    app.round()
    assert outcomes(app) == {}
    assert app.jobs() == app.jobs(name="eyes/") == []
    with app.database.unit(read_only=True) as unit:
        tried = unit.connection.execute(sa.select(job_attempts.c.job_id)).scalars()
        assert [one for one in tried if "answer/" in one] == []


def test_a_job_that_runs_while_the_app_is_taken_away_calls_nobody_and_is_erased(tmp_path: Path) -> None:
    with whole(tmp_path) as app:
        taken_away_at_work(app)


def test_a_job_that_runs_while_the_app_is_taken_away_calls_nobody_and_is_erased_on_postgresql(
    tmp_path: Path, url: str
) -> None:
    with whole(tmp_path, database_url=url) as app:
        taken_away_at_work(app)


def test_a_job_that_runs_while_the_app_is_suspended_goes_on_once_it_is_not(tmp_path: Path) -> None:
    with whole(tmp_path) as app:
        app.round()
        number = app.playground.credentials.installation_id
        with at_work(app) as work:
            app.ask()
            assert work.begun.wait(60)
            ownership.suspend(app.playground.state, OWNER_OF, number)
            app.playground.wait_for_deliveries()
            assert settled(app, JobOutcome.CANCELLED, 1)
            work.go_on.set()
            ownership.suspend(app.playground.state, OWNER_OF, number, False)
            app.round()
            wait_until(lambda: settled(app, JobOutcome.DONE, 1), 60, "the job did not go on")
        assert len(work.composed) == len(work.posted) == 1


def test_an_answer_that_was_put_off_before_a_suspension_is_posted_after_it(tmp_path: Path) -> None:
    with whole(tmp_path) as app:
        app.round()
        number = app.playground.credentials.installation_id
        with at_work(app) as work:
            work.go_on.set()
            work.refuses = True
            app.ask()
            wait_until(lambda: settled(app, JobOutcome.FAILED, 1), 60, "the post was not put off")
            work.refuses = False
            ownership.suspend(app.playground.state, OWNER_OF, number)
            app.playground.wait_for_deliveries()
            assert settled(app, JobOutcome.CANCELLED, 1) and app.jobs("DELAYED", name="later/") == []
            ownership.suspend(app.playground.state, OWNER_OF, number, False)
            app.round()
            wait_until(lambda: settled(app, JobOutcome.DONE, 1), 60, "the answer was lost")
        assert len(work.posted) == 1
