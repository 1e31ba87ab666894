"""Who may do what, through the real receiver and worker on the playground: questions, commands, quotas.

GitHub is the playground; only the model is scripted. The table itself is tested cell by cell at
`tests/unit/storage/test_rights.py`, and what each cell comes to at `tests/integration/test_rights_flow.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from bot import answer, feedback, lessons, poll
from bot.context import Context
from bot.ports import free_port
from bot.queue import Queue
from bot.reply import answer_text
from bot.thawing import recheck_due
from storage.records import Adapter, Answer, AnswerStatus, Learning, PostKind, Promotion, Question
from tests.integration.answered import BOT, FIXED, MAINTAINER, READER, SECOND, STRANGER, Bench, working
from tests.integration.playground_fixture import Playground, playground, playground_at, receiver
from tests.unit.bot.scripted import ScriptedModels
from tests.unit.storage.test_adapters import adapter
from webhooks.app import create_app
from webhooks.drills.world import served, wait_until
from webhooks.playground.things import Comment, Person

__all__ = ["playground", "receiver"]

pytestmark = pytest.mark.slow

GOOD = "Run the tests with `make check`, they take two minutes."
WRITER = MAINTAINER
"""Ada writes; `Town.role` makes a maintainer of somebody."""


class Town(Bench):
    """The bench with an answer of ours in its first thread; what people say is carried out by hand."""

    def __init__(self, playground: Playground, home: Path, **chosen: Any) -> None:
        super().__init__(playground, home)
        self.scripted = ScriptedModels([[GOOD]])
        self.choose(**chosen)
        Queue(self.database).migrate()

    def choose(self, **chosen: Any) -> None:
        """Start anew with other settings."""
        settings = self.context.settings.model_copy(update=chosen)
        self.context = Context(
            settings=settings, database=self.database, github=self.github, models=self.scripted
        )

    def role(self, login: str, role: str) -> None:
        self.playground.repository().collaborators[login] = role

    def person(self, login: str) -> str:
        """A newcomer, whom nobody granted anything."""
        with self.playground.state.change():
            number = 910_000 + len(self.playground.state.people)
            self.playground.state.keep(Person(id=number, login=login, name=login))
        return login

    def question(self, comment: Comment, text: str) -> Question:
        there = self.playground.repository()
        return Question(
            repository_id=there.id,
            full_name=there.full_name,
            installation_id=self.playground.credentials.installation_id,
            number=comment.number,
            post_id=comment.id,
            post_kind=PostKind.COMMENT,
            asker=replace(
                self.answer.question.asker,
                id=self.playground.state.person(comment.author).id,
                login=comment.author,
            ),
            text=text,
            asked_at=datetime.now(UTC),
        )

    def say(self, login: str, text: str, number: int = 2, before: Callable[[], None] | None = None) -> str:
        """Ask as a worker's jobs do, each twice; returns what was replied, or ""."""
        comment = self.playground.say(login, number, f"/ask {text}")
        if before:
            before()
        asked = self.question(comment, text)
        count = len(self.playground.answers(number))
        self.work(asked)
        self.last, self.asked = self.stored(asked.answer_id), comment
        new = self.playground.answers(number)[count:]
        assert len(new) <= 1
        return answer_text(new[0].body) if new else ""

    def work(self, asked: Question, *, post: bool = True) -> None:
        """Carry out a question's steps, each twice."""
        answer.acknowledge(self.context, asked)
        for _ in range(2):
            answer.compose_job(self.context, asked)
            if post:
                answer.post(self.context, asked.answer_id, sleep=lambda seconds: None)

    def stored(self, answer_id: str) -> Answer:
        with self.database.unit(read_only=True) as unit:
            found = unit.answers.get(answer_id)
        assert found is not None
        return found

    def eyes(self) -> bool:
        return bool(self.playground.state.reactions_to(self.asked))

    def learning(self) -> Learning:
        with self.database.unit(read_only=True) as unit:
            found = unit.repositories.get(self.answer.question.repository_id)
        assert found is not None
        return found.learning

    def phrase_id(self) -> str:
        with self.database.unit(read_only=True) as unit:
            held = unit.phrases.weights(self.answer.question.repository_id)
        (found,) = [one.phrase.id for one in held if one.phrase.right]
        return found


