"""A worker that dies anywhere beside the answer's own way: at each commit and each call, done once.

Not of an answer or an edit (`test_posting.py`, `test_learning_crashes.py`), but of 👀, replies,
ticked proposals, what a comment says it learned, polls, commands, drafts, second comments.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot import answer, drafts, feedback, poll, proposing
from bot.config import PATH
from bot.context import Context
from bot.duplicates import heal
from bot.queue import Queue
from storage.records import Actor, AnswerStatus, FeedbackKind, Learning
from tests.integration.playground_fixture import playground, receiver
from tests.unit.bot.crashing import deaths, hear, one_answer, ours, posted, worker
from tests.unit.bot.test_answer import GOOD, Desk, desk
from tests.unit.bot.test_duplicates import later, twice
from webhooks.playground import acts, people

__all__ = ["desk", "playground", "receiver"]

pytestmark = pytest.mark.slow


class Told:
    """Answers at the desk, each with wording of its own, and the newest delivery about the last."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.guid, self.count = desk, "", 0

    @property
    def wrong(self) -> str:
        """What the answer says; what was taught before is in every answer already."""
        return f"make test{self.count}"

    @property
    def right(self) -> str:
        return f"nox -s tests{self.count}"

    def answer(self) -> None:
        self.count += 1
        self.desk.models.rounds = [[GOOD.replace("make test", self.wrong)]]
        self.desk.compose()
        self.desk.post()

    def edit(self) -> None:
        [comment] = ours(self.desk)
        self.desk.playground.edit(people.MAINTAINER, comment, comment.body.replace(self.wrong, self.right))
        self.guid = hear(self.desk, "edited")

    def reply(self) -> None:
        self.desk.playground.say(people.MAINTAINER, self.desk.question.number, f"No, use `{self.right}`.")
        self.guid = hear(self.desk, "created")

    def tick(self) -> None:
        [comment] = ours(self.desk)
        boxes = [line for line in comment.body.splitlines() if line.startswith("- [")]
        [number] = [at for at, line in enumerate(boxes) if "Learn:" in line]
        acts.tick(self.desk.playground.state, people.MAINTAINER, comment, number)
        self.guid = hear(self.desk, "edited")

    def kinds(self) -> list[FeedbackKind]:
        with self.desk.context.database.unit(read_only=True) as unit:
            return [event.kind for event in unit.feedback.of_answer(self.desk.question.answer_id)]


@pytest.fixture(autouse=True)
def told(desk: Desk) -> Told:
    Queue(desk.context.database).migrate()  # some of these jobs enqueue others
    return Told(desk)


def test_eyes_are_put_on_a_question_once(desk: Desk) -> None:
    def look(context: Context) -> None:
        answer.acknowledge(context, desk.question)

    for at in deaths(desk, look, must=["after POST reactions"]):
        assert desk.reactions() == ["eyes"], at


def test_a_reply_is_proposed_once(desk: Desk, told: Told) -> None:
    def ready() -> None:
        told.answer()
        told.reply()

    must = ["after PATCH", "after commit in proposing"]
    for at in deaths(desk, lambda context: proposing.replied(context, told.guid), ready, must=must):
        with desk.context.database.unit(read_only=True) as unit:
            [proposal] = unit.proposals.of_answer(desk.question.answer_id)
        assert proposal.right == told.right, at
        [comment] = ours(desk)
        assert comment.body.count("- [ ] Learn") == 1, at
        assert told.kinds() == [], at


def test_a_ticked_proposal_is_learned_once_and_said_once(desk: Desk, told: Told) -> None:
    def ready() -> None:
        told.answer()
        told.reply()
        with worker(desk) as context:
            proposing.replied(context, told.guid)
        told.tick()

    must = ["after commit in feedback.edited"]
    for at in deaths(desk, lambda context: feedback.edited(context, told.guid), ready, must=must):
        assert told.kinds() == [FeedbackKind.REPLY], at
        [comment] = ours(desk)
        assert (comment.body.count("Learned from"), comment.body.count("- [x] Learn")) == (1, 1), at


def test_what_a_comment_says_it_learned_is_written_once(desk: Desk, told: Told) -> None:
    def ready() -> None:
        told.answer()
        told.edit()
        with worker(desk) as context:
            poll.poll(context, everything=True)  # learned; the comment is another job's

    def refresh(context: Context) -> None:
        feedback.refresh(context, desk.question.answer_id)

    for at in deaths(desk, refresh, ready, must=["after PATCH"]):
        [comment] = ours(desk)
        assert comment.body.count("Learned from") == 1, at
        assert told.kinds() == [FeedbackKind.EDIT], at


