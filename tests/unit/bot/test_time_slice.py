"""What the worker does by the clock ends long before a step may: the rest is due still, and has its turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.catching_up import CATCH_UP
from bot.closing import ASK
from bot.context import Context
from bot.duplicates import heal
from bot.github import GitHub
from bot.jobs import steps_of
from bot.learning_mode import follow_due
from bot.models import Models
from bot.poll import poll
from bot.queue import Queue
from bot.reasons import hidden_events
from bot.settings import Settings
from bot.standing import ASKED_ALL
from bot.sweeping import sweep
from bot.time_slice import ROUND, time_slice
from storage.database import Database
from storage.records import Answer, AnswerStatus, Configuration, Feedback, Repository
from tests.contract.judging import Judged, judge
from tests.unit.bot.test_github import TOKEN, key_file
from tests.unit.storage.things import posted, question

__all__ = ["judge", "key_file"]

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PLACES = 3
CHOSEN = Configuration(repository_id=1, installation_id=2, words=("/ask",), mention=True)


def allowing(times: int) -> Callable[[], bool]:
    """There is time for so many more things."""
    left = iter([True] * times)
    return lambda: next(left, False)


class Town:
    """GitHub: a thumb of somebody's under each answer, deliveries that failed, and each call that came."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.failed = 5
        self.broken = ""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.endswith("/access_tokens"):
            return httpx.Response(201, json=TOKEN)
        self.calls.append(f"{request.method} {path}")
        if path == "/graphql":
            asked = request.read().decode()
            if self.broken and self.broken in asked:
                return httpx.Response(502)
            return httpx.Response(200, json={"data": self.nodes(asked)})
        if path.startswith("/repositories/"):
            number = int(path.rpartition("/")[2])
            return httpx.Response(200, json={"id": number, "full_name": f"o/r{number}"})
        if path.endswith("/permission"):
            return httpx.Response(200, json={"permission": "write", "role_name": "write"})
        if path == "/app/hook/deliveries":
            return httpx.Response(200, json=[self.delivery(number) for number in range(self.failed)])
        if path.endswith("/attempts"):
            return httpx.Response(202, json={})
        if "/contents/" in path:
            return httpx.Response(404, json={})
        return httpx.Response(200, json=[])

    def nodes(self, asked: str) -> dict[str, object]:
        ids = [f"IC_{number}" for number in range(1, 10) if f"IC_{number}" in asked]
        return {
            "rateLimit": {"cost": 1, "limit": 5000, "remaining": 4000},
            "nodes": [{"id": one, "reactions": self.thumb(one), "userContentEdits": None} for one in ids],
        }

    def thumb(self, node: str) -> dict[str, object]:
        number = int(node.removeprefix("IC_"))
        by = {"__typename": "User", "login": f"p{number}", "databaseId": 100 + number}
        one = {"content": "THUMBS_UP", "createdAt": NOW.isoformat(), "user": by}
        return {"pageInfo": {"hasNextPage": False, "endCursor": None}, "nodes": [one]}

    def delivery(self, number: int) -> dict[str, object]:
        """The newest got through, those before failed."""
        at = NOW - timedelta(minutes=10 + number)
        return {
            "id": 1000 - number,
            "guid": f"guid-{number}",
            "delivered_at": at.isoformat(),
            "event": "issue_comment",
            "action": "created",
            "status_code": 502 if number else 200,
        }

    def asked_again(self) -> list[str]:
        return [one.split("/")[-2] for one in self.calls if one.endswith("/attempts")]


@pytest.fixture
def town() -> Town:
    return Town()


@pytest.fixture
def context(tmp_path: Path, key_file: Path, town: Town) -> Iterator[Context]:
    settings = Settings(_env_file=None, home=tmp_path, app_id="77", private_key_file=key_file)
    database = Database(settings.resolved_database_url)
    Queue(database).migrate()
    with database.unit() as unit:
        for place in range(1, PLACES + 1):
            unit.repositories.upsert(Repository(id=place, full_name=f"o/r{place}", installation_id=2))
        unit.commit()
    github = GitHub(settings, Judged(town))
    yield Context(settings=settings, database=database, github=github, models=Models(settings))
    github.close()
    database.dispose()


def answers(context: Context, places: list[int], now: datetime = NOW) -> list[str]:
    """An answer of an hour ago in each of these places, in this order."""
    ids = []
    with context.database.unit() as unit:
        for number, place in enumerate(places, start=1):
            asked = question(repository_id=place, full_name=f"o/r{place}", post_id=number, number=number)
            at = now - timedelta(minutes=60 - number)
            made = replace(posted(asked, number), posted_at=at, created_at=at, comment_node_id=f"IC_{number}")
            unit.answers.save(replace(made, phrase_ids=(), repairs=()))
            ids.append(made.id)
        unit.commit()
    return ids


def heard(context: Context, ids: list[str]) -> list[bool]:
    with context.database.unit(read_only=True) as unit:
        return [bool(unit.feedback.of_answer(one)) for one in ids]


