"""Workers that die at a named point, each on one more question at the desk of `test_answer.py`."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from bot import answer
from bot.context import Context
from bot.drills.points import Points, pointed
from bot.settings import Settings
from storage.records import AnswerStatus, Delivery
from tests.unit.bot.scripted import ScriptedModels
from tests.unit.bot.test_answer import ASKER, GOOD, Desk
from webhooks.playground.things import Comment

Lives = TypeVar("Lives")
"""What dies: a worker's context, or a receiver."""

MOST = 300
"""Points of one run: with more, each case makes further ones for the next, and there is no end."""


class Died(BaseException):
    """The worker's end: no handler of ours gets it."""


def die() -> None:
    raise Died


def worker(desk: Desk, points: Points | None = None) -> AbstractContextManager[Context]:
    """One more worker at the desk."""
    return living(desk.context.settings, points or Points())


@contextmanager
def living(settings: Settings, points: Points) -> Iterator[Context]:
    """A worker's context of its own, with nothing in common with others but database and GitHub."""
    models: Any = ScriptedModels([[GOOD]])
    with pointed(settings, models, points) as context:
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


def each_death(
    begun: Callable[[Points], AbstractContextManager[Lives]],
    carry_out: Callable[[Lives], object],
    ready: Callable[[], object] = lambda: None,
    *,
    again: Callable[[Lives], object] | None = None,
    must: Collection[str] = (),
    first: int = 0,
) -> Iterator[str]:
    """One case after the other, until a run has no further point: somebody dies at it, another one goes on.

    Yields the point's number, from the `first` on, and name, once the other one carried it all out, or did
    `again` instead. Raises AssertionError where at the end nobody died at a point whose name begins as one
    that `must` be there.
    """
    died = []
    for at in itertools.count(first):
        assert at < first + MOST, f"no end of points: {died[-5:]}"
        ready()
        points = Points(at, die)
        with begun(points) as one:
            try:
                carry_out(one)
            except Died:
                died.append(points.passed[-1])
            else:
                break
        with begun(Points()) as another:
            (again or carry_out)(another)
        yield f"{at} {died[-1]}"
    missed = [name for name in must if not any(one.startswith(name) for one in died)]
    assert not missed, f"nobody died {missed}, but {died}"


def deaths(
    desk: Desk,
    carry_out: Callable[[Context], object],
    ready: Callable[[], object] = lambda: None,
    *,
    again: Callable[[Context], object] | None = None,
    must: Collection[str] = (),
    first: int = 0,
) -> Iterator[str]:
    """Each death of a worker on one more question at the desk."""

    def asked() -> None:
        ask_anew(desk)
        ready()

    begun = partial(worker, desk)
    yield from each_death(begun, carry_out, asked, again=again, must=must, first=first)


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
