"""One live comment for one question, wherever a worker dies, whatever is not heard of, whoever races.

Every commit and every call to GitHub is a point at which a worker can die, before and after it: its death
is an exception that no handler gets. `thumbprint drill crashes` kills processes at the same points.
"""

from __future__ import annotations

import itertools
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from bot import answer, feedback, posting
from bot.context import Context
from bot.drills.points import Points
from storage.errors import GitHubUnavailable, Overtaken, RateLimited
from storage.records import AnswerStatus, FeedbackKind
from storage.tables import answers
from tests.integration.playground_fixture import playground, receiver
from tests.unit.bot.crashing import (
    Died,
    answered,
    ask_anew,
    at_once,
    deaths,
    die,
    died_at,
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
TAKEN, SENT = "after commit in posting.take", "after POST comments"
MUST = {
    *(TAKEN, "after commit in posting.Posting._sending", "before POST comments", SENT),
    *("before commit in posting.Posting.settle", "after commit in posting.Posting.settle"),
}


def test_a_worker_that_dies_anywhere_leaves_one_answer(desk: Desk) -> None:
    must = {*MUST, "before commit in answer._store", "after commit in answer._store"}
    for at in deaths(desk, lambda context: answered(context, desk), must=must):
        one_answer(desk, at)


def test_a_worker_that_dies_anywhere_and_the_next_one_on_its_way_back_leave_one_answer(desk: Desk) -> None:
    second = itertools.cycle(range(0, 14, 2))

    def twice(context: Context) -> None:
        with worker(desk, Points(next(second), die)) as next_one, suppress(Died):
            posted(next_one, desk)
        posted(context, desk)

    for at in deaths(desk, lambda context: posted(context, desk), desk.compose, again=twice):
        one_answer(desk, at)


def test_a_worker_that_dies_while_it_tells_of_a_failure_says_it_once(desk: Desk) -> None:
    def told(context: Context) -> None:
        answer.fail(context, desk.question, GitHubUnavailable("gone for long"), sleep=at_once)

    for at in deaths(desk, told, must=MUST):
        [comment] = ours(desk)
        assert "could not answer" in comment.body, at
        assert desk.stored().status is AnswerStatus.FAILED, at


@pytest.mark.parametrize("status", [0, 500, 502, 504])
def test_responses_lost_after_the_commit_leave_one_answer(desk: Desk, status: int) -> None:
    for number in range(5):
        ask_anew(desk)
        desk.misbehave(kind="drop", method="POST", path="*/comments", status=status)
        with worker(desk) as context:
            answered(context, desk)
        one_answer(desk, f"{status}, {number}")


def test_it_is_looked_for_twice_apart_before_another_is_sent(desk: Desk) -> None:
    """After a response that was lost, and after a crash: until GitHub must have ended the first."""
    desk.compose()
    pauses: list[float] = []
    desk.misbehave(kind="error", method="POST", path="*/comments", status=502)
    with worker(desk) as context, pytest.raises(GitHubUnavailable):
        answer.post(context, desk.question.answer_id, sleep=pauses.append)
    assert len(pauses) == 2 and sum(pauses) > 11, "one look soon, one when it is settled"

    resumed: list[float] = []
    points = Points()
    with worker(desk, points) as context:
        answer.post(context, desk.question.answer_id, sleep=resumed.append)
    before = points.passed[: points.passed.index("before POST comments")]
    assert before.count("after GET comments") == 2 and len(resumed) == 1
    assert resumed[0] >= 4, "apart"
    one_answer(desk)


def test_a_clock_that_was_set_back_makes_nobody_wait_for_longer_than_a_comment_takes(desk: Desk) -> None:
    desk.compose()
    desk.misbehave(kind="error", method="POST", path="*/comments", status=502)
    with worker(desk) as context, pytest.raises(GitHubUnavailable):
        posted(context, desk)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    with desk.context.database.unit() as unit:
        unit.connection.execute(answers.update().values(intent_at=tomorrow))
        unit.commit()
    pauses: list[float] = []
    with worker(desk) as context:
        answer.post(context, desk.question.answer_id, sleep=pauses.append)
    assert pauses == [posting.SETTLES_S]
    one_answer(desk)


def test_a_worker_that_died_before_it_sent_anything_is_not_waited_for(desk: Desk) -> None:
    died_at(desk, TAKEN, lambda context: posted(context, desk))
    assert desk.stored().status is AnswerStatus.INTENT
    pauses: list[float] = []
    with worker(desk) as context:
        answer.post(context, desk.question.answer_id, sleep=pauses.append)
    assert pauses == []
    one_answer(desk)


def test_a_slow_worker_that_lost_its_job_sends_and_writes_nothing(desk: Desk) -> None:
    """The second does all of it while the first stands still, at each of the first one's points."""
    ask_anew(desk)
    desk.compose()
    names = names_of(desk, lambda context: posted(context, desk))
    asked_for_its_fence = names.index("before POST comments") - 1
    for at, name in enumerate(names):
        if at in (asked_for_its_fence, asked_for_its_fence + 1):
            continue  # the moment between the fence and the request: see test_duplicates.py
        if name.startswith("before commit"):
            continue  # nobody else gets a row that it has its hand on
        ask_anew(desk)
        desk.compose()

        def race() -> None:
            with worker(desk) as other:
                posted(other, desk)

        with worker(desk, Points(at, race)) as context, suppress(Overtaken):
            posted(context, desk)
        one_answer(desk, f"{at} {name}")


def test_a_limit_at_the_last_moment_keeps_the_answer_for_later(desk: Desk) -> None:
    desk.compose()
    desk.post()
    ask_anew(desk)
    desk.compose()
    desk.playground.limits.content_per_minute = 1
    with worker(desk) as context, pytest.raises(RateLimited) as limited:
        posted(context, desk)
    assert limited.value.retry_after_s
    assert desk.stored().status is AnswerStatus.PENDING and ours(desk) == []


def test_what_a_person_deleted_before_it_was_heard_of_is_never_posted_again(desk: Desk) -> None:
    died_at(desk, SENT, lambda context: posted(context, desk))
    [comment] = ours(desk)
    assert desk.stored().status is AnswerStatus.INTENT and desk.stored().comment_id is None
    desk.playground.delete(people.MAINTAINER, comment)
    guid = hear(desk, "deleted")
    with worker(desk) as context:
        feedback.deleted(context, guid)
        posted(context, desk)
    assert ours(desk) == [] and desk.stored().status is AnswerStatus.DELETED


def test_a_deletion_that_waits_behind_the_answer_in_its_thread_is_heeded_too(desk: Desk) -> None:
    died_at(desk, SENT, lambda context: posted(context, desk))
    [comment] = ours(desk)
    desk.playground.delete(people.MAINTAINER, comment)
    guid = hear(desk, "deleted")
    with worker(desk) as context:
        posted(context, desk)
        assert ours(desk) == [] and desk.stored().status is AnswerStatus.DELETED
        feedback.deleted(context, guid)
    with desk.context.database.unit(read_only=True) as unit:
        [event] = unit.feedback.of_answer(desk.question.answer_id)
    assert event.kind is FeedbackKind.DELETION


def test_somebody_elses_copy_of_our_metadata_ends_nothing_when_it_is_deleted(desk: Desk) -> None:
    died_at(desk, TAKEN, lambda context: posted(context, desk))
    forged = desk.stored().body.replace('"mac":"', '"mac":"0')
    copy = desk.playground.say(people.MAINTAINER, desk.question.number, forged)
    desk.playground.delete(people.MAINTAINER, copy)
    guid = hear(desk, "deleted")
    with worker(desk) as context:
        feedback.deleted(context, guid)
        posted(context, desk)
    one_answer(desk)


def test_what_was_deleted_after_it_was_known_is_never_posted_again(desk: Desk) -> None:
    desk.compose()
    desk.post()
    [comment] = ours(desk)
    desk.playground.delete(people.MAINTAINER, comment)
    guid = hear(desk, "deleted")
    with worker(desk) as context:
        feedback.deleted(context, guid)
        answered(context, desk)
    assert ours(desk) == [] and desk.stored().status is AnswerStatus.DELETED
