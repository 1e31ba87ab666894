"""A day of a busy installation: hundreds of answers, a crowd of thumbs, and never more than the share.

Everything is real but GitHub's answers, which come from a transport that counts, and the clock.
"""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot import poll
from bot.context import Context
from bot.github import GitHub
from bot.models import Models
from bot.polling import LIMIT, SHARE
from bot.queue import Queue
from bot.settings import Settings
from storage.database import Database
from storage.records import FeedbackKind, Repository
from tests.contract.judging import Judged, judge
from tests.unit.bot.test_github import TOKEN, key_file
from tests.unit.storage.things import posted, question

__all__ = ["judge", "key_file"]

pytestmark = pytest.mark.slow

START = datetime(2026, 11, 21, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
STEP = 7
"""Minutes between two polls here: each finds the window of the budget empty. A worker's are one apart."""
PLACES, NEW, OLD, PEOPLE = 20, 120, 80, 150
GRANTED = 500
"""Points an hour that this GitHub grants: a tenth of the real one, for a tenth of the answers."""
CONTENTS = ("THUMBS_UP", "THUMBS_DOWN", "HEART", "CONFUSED")


class Town:
    """GitHub as polls see it: who reacted to what by now, and how often it was asked, by hour."""

    def __init__(self) -> None:
        self.now = START
        self.given: dict[str, list[tuple[datetime, datetime, int, str]]] = defaultdict(list)
        self.calls: dict[str, Counter[int]] = {"core": Counter(), "graphql": Counter()}
        self.looks: Counter[str] = Counter()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.endswith("/access_tokens"):
            return httpx.Response(201, json=TOKEN)
        resource = "graphql" if path == "/graphql" else "core"
        self.calls[resource][int((self.now - START) / MINUTE)] += 1
        if resource == "graphql":
            return httpx.Response(200, json={"data": self.nodes(json.loads(request.content)["variables"])})
        if path.startswith("/repositories/"):
            number = int(path.rpartition("/")[2])
            return httpx.Response(200, json={"id": number, "full_name": f"o/r{number}"})
        return httpx.Response(200, json={"permission": "write", "role_name": "write"})

    def nodes(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.looks.update(asked["ids"])
        return {
            "rateLimit": {"cost": 1, "limit": GRANTED, "remaining": GRANTED - 60},
            "nodes": [
                {"id": one, "reactions": self.page(one), "userContentEdits": None} for one in asked["ids"]
            ],
        }

    def page(self, node_id: str) -> dict[str, Any]:
        nodes = [
            {
                "content": content,
                "createdAt": since.isoformat(),
                "user": {"__typename": "User", "login": f"p{person}", "databaseId": person},
            }
            for since, until, person, content in self.given[node_id]
            if since <= self.now < until
        ]
        return {"pageInfo": {"hasNextPage": False, "endCursor": None}, "nodes": nodes}

    def most_in_an_hour(self, resource: str) -> int:
        calls = self.calls[resource]
        return max(sum(calls[start + n] for n in range(60)) for start in range(0, 24 * 60))


@pytest.fixture
def town() -> Town:
    return Town()


@pytest.fixture
def context(tmp_path: Path, key_file: Path, town: Town) -> Iterator[Context]:
    settings = Settings(_env_file=None, home=tmp_path, app_id="77", private_key_file=key_file)
    database = Database(settings.resolved_database_url)
    Queue(database).migrate()
    github = GitHub(settings, Judged(town))
    yield Context(settings=settings, database=database, github=github, models=Models(settings))
    github.close()
    database.dispose()


def populate(context: Context, town: Town) -> None:
    """Answers of a day and of the month before, each with thumbs that come, change and go."""
    dice = random.Random(11)
    ages = [-dice.uniform(0, 20) * HOUR for _ in range(NEW)] + [
        dice.uniform(1, 690) * HOUR for _ in range(OLD)
    ]
    with context.database.unit() as unit:
        for number in range(1, PLACES + 1):
            unit.repositories.upsert(Repository(id=number, full_name=f"o/r{number}", installation_id=2))
        for number, age in enumerate(ages, start=1):
            place, node = dice.randint(1, PLACES), f"IC_{number}"
            asked = question(repository_id=place, full_name=f"o/r{place}", post_id=number, number=number)
            at = START - age
            made = replace(posted(asked, 10_000 + number), posted_at=at, created_at=at, comment_node_id=node)
            unit.answers.save(replace(made, phrase_ids=(), repairs=()))
            for person in dice.sample(range(1, PEOPLE + 1), dice.randint(0, 4)):
                since = max(at, START) + dice.uniform(0, 4) * HOUR
                until = since + (dice.uniform(1, 6) * HOUR if dice.random() < 0.2 else 90 * 24 * HOUR)
                town.given[node].append((since, until, person, dice.choice(CONTENTS)))
        unit.commit()


def test_in_no_hour_of_a_busy_day_does_looking_take_more_than_a_twentieth_and_every_thumb_is_heard(
    context: Context, town: Town
) -> None:
    populate(context, town)
    for minute in range(0, 24 * 60, STEP):
        town.now = START + minute * MINUTE
        poll.poll(context, clock=lambda: town.now)
    assert SHARE * GRANTED / 2 < town.most_in_an_hour("graphql") <= SHARE * GRANTED
    assert 0 < town.most_in_an_hour("core") <= SHARE * LIMIT
    with context.database.unit(read_only=True) as unit:
        events = [one for number in range(1, PLACES + 1) for one in unit.feedback.of_repository(number)]
        found = [one for number in range(1, PLACES + 1) for one in unit.answers.of_repository(number)]
    nodes = {one.id: one.comment_node_id for one in found}
    heard = {(nodes[one.answer_id], one.actor.id) for one in events if one.kind is FeedbackKind.REACTION}
    back = sum(one.kind is FeedbackKind.RETRACTION for one in events)
    stand = {
        (node, person)
        for node, all_of in town.given.items()
        for since, until, person, _ in all_of
        if since <= town.now - 3 * HOUR and until > town.now
    }
    assert len(stand) > 200 and stand <= heard and back > 20
    young = [town.looks[f"IC_{number}"] for number in range(1, NEW + 1)]
    old = [town.looks[f"IC_{number}"] for number in range(NEW + 1, NEW + OLD + 1)]
    assert min(old) > 0 and sum(young) / len(young) > sum(old) / len(old)