@pytest.fixture
def build(playground: Playground, tmp_path: Path) -> Iterator[Callable[..., Town]]:
    made: list[Town] = []

    def town(**chosen: Any) -> Town:
        made.append(Town(playground, tmp_path / "home", **chosen))
        return made[-1]

    yield town
    for one in made:
        one.github.close()
        one.database.dispose()


@pytest.fixture
def town(build: Callable[..., Town]) -> Town:
    return build()


ADAPTER, EARLIER = adapter("a"), adapter("b")


def promoted(town: Town, *adapters: Adapter) -> None:
    """These were promoted for the repository alone, one after the other."""
    asked, former = town.answer.question, ""
    with town.database.unit() as unit:
        for place, one in enumerate(adapters or (ADAPTER,), start=1):
            made = Promotion(
                scope=asked.installation_id,
                repository_id=asked.repository_id,
                place=place,
                adapter=one.id,
                former=former,
                at=datetime.now(UTC),
                by="operator",
                reason="it passed",
            )
            unit.adapters.add(one)
            assert unit.adapters.promote(made)
            former = one.id
        unit.commit()


def in_force(town: Town) -> str:
    """What is in force for the repository alone; "" for nothing."""
    asked = town.answer.question
    with town.database.unit(read_only=True) as unit:
        found = unit.adapters.in_force(asked.installation_id, asked.repository_id)
    return found.adapter if found else ""


ROLES = ("none", "stranger", "read", "triage", "write", "maintain", "admin")


def become(town: Town, role: str) -> None:
    """Give Ben a role; a stranger has none."""
    collaborators = town.playground.repository().collaborators
    collaborators.pop(READER)
    if role not in ("stranger", "none"):
        collaborators[READER] = role


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_do_what_its_row_says(town: Town, role: str) -> None:
    become(town, role)

    def lose_it() -> None:
        if role == "none":
            town.role(READER, "none")

    curates = role in ("maintain", "admin")
    said = town.say(READER, "How do I run the tests?", before=lose_it)
    assert said == ("" if role == "none" else GOOD) and town.eyes() is (role != "none")
    town.playground.repository().collaborators.pop(READER, None)
    become_again = role not in ("stranger", "none")
    if become_again:
        town.role(READER, role)
    frozen = town.say(READER, "freeze", before=lose_it)
    assert (town.learning() is Learning.FROZEN) is curates
    if role != "none":
        assert frozen.startswith("Frozen") if curates else "role maintain or admin" in frozen
    town.playground.repository().collaborators.pop(READER, None)
    if become_again:
        town.role(READER, role)
    promoted(town)
    town.say(READER, "rollback", before=lose_it)
    assert (in_force(town) == "") is curates
    town.playground.repository().collaborators.pop(READER, None)
    if become_again:
        town.role(READER, role)
    config = town.say(READER, "config", before=lose_it)
    if role != "none":
        assert ("`min_score`" in config) is (role == "admin")
    else:
        assert frozen == config == ""


def test_another_bot_and_ourselves_are_not_answered(town: Town) -> None:
    assert town.say(BOT, "How do I run the tests?") == "" and not town.eyes()
    assert town.say(town.playground.state.bot.login, "help") == "" and not town.scripted.asked


def test_whom_the_operator_blocked_is_not_answered_nor_heard_and_may_still_take_back(town: Town) -> None:
    town.edit(WRITER, "npm test", "make check")
    (before,) = town.corrections()
    town.choose(blocked=f"somebody, @{WRITER.upper()}")
    assert town.say(WRITER, "How do I run the tests?") == "" and not town.eyes()
    town.edit(WRITER, "a minute", "an hour")
    assert town.corrections() == [before]
    assert town.say(WRITER, f"forget {town.phrase_id()}") == "" and town.corrections() == []