def test_what_a_poll_finds_is_counted_once_whatever_it_is(desk: Desk, told: Told) -> None:
    def ready() -> None:
        told.answer()
        [comment] = ours(desk)
        desk.playground.react(people.MAINTAINER, comment, "+1")
        told.edit()

    def look(context: Context) -> None:
        nonlocal looks
        looks += 1  # each in a minute of its own: what looks may spend is counted by the minute
        at = datetime.now(UTC) + timedelta(minutes=looks)
        poll.poll(context, everything=True, clock=lambda: at)

    looks = 0
    for at in deaths(desk, look, ready, must=["after POST graphql", "after commit in poll."]):
        with worker(desk) as context:
            look(context)
        assert Counter(told.kinds()) == {FeedbackKind.REACTION: 1, FeedbackKind.EDIT: 1}, at


def test_a_command_is_obeyed_once_and_its_reply_says_what_it_did(desk: Desk, told: Told) -> None:
    """The effect and the reply are one commit: a worker that begins anew does not find it done already."""
    maintainer = desk.playground.state.people[people.MAINTAINER]
    desk.playground.repository().collaborators[maintainer.login] = "maintain"

    def ask(text: str) -> None:
        desk.comment = desk.playground.say(people.MAINTAINER, desk.question.number, f"/ask {text}")
        asker = Actor(id=maintainer.id, login=maintainer.login)
        desk.question = replace(desk.question, post_id=desk.comment.id, asker=asker, text=text)
        with desk.context.database.unit() as unit:
            unit.answers.ask(desk.question)
            unit.commit()

    says = {Learning.FROZEN: "Frozen", Learning.ON: "I learn again"}
    wanted = Learning.ON

    def ready() -> None:
        nonlocal wanted
        wanted = Learning.ON if wanted is Learning.FROZEN else Learning.FROZEN
        ask("freeze" if wanted is Learning.FROZEN else "unfreeze")

    def obeyed(context: Context) -> None:
        answer.compose_job(context, desk.question)
        posted(context, desk)

    must = ["before commit in obey.obey", "after commit in obey.obey"]
    for at in deaths(desk, obeyed, ready, must=must):
        [said] = [one.body for one in ours(desk) if desk.question.answer_id in one.body]
        assert said.startswith(says[wanted]) and learning(desk) is wanted, at


def learning(desk: Desk) -> Learning:
    with desk.context.database.unit(read_only=True) as unit:
        found = unit.repositories.get(desk.question.repository_id)
    assert found is not None
    return found.learning


def drafted(desk: Desk) -> drafts.Seen:
    desk.playground.repository().files[PATH] = "draft: true\n"
    desk.compose()
    with desk.context.database.unit(read_only=True) as unit:
        held = unit.drafts.get(desk.question.answer_id)
    assert held is not None
    return drafts.Seen(answer_id=held.answer_id, version=drafts.version(held))


def test_a_draft_is_kept_and_approved_and_posted_once(desk: Desk) -> None:
    def approve(context: Context) -> None:
        """As the page does it; who finds it decided goes on to the posting."""
        with context.database.unit() as unit:
            waiting = unit.drafts.get(desk.question.answer_id)
            assert waiting is not None
            if waiting.decided_at is None:
                seen = drafts.Seen(answer_id=waiting.answer_id, version=drafts.version(waiting))
                drafts.approve(unit, context.queue, context.settings, seen, GOOD, datetime.now(UTC))
                unit.commit()
        posted(context, desk)

    for at in deaths(desk, approve, lambda: drafted(desk), must=["after POST comments"]):
        one_answer(desk, at)


def test_a_draft_that_waited_too_long_ends_with_one_sentence(desk: Desk) -> None:
    late = datetime.now(UTC) + timedelta(days=8)

    def end(context: Context) -> None:
        drafts.expire(context, late)
        posted(context, desk)

    for at in deaths(desk, end, lambda: drafted(desk), must=["after commit in drafts.expire"]):
        [comment] = ours(desk)
        assert "nobody here approved it" in comment.body, at
        assert desk.stored().status is AnswerStatus.POSTED, at


def test_a_second_comment_is_taken_away_and_the_oldest_stays(desk: Desk) -> None:
    oldest: list[int] = []

    def ready() -> None:
        twice(desk)
        oldest.append(ours(desk)[0].id)

    def second_look(context: Context) -> None:
        heal(context, later(2))

    must = ["after DELETE", "after commit in duplicates"]
    for at in deaths(desk, lambda context: heal(context, later()), ready, again=second_look, must=must):
        assert [one.id for one in ours(desk)] == [oldest[-1]], at
        one_answer(desk, at)
