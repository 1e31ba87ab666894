"""Writes are a second apart where GitHub sees them: on the wire, whoever of many workers sends them."""

from __future__ import annotations

import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest

from bot.acknowledgement import with_learned
from bot.drills.points import Wire
from bot.github import GitHub
from bot.pace import Limits
from bot.pacing import Pace
from bot.reply import Body, Marker, Why, render_body
from bot.settings import Settings
from storage.database import Database
from storage.records import Post, PostKind
from tests.integration.playground_fixture import Playground, playground, receiver
from webhooks.playground import people

__all__ = ["playground", "receiver"]
pytestmark = pytest.mark.slow


def said(text: str) -> Body:
    return render_body(text, Why(marker=Marker(answer_id="a_1")))


def forgotten(standing: Post) -> str:
    return with_learned(standing.body, [], taken_back_by=people.CONTRIBUTOR)


READ_S = 0.15
"""So long GitHub takes, at least, to say what stands in a comment that is to be changed."""


def test_two_workers_write_a_second_apart_though_one_reads_before_it_writes(
    playground: Playground, tmp_path: Path
) -> None:
    told = {**playground.settings(), "writes_apart_s": 1.0, "writes_per_minute": 60, "writes_per_hour": 400}
    settings = Settings(_env_file=None, home=tmp_path, **told)
    sent: list[float] = []

    def passed(point: str) -> None:
        if point.startswith("before GET"):
            time.sleep(READ_S)
        if point.startswith(("before POST comments", "before PATCH")):
            sent.append(time.monotonic())

    repository, number = playground.repository(), 1
    full_name = repository.full_name

    def work() -> None:
        database = Database(settings.resolved_database_url, busy_timeout_s=30)
        github = GitHub(settings, Wire(passed), None, Pace(database, Limits.of(settings)))
        client = github.client(playground.credentials.installation_id, repository.id)
        post = client.create_comment(full_name, number, said("Run `make test`."))
        client.update_comment(full_name, PostKind.COMMENT, post.id, forgotten)
        client.create_comment(full_name, number, said("Or `pytest`."))
        github.close()
        database.dispose()

    Database(settings.resolved_database_url).migrate()
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(sent) == 6
    assert min(after - before for before, after in pairwise(sorted(sent))) >= 1.0