def test_a_strangers_quota_is_told_once_and_then_met_with_silence(build: Callable[..., Town]) -> None:
    town = build(questions_per_stranger=2)
    said = [town.say(STRANGER, f"How do I run part {n} of the tests?") for n in range(5)]
    assert said[:2] == [GOOD, GOOD] and said[2].startswith("That was your 2 questions")
    assert said[3:] == ["", ""] and not town.eyes()
    assert town.last.status is AnswerStatus.CANCELLED and len(town.scripted.asked) == 2
    assert town.say(STRANGER, "help") == ""
    assert town.say(READER, "How do I run the tests?") == GOOD


def test_a_quota_is_that_of_a_day_and_days_begin_at_midnight_utc(build: Callable[..., Town]) -> None:
    town = build(questions_per_person=1)

    def asked_at(moment: datetime) -> str:
        comment = town.playground.say(READER, 2, "/ask How do I run the tests?")
        town.work(replace(town.question(comment, "How do I run the tests?"), asked_at=moment))
        return answer_text(town.playground.answers(2)[-1].body)

    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    before = (midnight - timedelta(seconds=1)).astimezone(timezone(timedelta(hours=9)))
    for moment in (before, midnight):
        assert asked_at(moment) == GOOD
        assert asked_at(moment).startswith("That was your 1 question of today here")


def test_a_repository_may_be_closed_to_strangers(build: Callable[..., Town]) -> None:
    town = build(strangers=False)
    assert town.say(STRANGER, "How do I run the tests?").startswith("Here I answer people with access")
    assert town.say(STRANGER, "How do I run the tests?") == "" and not town.scripted.asked
    assert town.say(READER, "How do I run the tests?") == GOOD


def test_the_repositorys_quota_leaves_maintainers_answered_and_refusals_use_none_of_it(
    build: Callable[..., Town],
) -> None:
    town = build(questions_per_repository=2, questions_per_stranger=1)
    for _ in range(4):
        town.say(STRANGER, "How do I run the tests?")
    assert town.say(READER, "How do I run the tests?") == GOOD
    assert town.say(READER, "How do I run the tests?").startswith("I have answered all the questions")
    assert town.say(READER, "How do I run the tests?") == ""
    assert town.say(SECOND, "How do I run the tests?") == GOOD


def test_a_question_that_begins_with_a_commands_word_is_answered(town: Town) -> None:
    assert town.say(READER, "show me how to run the tests") == GOOD
    assert town.say(READER, "why does the test fail?") == GOOD
    assert len(town.scripted.asked) == 2


def test_help_names_what_the_asking_person_may(town: Town) -> None:
    said = town.say(STRANGER, "help")
    assert "`/ask freeze`, `/ask unfreeze` | I stop learning, or go on | no: maintain or admin" in said
    assert "10 a day" in said and "shown only" in said and not town.scripted.asked
    assert "| yes |" in town.say(SECOND, "help") and town.last.notice == "help"
    assert "`/ask help` says what I understand." in town.playground.answers(2)[-1].body


def test_show_and_why_tell_what_was_learned_and_from_whom(town: Town) -> None:
    assert town.say(READER, "show").startswith("Nothing that people taught me here acts yet")
    town.edit(WRITER, "npm test", "make check")
    shown = town.say(READER, "show")
    assert "write `make check`, not `npm test`" in shown and town.phrase_id() in shown
    assert town.say(READER, "why") == "I find no answer of mine here to explain."
    town.scripted.rounds = [["Run the tests with `npm test`, they take two minutes."]]
    town.say(READER, "How do I run the tests?")
    explained = town.last
    why = town.say(READER, "why")
    assert "To `How do I run the tests?`:" in why and f"taught by `@{WRITER}`" in why
    assert f"thumbprint why {explained.id}" in why
    town.say(READER, "How do I run the linter, and what is it for?")
    assert town.say(READER, f"why {explained.comment_url}") == why
    assert town.say(READER, f"why {explained.id}", number=1) == why
    foreign = town.playground.open_issue(READER, "Elsewhere", repository="sailcloth")
    assert foreign and town.say(READER, "why a_0123456789abcdef").startswith("I find no answer")


