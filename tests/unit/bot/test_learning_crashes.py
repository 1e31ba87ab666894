"""A worker that dies anywhere while it learns, by people or by the clock: learned once, and said once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot import feedback, undo
from bot.config import PATH
from bot.context import Context
from bot.forgetting import forget_user
from bot.learning_mode import follow_due, follow_known
from bot.thawing import recheck_due
from storage.records import AnswerStatus, FeedbackKind, Learning
from tests.integration.playground_fixture import playground, receiver
from tests.unit.bot.crashing import ask_anew, deaths, each_death, hear, names_of, ours, worker
from tests.unit.bot.test_answer import Desk, desk
from tests.unit.bot.test_other_crashes import Told, learning, told
from webhooks.playground import people

__all__ = ["desk", "playground", "receiver", "told"]

pytestmark = pytest.mark.slow


def test_a_worker_that_dies_anywhere_while_it_learns_from_an_edit_learns_it_once_and_says_it_once(
    desk: Desk, told: Told
) -> None:
    def edited() -> None:
        told.answer()
        told.edit()

    must = ["after PATCH", "after commit in feedback.edited"]
    for at in deaths(desk, lambda context: feedback.edited(context, told.guid), edited, must=must):
        assert told.kinds() == [FeedbackKind.EDIT], at
        [comment] = ours(desk)
        assert comment.body.count("Learned from") == 1, at
        given = desk.playground.state.reactions_to(comment)
        assert [one.content for one in given if one.login == desk.playground.state.bot.login] == ["+1"], at


def test_a_worker_that_dies_anywhere_while_it_hears_of_a_deletion_ends_the_answer_once(
    desk: Desk, told: Told
) -> None:
    def gone() -> None:
        told.answer()
        [comment] = ours(desk)
        desk.playground.delete(people.MAINTAINER, comment)
        told.guid = hear(desk, "deleted")

    must = ["after commit in feedback.deleted"]
    for at in deaths(desk, lambda context: feedback.deleted(context, told.guid), gone, must=must):
        assert told.kinds() == [FeedbackKind.DELETION], at
        assert desk.stored().status is AnswerStatus.DELETED and ours(desk) == [], at


def test_what_a_changed_file_says_of_learning_holds_by_the_clock(desk: Desk, told: Told) -> None:
    repository = desk.playground.repository()
    follow_known(desk.context, repository.id)
    says = Learning.ON

    def changed() -> None:
        nonlocal says
        says = Learning.ON if says is Learning.FROZEN else Learning.FROZEN
        repository.files[PATH] = f"learning: {says.value}\n"
        with desk.context.database.unit() as unit:
            unit.configurations.changed(repository.id)
            unit.commit()

    must = [
        "after commit in configurations",
        "before commit in learning_mode",
        "after commit in learning_mode",
    ]
    for at in each_death(lambda points: worker(desk, points), follow_due, changed, must=must):
        assert learning(desk) is says, at
        with desk.context.database.unit(read_only=True) as unit:
            assert unit.configurations.stale() == [], at


def test_what_was_said_while_learning_was_frozen_is_used_once(desk: Desk, told: Told) -> None:
    def switch(to: Learning) -> None:
        with desk.context.database.unit() as unit:
            undo.set_learning(unit, desk.context.queue, desk.question.repository_id, to, datetime.now(UTC))
            unit.commit()

    def frozen() -> None:
        told.answer()
        switch(Learning.FROZEN)
        told.edit()
        feedback.edited(desk.context, told.guid)
        switch(Learning.ON)
        assert told.right not in taught(desk), "pending"

    must = ["after GET permission", "before commit in thawing", "after commit in thawing"]
    for at in deaths(desk, lambda context: recheck_due(context, datetime.now(UTC)), frozen, must=must):
        assert taught(desk).count(told.right) == 1, at
        assert told.kinds() == [FeedbackKind.EDIT], at
        with desk.context.database.unit(read_only=True) as unit:
            assert unit.feedback.to_ask_about() == {}, at
            told_anew = [one for one in unit.jobs.open_of() if desk.question.answer_id in one]
        assert len(told_anew) == 1, at


def taught(desk: Desk) -> list[str]:
    with desk.context.database.unit(read_only=True) as unit:
        return [one.phrase.right for one in unit.phrases.weights(desk.question.repository_id)]


def test_a_forgotten_name_goes_from_a_comment(desk: Desk, told: Told) -> None:
    """From where it is written on: what goes before is as in `test_other_crashes.py`."""
    maintainer = desk.playground.state.people[people.MAINTAINER]

    def forgotten() -> None:
        told.answer()
        told.edit()
        with worker(desk) as context:
            feedback.edited(context, told.guid)
        assert people.MAINTAINER in ours(desk)[0].body
        with desk.context.database.unit() as unit:
            before = datetime.now(UTC) - timedelta(hours=1)  # what is done from now on is new
            assert forget_user(unit, desk.context.queue, maintainer.id, before)["events"] == 1
            unit.commit()

    def refresh(context: Context) -> None:
        feedback.refresh(context, desk.question.answer_id)

    ask_anew(desk)
    forgotten()
    names = names_of(desk, refresh)
    writes = names.index(next(one for one in names if one.startswith("before PATCH")))
    for at in deaths(desk, refresh, forgotten, must=["before PATCH", "after PATCH"], first=writes):
        [comment] = ours(desk)
        assert people.MAINTAINER not in comment.body and told.right in comment.body, at
