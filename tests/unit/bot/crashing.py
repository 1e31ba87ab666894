"""Workers that die at a named point, each on one more question at the desk of `test_answer.py`."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from bot import answer
from bot.context import Context
from bot.drills.points import Points, pointed
from storage.records import AnswerStatus, Delivery
from tests.unit.bot.scripted import ScriptedModels
from tests.unit.bot.test_answer import ASKER, GOOD, Desk
from webhooks.playground.things import Comment


class Died(BaseException):
    """The worker's end: no handler of ours gets it."""


def die() -> None:
    raise Died


@contextmanager
def worker(desk: Desk, points: Points | None = None) -> Iterator[Context]:
    """A worker's context of its own, with nothing in common with others but database and GitHub."""
    models: Any = ScriptedModels([[GOOD]])
    with pointed(desk.context.settings, models, points or Points()) as context:
        yield context


def at_once(seconds: float) -> None:
    """A pause that nobody waits for."""


def answered(context: Context, desk: Desk) -> None:
    """The job's two steps."""
    answer.compose_job(context, desk.question)
    posted(context, desk)


def posted(context: Context, desk: Desk) -> None:
    answer.post(context, desk.question.answer_id, sleep=at_once)


def ask_anew(desk: Desk) -> None:
    """Another question at the desk, in a thread of its own."""
    desk.playground.limits.content_per_minute = 10_000
    issue = desk.playground.open_issue(ASKER, "Tests", "How are they run?")
    desk.comment = desk.playground.say(ASKER, issue.number, "/ask How do I run the tests?")
    desk.question = replace(desk.question, number=issue.number, post_id=desk.comment.id)
    with desk.context.database.unit() as unit:
        unit.answers.ask(desk.question)
        unit.commit()


def ours(desk: Desk) -> list[Comment]:
    """Our live comments in this question's thread."""
    return desk.playground.answers(desk.question.number)


def one_answer(desk: Desk, at: str = "") -> None:
    """There is one live comment, and the bot knows that it is the answer."""
    assert len(ours(desk)) == 1, at
    stored = desk.stored()
    assert (stored.status, stored.comment_id) == (AnswerStatus.POSTED, ours(desk)[0].id), at


def names_of(desk: Desk, carry_out: Callable[[Context], None]) -> list[str]:
    """The points of a run in which nothing happens."""
    points = Points()
    with worker(desk, points) as context:
        carry_out(context)
    return points.passed


def deaths(
    desk: Desk, carry_out: Callable[[Context], None], ready: Callable[[], None] = lambda: None
) -> Iterator[str]:
    """One question after the other, until a run has no further point: a worker dies at it; its name."""
    for at in itertools.count():
        ask_anew(desk)
        ready()
        points = Points(at, die)
        with worker(desk, points) as context:
            try:
                carry_out(context)
            except Died:
                pass
            else:
                return
        yield f"{at} {points.passed[-1]}"


def died_at(desk: Desk, name: str, carry_out: Callable[[Context], None]) -> None:
    """A worker died at the first point of this name, on one more question that is composed."""
    ask_anew(desk)
    desk.compose()
    at = names_of(desk, carry_out).index(name)
    ask_anew(desk)
    desk.compose()
    with worker(desk, Points(at, die)) as context:
        try:
            carry_out(context)
        except Died:
            return
    raise AssertionError(f"nobody came to {name}")


def hear(desk: Desk, action: str) -> str:
    """Keep the newest delivery, which tells of this, as the receiver does; its GUID."""
    sent = desk.playground.wait_for_deliveries()[-1]
    assert sent.action == action
    told = Delivery(
        guid=sent.guid,
        event=sent.event,
        action=sent.action,
        body=sent.body.encode(),
        received_at=datetime.now(UTC),
    )
    with desk.context.database.unit() as unit:
        unit.deliveries.add(told, desk.question.repository_id)
        unit.commit()
    return sent.guid