def test_an_answer_of_another_repository_is_not_explained(town: Town) -> None:
    other = replace(town.answer.question, repository_id=1, post_id=77)
    with town.database.unit() as unit:
        known = unit.repositories.get(town.answer.question.repository_id)
        assert known is not None
        unit.repositories.upsert(replace(known, id=1, full_name="else/where", private=True))
        unit.answers.save(replace(town.answer, id=other.answer_id, question=other, comment_id=10**6))
        unit.commit()
    assert town.say(READER, f"why {other.answer_id}").startswith("I find no answer")
    link = f"https://github.com/else/where/issues/1#issuecomment-{10**6}"
    assert town.say(READER, f"why {link}").startswith("I find no answer")


def test_own_lessons_are_forgotten_by_anyone_and_others_by_maintainers(town: Town) -> None:
    town.edit(WRITER, "npm test", "make check")
    phrase = town.phrase_id()
    for somebody in (READER, STRANGER):
        assert "Only people with the role maintain or admin" in town.say(somebody, f"forget {phrase}")
    assert town.corrections()
    town.playground.repository().collaborators.pop(WRITER)  # a stranger by now, and it was still theirs
    assert "Forgotten" in town.say(WRITER, f"forget {phrase}") and not town.corrections()
    feedback.refresh(town.context, town.answer.id)
    assert "Undone" in town.comment.body and answer_text(town.comment.body) == FIXED
    assert "no such lesson" in town.say(WRITER, f"forget {phrase}")
    with town.database.unit() as unit:
        assert lessons.replay(unit, town.answer.question.repository_id, datetime.now(UTC)) == []


def test_a_maintainer_forgets_what_others_taught_by_its_wording(town: Town) -> None:
    town.edit(WRITER, "npm test", "make check")
    town.role(READER, "maintain")
    assert "no such lesson" in town.say(READER, "forget `npm`")
    assert "Forgotten" in town.say(READER, "forget `npm test`") and not town.corrections()


def test_mine_takes_back_what_one_person_taught_and_leaves_the_others(town: Town) -> None:
    for login in (WRITER, SECOND, READER):
        town.playground.react(login, town.comment, "-1")
    town.poll()

    def people() -> set[str]:
        with town.database.unit(read_only=True) as unit:
            held = unit.phrases.weights(town.answer.question.repository_id)
            rows = unit.phrases.evidence_of([one.phrase.id for one in held])
        return {one.actor_login for each in rows.values() for one in each}

    assert people() == {WRITER, SECOND, READER}
    assert "What you taught of it counts no more" in town.say(READER, "forget mine")
    town.poll()
    assert people() == {WRITER, SECOND}
    with town.database.unit() as unit:
        assert lessons.replay(unit, town.answer.question.repository_id, datetime.now(UTC)) == []
    assert "taught me nothing" in town.say(READER, "forget mine")
    assert "Say what" in town.say(READER, "forget")


def test_freezing_holds_until_it_is_lifted_and_a_file_is_not_overruled(town: Town) -> None:
    town.role(READER, "maintain")
    assert town.say(READER, "freeze").startswith("Frozen")
    assert town.say(READER, "freeze") == "Learning is frozen here already."
    town.edit(WRITER, "npm test", "make check")
    assert town.corrections() == []
    assert town.say(READER, "unfreeze").startswith("I learn again")
    recheck_due(town.context, datetime.now(UTC))
    assert town.corrections()
    town.playground.repository().files[".github/thumbprint.yml"] = "learning: on\n"
    assert "that holds: change it there" in town.say(READER, "freeze") and town.learning() is Learning.ON


def test_forget_mine_takes_what_waits_to_be_used_with_it(town: Town) -> None:
    town.role(READER, "maintain")
    town.say(READER, "freeze")
    town.edit(WRITER, "npm test", "make check")
    town.say(READER, "unfreeze")
    assert "while learning was frozen teaches me nothing" in town.say(WRITER, "forget mine")
    recheck_due(town.context, datetime.now(UTC))
    assert town.corrections() == []
    assert "taught me nothing" in town.say(WRITER, "forget mine")


