"""A second comment that shows itself late goes, the oldest stays; one that a person deleted has no heir."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot import duplicates, feedback, poll
from bot.context import Context
from bot.drills.points import Points
from bot.duplicates import LOOKS, heal
from bot.github import Client
from bot.github_shapes import Seen
from bot.posting import comments_of
from storage.errors import GitHubUnavailable, Gone, Overtaken, RateLimited
from storage.postings import PostingStore
from storage.records import Answer, AnswerStatus, Post, Question
from tests.integration.playground_fixture import playground, receiver
from tests.unit.bot.crashing import (
    ask_anew,
    hear,
    names_of,
    one_answer,
    ours,
    posted,
    worker,
)
from tests.unit.bot.test_answer import Desk, desk
from webhooks.playground import people

__all__ = ["desk", "playground", "receiver"]

pytestmark = pytest.mark.slow


def later(looks: int = 1) -> datetime:
    """When an answer of now is looked at for the nth time."""
    return datetime.now(UTC) + LOOKS[looks - 1] + timedelta(seconds=1)


def twice(desk: Desk, lagging: int = 0) -> None:
    """Two comments: the first was sent and not heard of, and no list showed it for long.

    `lagging`: for how many looks of the sweep that goes on.
    """
    desk.compose()
    desk.misbehave(kind="drop", method="POST", path="*/comments", status=0)
    desk.misbehave(kind="lag", method="GET", path="*/comments", seconds=600, times=5 + lagging)
    with worker(desk) as context:
        with pytest.raises(GitHubUnavailable):
            posted(context, desk)
        posted(context, desk)
    assert len(ours(desk)) == 2 and desk.stored().comment_id == ours(desk)[1].id


def test_a_list_that_lagged_for_longer_than_all_looks_costs_a_second_comment_for_a_while(desk: Desk) -> None:
    twice(desk)
    first, _ = ours(desk)
    with worker(desk) as context:
        assert heal(context, datetime.now(UTC)) == 0, "GitHub may still be at it"
        assert heal(context, later()) == 1
        assert [one.id for one in ours(desk)] == [first.id], "the oldest is kept"
        one_answer(desk)
        assert heal(context, later()) == 0
        spent = Points()
    with worker(desk, spent) as context:
        heal(context, later(1))
    assert spent.passed == [], "one look for each time"


def test_it_is_looked_for_again_for_a_day(desk: Desk) -> None:
    twice(desk, lagging=1)
    with worker(desk) as context:
        assert heal(context, later(1)) == 0, "the list lags still"
        assert heal(context, later(2)) == 1
    one_answer(desk)


def test_an_overtaken_worker_that_had_its_fence_already_is_healed_after(desk: Desk) -> None:
    ask_anew(desk)
    desk.compose()
    names = names_of(desk, lambda context: posted(context, desk))
    for at in (names.index("before POST comments") - 1, names.index("before POST comments")):
        ask_anew(desk)
        desk.compose()

        def race() -> None:
            with worker(desk) as other:
                posted(other, desk)

        with worker(desk, Points(at, race)) as context, pytest.raises(Overtaken):
            posted(context, desk)
        assert len(ours(desk)) == 2
        with worker(desk) as context:
            assert heal(context, later()) == 1
        one_answer(desk, names[at])


def test_where_a_person_deleted_the_one_that_stood_the_other_goes_too(desk: Desk) -> None:
    twice(desk)
    _, known = ours(desk)
    desk.playground.delete(people.MAINTAINER, known)
    guid = hear(desk, "deleted")
    with worker(desk) as context:
        feedback.deleted(context, guid)
        assert heal(context, later()) == 1
    assert ours(desk) == [] and desk.stored().status is AnswerStatus.DELETED


def test_a_poll_beside_the_sweep_does_not_cost_the_only_answer(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It read the row before the sweep, looked for the second comment after it, and writes last."""
    twice(desk)
    real, swept = Client.look, []

    def look(self: Client, node_ids: Sequence[str]) -> dict[str, Seen | None]:
        with worker(desk) as other:
            swept.append(heal(other, later()))
        return real(self, node_ids)

    with worker(desk) as context:
        monkeypatch.setattr(Client, "look", look)
        poll.poll(context, everything=True)
        assert swept == [1]
        heal(context, later(2))
    one_answer(desk)


def test_an_answer_that_a_person_deleted_during_the_sweep_is_not_taken_up_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    twice(desk)
    real = comments_of

    def late(*which: Any) -> list[Post]:
        found = real(*which)
        with desk.context.database.unit() as unit:
            unit.postings.deleted(desk.question.answer_id)
            unit.commit()
        return found

    with worker(desk) as context:
        monkeypatch.setattr(duplicates, "comments_of", late)
        assert heal(context, later()) == 0 and desk.stored().status is AnswerStatus.DELETED
        monkeypatch.setattr(duplicates, "comments_of", real)
        assert heal(context, later(2)) == 2
    assert ours(desk) == []


def test_our_own_deletion_of_a_second_one_is_no_persons(desk: Desk) -> None:
    twice(desk)
    with worker(desk) as context:
        heal(context, later())
        guid = hear(desk, "deleted")
        assert feedback.deleted(context, guid) == []
    one_answer(desk)


def test_a_thread_that_is_gone_keeps_no_other_from_being_healed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(context: Context, client: Client, asked: Question, answer: Answer | None) -> list[Post]:
        if asked.answer_id == first.answer_id:
            raise Gone("it was deleted")
        return comments_of(context, client, asked, answer)

    twice(desk)
    first = desk.question
    ask_anew(desk)
    twice(desk)
    monkeypatch.setattr(duplicates, "comments_of", gone)
    with worker(desk) as context:
        assert heal(context, later()) == 1
    one_answer(desk)


@pytest.mark.parametrize("error", [GitHubUnavailable("502"), RateLimited("slower", retry_after_s=3000)])
def test_what_github_cannot_list_or_limits_keeps_no_other_account_from_being_healed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, error: GitHubUnavailable | RateLimited
) -> None:
    def failing(context: Context, client: Client, asked: Question, answer: Answer | None) -> list[Post]:
        if asked.answer_id == first.answer_id:
            raise error
        return comments_of(context, client, asked, answer)

    def due(self: PostingStore, *which: Any) -> list[Answer]:
        found = to_sweep(self, *which)
        assert found[0].id == first.answer_id
        return [replace(found[0], question=replace(found[0].question, installation_id=1)), *found[1:]]

    to_sweep = PostingStore.to_sweep
    twice(desk)
    first = desk.question
    ask_anew(desk)
    twice(desk)
    with worker(desk) as context:
        with monkeypatch.context() as patched:
            patched.setattr(duplicates, "comments_of", failing)
            patched.setattr(PostingStore, "to_sweep", due)
            with pytest.raises(type(error)):
                heal(context, later())
        one_answer(desk)
        assert heal(context, later()) == 1, "and it is looked at in the next round"
