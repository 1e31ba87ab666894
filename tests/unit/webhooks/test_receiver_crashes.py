"""A receiver that dies at each commit of a delivery: what it acknowledged is kept, what not comes again.

A delivery is one of the playground's, handed over as GitHub does it. A death leaves it without an answer:
GitHub shows it as failed, and once it is sent again (`bot/sweeping.py`) another receiver has it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from bot.config import PATH
from bot.drills.points import Pointed, Points
from bot.learning_mode import follow_known
from bot.queue import Queue
from storage.records import PostKind, Standing, stable_id
from tests.integration.playground_fixture import playground, receiver
from tests.integration.whole import OWNER_OF
from tests.unit.bot.crashing import answered, each_death, one_answer, ours, worker
from tests.unit.bot.test_answer import ASKER, Desk, desk
from webhooks.playground import files, ownership, people
from webhooks.receiver import Receiver

__all__ = ["desk", "playground", "receiver"]

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def queue(desk: Desk) -> None:
    Queue(desk.context.database).migrate()


class Mouth:
    """The desk's App as GitHub sees it: one receiver after the other."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    @contextmanager
    def opened(self, points: Points) -> Iterator[Receiver]:
        settings = self.desk.context.settings
        database = Pointed(settings.resolved_database_url, points)
        queue = Queue(database)
        try:
            yield Receiver(settings, database, queue)
        finally:
            queue.close()
            database.dispose()

    def send(self, to: Receiver) -> str:
        """Hand over the newest delivery, once more where it was before; what became of it."""
        newest = self.desk.playground.wait_for_deliveries()[-1]
        headers = {name.lower(): value for name, value in newest.request_headers.items()}
        outcome = to.handle(headers, newest.body.encode())
        assert outcome.status == 202
        return outcome.outcome

    def jobs(self, begins: str) -> list[str]:
        with self.desk.context.database.unit(read_only=True) as unit:
            return [one for one in unit.jobs.open_of() if one.startswith(begins)]


@pytest.fixture
def mouth(desk: Desk) -> Mouth:
    return Mouth(desk)


def test_a_question_is_taken_once_and_answered_once(desk: Desk, mouth: Mouth) -> None:
    asked = 0

    def ask() -> None:
        nonlocal asked
        asked += 1
        issue = desk.playground.open_issue(ASKER, "Tests", "How are they run?")
        desk.comment = desk.playground.say(ASKER, issue.number, "/ask How do I run the tests?")

    def take(one: Receiver) -> None:
        mouth.send(one)
        assert len(mouth.jobs("answer/")) == asked, "acknowledged, so it is durable"

    must = ["before commit in intake.take", "after commit in intake.take"]
    for at in each_death(mouth.opened, take, ask, must=must):
        answer_id = stable_id("a", desk.question.repository_id, PostKind.COMMENT.value, desk.comment.id)
        with desk.context.database.unit(read_only=True) as unit:
            question = unit.answers.question(answer_id)
        assert question is not None, at
        desk.question = question
        with worker(desk) as context:
            answered(context, desk)
        one_answer(desk, at)


def test_an_edit_of_our_answer_is_one_job(desk: Desk, mouth: Mouth) -> None:
    desk.compose()
    desk.post()
    edits = 0

    def edit() -> None:
        nonlocal edits
        edits += 1
        [comment] = ours(desk)
        desk.playground.edit(people.MAINTAINER, comment, comment.body.replace("make", f"make -j{edits}"))

    def take(one: Receiver) -> None:
        mouth.send(one)
        assert len(mouth.jobs("edit/")) == edits, "acknowledged, so it is durable"

    for at in each_death(mouth.opened, take, edit, must=["before commit", "after commit"]):
        assert len(mouth.jobs("edit/")) == edits, at


def test_what_closes_the_app_is_carried_out(desk: Desk, mouth: Mouth) -> None:
    state, installation_id = desk.playground.state, desk.question.installation_id

    def standing() -> Standing:
        with desk.context.database.unit(read_only=True) as unit:
            known = unit.installations.get(installation_id)
        return Standing.ACTIVE if known is None else known.standing

    def suspend() -> None:
        with desk.context.database.unit() as unit:
            known = unit.installations.get(installation_id)
            if known is not None:
                unit.installations.save(replace(known, standing=Standing.ACTIVE))
            unit.commit()
        ownership.suspend(state, OWNER_OF, installation_id, False)
        ownership.suspend(state, OWNER_OF, installation_id)

    def take(one: Receiver) -> None:
        mouth.send(one)
        assert standing() is Standing.SUSPENDED, "acknowledged, so it is durable"

    for at in each_death(mouth.opened, take, suspend, must=["before commit", "after commit"]):
        assert standing() is Standing.SUSPENDED, at


def test_a_push_has_its_file_read_anew(desk: Desk, mouth: Mouth) -> None:
    repository, pushes = desk.playground.repository(), 0

    def push() -> None:
        nonlocal pushes
        pushes += 1
        follow_known(desk.context, repository.id)
        assert stale() == []
        files.write(desk.playground.state, OWNER_OF, repository, PATH, f"candidates: {pushes}\n")

    def stale() -> list[int]:
        with desk.context.database.unit(read_only=True) as unit:
            return unit.configurations.stale()

    def take(one: Receiver) -> None:
        mouth.send(one)
        assert stale() == [repository.id], "acknowledged, so it is durable"

    for at in each_death(mouth.opened, take, push, must=["before commit", "after commit"]):
        assert stale() == [repository.id], at


def test_what_asked_for_nothing_is_known_to_have_come_once_it_is_sent_again(desk: Desk, mouth: Mouth) -> None:
    def take(one: Receiver) -> None:
        assert mouth.send(one) == "ignored"
        one.sightings.flush()

    must = ["before commit in sightings", "after commit in sightings"]
    for at in each_death(mouth.opened, take, lambda: desk.playground.say(ASKER, 1, "Thanks."), must=must):
        guid = desk.playground.deliveries()[-1].guid
        with desk.context.database.unit(read_only=True) as unit:
            assert unit.progress.known({guid}) == {guid}, at