def test_a_maintainer_rolls_back_what_was_promoted_for_the_repository_and_nothing_wider(town: Town) -> None:
    town.role(READER, "maintain")
    assert town.say(READER, "rollback").startswith("No adapter is in force for this repository alone")
    promoted(town, EARLIER, ADAPTER)
    assert f"adapter `{EARLIER.id[:12]}` answers here" in town.say(READER, "rollback")
    assert in_force(town) == EARLIER.id
    assert "the model without an adapter answers here" in town.say(READER, "rollback")
    assert town.say(READER, "rollback").startswith("No adapter is in force for this repository alone")
    with town.database.unit(read_only=True) as unit:
        said = unit.adapters.history(town.answer.question.installation_id, town.answer.question.repository_id)
    assert [one.by for one in said] == ["a maintainer", "a maintainer", "operator", "operator"]


def test_a_right_that_was_lost_a_moment_ago_freezes_nothing(town: Town) -> None:
    town.role(READER, "admin")
    assert town.say(READER, "How do I run the tests?") == GOOD
    said = town.say(READER, "freeze", before=lambda: town.role(READER, "write"))
    assert "Only people" in said and town.learning() is Learning.ON


def test_what_people_do_to_a_notice_teaches_nothing(town: Town) -> None:
    town.say(READER, "help")
    notice = town.playground.answers(2)[-1]
    for login in (WRITER, SECOND):
        town.playground.react(login, notice, "-1")
    town.playground.edit(WRITER, notice, notice.body.replace("answers it", "ignores it"))
    feedback.edited(town.context, town.deliver())
    poll.poll(town.context, everything=True)
    town.playground.delete(WRITER, notice)
    feedback.deleted(town.context, town.deliver())
    with town.database.unit(read_only=True) as unit:
        assert unit.feedback.of_repository(town.answer.question.repository_id) == []
        assert unit.phrases.weights(town.answer.question.repository_id) == []
    assert town.stored(town.last.id).status is AnswerStatus.DELETED


def test_a_hostile_wording_is_echoed_as_code_only(town: Town) -> None:
    town.edit(WRITER, "npm test", "make @ada-brandt #1 <img src=x>")
    town.role(READER, "maintain")
    said = town.say(READER, "show") + town.say(READER, "forget `npm test`")
    assert re.sub(r"`+[^`]*`+", "", said).count("@") == 0 and "<img" not in re.sub(r"`+[^`]*`+", "", said)


def test_commands_go_the_whole_way_once_also_when_they_are_redelivered(tmp_path: Path) -> None:
    """Receiver, queue and worker: a stranger is refused, a maintainer obeyed, and each is told once."""
    port = free_port()
    with playground_at(tmp_path / "playground", f"http://127.0.0.1:{port}") as there:
        town = Town(there, tmp_path / "home")
        town.role(READER, "maintain")
        with served(create_app(town.context.settings), port), working(town.context):
            for login, text in ((STRANGER, "freeze"), (BOT, "freeze"), (STRANGER, "help")):
                there.say(login, 2, f"/ask {text}")
            wait_until(lambda: len(there.answers(2)) == 2, 60, "no reply came")
            assert town.learning() is Learning.ON
            there.say(READER, 2, "/ask freeze")
            wait_until(lambda: len(there.answers(2)) == 3, 60, "no reply came")
            assert town.learning() is Learning.FROZEN
            for sent in [d for d in there.wait_for_deliveries() if d.event == "issue_comment"]:
                with there.state.change():
                    there.state.queue(sent.event, sent.action, sent.repository_id, sent.body, guid=sent.guid)
            there.wait_for_deliveries()
            there.say(STRANGER, 2, "/ask how do I run the tests?")
            wait_until(lambda: len(there.answers(2)) >= 4, 60, "no answer came")
            assert [answer_text(one.body).split()[0] for one in there.answers(2)] == [
                "Only",
                "|",
                "Frozen:",
                "Run",
            ]
        town.github.close()
        town.database.dispose()