def test_a_slice_ends_long_before_a_step_may() -> None:
    now = [0.0]
    go_on = time_slice(Settings(_env_file=None, job_timeout_s=100.0), lambda: now[0])
    assert go_on() and ROUND <= 0.5
    now[0] = 100.0 * ROUND - 0.1
    assert go_on()
    now[0] = 100.0 * ROUND
    assert not go_on()


def test_a_poll_whose_time_is_over_begins_no_look_and_the_next_one_goes_on_there(
    context: Context, town: Town
) -> None:
    ids = answers(context, [1, 2, 3])
    poll(context, clock=lambda: NOW, go_on=allowing(2))
    assert town.calls.count("POST /graphql") == 2 and sum(heard(context, ids)) == 2
    poll(context, clock=lambda: NOW)
    assert town.calls.count("POST /graphql") == 3 and all(heard(context, ids))


def test_a_look_whose_time_is_over_keeps_what_it_learned_and_leaves_the_other_answers_due(
    context: Context, town: Town
) -> None:
    ids = answers(context, [1, 1, 1])
    poll(context, clock=lambda: NOW, go_on=allowing(1))
    assert sum(heard(context, ids)) == 1
    with context.database.unit(read_only=True) as unit:
        assert len(unit.polls.turns(NOW - timedelta(days=1), NOW)) == 2
    poll(context, clock=lambda: NOW)
    assert all(heard(context, ids))


def test_answers_that_github_cannot_show_do_not_take_the_time_of_all_others_again_and_again(
    context: Context, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.github_calls.PAUSES_S", ())
    ids = answers(context, [1, 2])
    town.broken = "IC_1"
    for _ in range(2):
        poll(context, clock=lambda: NOW, go_on=allowing(1))
    assert heard(context, ids) == [False, True]
    town.broken = ""
    poll(context, clock=lambda: NOW + timedelta(hours=2))
    assert all(heard(context, ids))


@pytest.mark.parametrize("places", [[1, 2, 3], [1, 1, 1]])
def test_what_nobody_foresaw_about_one_answer_keeps_no_other_from_being_heard(
    places: list[int], context: Context, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broken one is looked at first, in a call of its own or of all three."""

    def broken(answer: Answer, *about: Any) -> list[Feedback]:
        if answer.id == ids[0]:
            raise KeyError("minimizedReason")
        return hidden_events(answer, *about)

    ids = answers(context, places)
    monkeypatch.setattr("bot.poll.hidden_events", broken)
    for _ in range(4):
        poll(context, clock=lambda: NOW, go_on=allowing(1 if len(set(places)) > 1 else 4))
    assert heard(context, ids) == [False, True, True]


def test_a_sweep_whose_time_is_over_asks_for_the_rest_in_the_next_one(context: Context, town: Town) -> None:
    with context.database.unit() as unit:
        unit.progress.sighted(["guid-0"], NOW)
        unit.commit()
    assert sweep(context, NOW, allowing(town.failed + 3)) == 3
    assert town.asked_again() == ["996", "997", "998"], "the oldest first"
    assert sweep(context, NOW + timedelta(minutes=5)) == 4
    assert "999" in town.asked_again()
    with context.database.unit(read_only=True) as unit:
        assert unit.progress.marks(CATCH_UP) == {}


def test_what_was_written_is_read_where_listing_deliveries_takes_too_long(
    context: Context, town: Town
) -> None:
    sweep(context, NOW - timedelta(hours=1))
    sweep(context, NOW, allowing(2))
    with context.database.unit(read_only=True) as unit:
        assert len(unit.progress.marks(CATCH_UP)) == PLACES


def test_files_and_second_comments_wait_for_the_next_round_where_there_is_no_time(
    context: Context, town: Town
) -> None:
    ids = answers(context, [1, 2, 3])
    with context.database.unit() as unit:
        for place in range(1, PLACES + 1):
            unit.configurations.keep(replace(CHOSEN, repository_id=place))
        for one in ids:  # taken twice: somebody else may have sent it too
            unit.postings.take(one, [AnswerStatus.POSTED])
            intent = unit.postings.take(one)
            assert intent is not None and unit.postings.sending(intent, NOW)
            unit.postings.settle(intent, replace(intent.answer, status=AnswerStatus.POSTED))
        unit.commit()
    follow_due(context, allowing(1))
    with context.database.unit(read_only=True) as unit:
        assert unit.configurations.stale() == [2, 3]
    looked = 0
    for times in (1, PLACES):
        heal(context, NOW + timedelta(minutes=3), allowing(times))
        looked = sum("/comments" in one for one in town.calls) - looked
        assert looked == min(times, PLACES - 1)


def test_polls_and_upkeep_of_a_worker_end_in_time(context: Context, town: Town) -> None:
    answers(context, [1, 2], datetime.now(UTC))
    with context.database.unit() as unit:
        unit.progress.set_mark(ASKED_ALL, datetime.now(UTC))
        unit.progress.set_mark(f"{ASK}2", NOW)
        unit.configurations.keep(CHOSEN)
        unit.commit()
    hurried = context.settings.model_copy(update={"job_timeout_s": 1e-9})
    steps = steps_of(replace(context, settings=hurried))
    steps.poll()
    steps.upkeep()
    assert town.calls == []
    steps_of(context).poll()
    assert "POST /graphql" in town.calls
