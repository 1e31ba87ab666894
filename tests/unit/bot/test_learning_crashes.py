"""A worker that dies anywhere while it learns from people: learned once, and said once."""

from __future__ import annotations

import pytest

from bot import feedback
from bot.context import Context
from storage.records import AnswerStatus, FeedbackKind
from tests.integration.playground_fixture import playground, receiver
from tests.unit.bot.crashing import deaths, hear, ours, worker
from tests.unit.bot.test_answer import GOOD, Desk, desk
from webhooks.playground import people

__all__ = ["desk", "playground", "receiver"]

pytestmark = pytest.mark.slow


def test_a_worker_that_dies_anywhere_while_it_learns_from_an_edit_learns_it_once_and_says_it_once(
    desk: Desk,
) -> None:
    heard: list[str] = []

    def edited() -> None:
        command = f"make test{len(heard)}"  # what was taught before is in every answer already
        desk.models.rounds = [[GOOD.replace("make test", command)]]
        desk.compose()
        desk.post()
        [comment] = ours(desk)
        text = comment.body.replace(command, f"nox -s tests{len(heard)}")
        desk.playground.edit(people.MAINTAINER, comment, text)
        heard.append(hear(desk, "edited"))

    def learn(context: Context) -> None:
        feedback.edited(context, heard[-1])

    died = set()
    for at in deaths(desk, learn, edited):
        died.add(at.partition(" ")[2])
        with worker(desk) as context:
            learn(context)
        with desk.context.database.unit(read_only=True) as unit:
            events = unit.feedback.of_answer(desk.question.answer_id)
        assert [event.kind for event in events] == [FeedbackKind.EDIT], at
        [comment] = ours(desk)
        assert comment.body.count("Learned from") == 1, at
        given = desk.playground.state.reactions_to(comment)
        assert [one.content for one in given if one.login == desk.playground.state.bot.login] == ["+1"], at
    assert "after PATCH" in "".join(died) and "after commit in feedback.edited" in died


def test_a_worker_that_dies_anywhere_while_it_hears_of_a_deletion_ends_the_answer_once(desk: Desk) -> None:
    heard: list[str] = []

    def gone() -> None:
        desk.compose()
        desk.post()
        [comment] = ours(desk)
        desk.playground.delete(people.MAINTAINER, comment)
        heard.append(hear(desk, "deleted"))

    def learn(context: Context) -> None:
        feedback.deleted(context, heard[-1])

    died = set()
    for at in deaths(desk, learn, gone):
        died.add(at.partition(" ")[2])
        with worker(desk) as context:
            learn(context)
        with desk.context.database.unit(read_only=True) as unit:
            events = unit.feedback.of_answer(desk.question.answer_id)
        assert [event.kind for event in events] == [FeedbackKind.DELETION], at
        assert desk.stored().status is AnswerStatus.DELETED and ours(desk) == [], at
    assert "after commit in feedback.deleted" in died
