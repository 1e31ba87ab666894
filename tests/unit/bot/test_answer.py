"""One answer for one question, whatever happens between reading and posting.

GitHub is the playground over HTTP, as strict as the real one; only the model is scripted.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot import answer, hearing
from bot.context import Context
from bot.github import GitHub
from bot.marker import metadata
from bot.reply import Marker, Why, answer_text, parse_marker, render_body
from bot.retry import Failure, delay_s
from bot.settings import Settings
from storage.database import Database
from storage.errors import GitHubUnavailable, ModelUnavailable, NotThereYet
from storage.records import Actor, Answer, AnswerStatus, JobRow, Learning, PostKind, Question, Repository
from tests.integration.playground_fixture import Playground, playground, receiver
from tests.unit.bot.scripted import ScriptedModels
from webhooks.playground import people
from webhooks.playground.misbehave import Rule
from webhooks.playground.things import Comment

__all__ = ["playground", "receiver"]

pytestmark = pytest.mark.slow

GOOD = "Run the tests with `make test`, they take two minutes."
ASKER = "ben-okafor"


@dataclass
class Desk:
    """A context on the playground, and a question that stands in its first issue."""

    playground: Playground
    context: Context
    models: ScriptedModels
    comment: Comment
    question: Question

    def misbehave(self, **rule: object) -> None:
        self.playground.state.misbehaviour.add(Rule.model_validate(rule))

    def stored(self) -> Answer:
        with self.context.database.unit(read_only=True) as unit:
            found = unit.answers.get(self.question.answer_id)
        assert found is not None
        return found

    def compose(self) -> None:
        assert answer.compose_job(self.context, self.question) == self.question.answer_id

    def post(self) -> None:
        answer.post(self.context, self.question.answer_id, sleep=lambda seconds: None)

    def fail(self) -> None:
        error = ModelUnavailable("http://127.0.0.1 is down")
        answer.fail(self.context, self.question, error, sleep=lambda seconds: None)

    def reactions(self) -> list[str]:
        return [given.content for given in self.playground.state.reactions_to(self.comment)]


@pytest.fixture
def desk(playground: Playground, tmp_path: Path) -> Iterator[Desk]:
    settings = Settings(_env_file=None, home=tmp_path, **playground.settings())
    database = Database(settings.resolved_database_url)
    database.migrate()
    models = ScriptedModels([[GOOD]])
    github = GitHub(settings)
    context = Context(settings=settings, database=database, github=github, models=models)
    comment = playground.say(ASKER, 1, "/ask How do I run the tests?")
    repository = playground.repository()
    asked = Question(
        repository_id=repository.id,
        full_name=repository.full_name,
        installation_id=playground.credentials.installation_id,
        number=1,
        post_id=comment.id,
        post_kind=PostKind.COMMENT,
        asker=Actor(id=playground.state.person(ASKER).id, login=ASKER),
        text="How do I run the tests?",
        asked_at=datetime.now(UTC),
    )
    with database.unit() as unit:  # as the receiver does it
        known = Repository(
            id=repository.id, full_name=repository.full_name, installation_id=asked.installation_id
        )
        unit.repositories.upsert(known)
        unit.answers.ask(asked)
        unit.commit()
    yield Desk(playground, context, models, comment, asked)
    github.close()
    database.dispose()


def test_from_question_to_comment(desk: Desk) -> None:
    answer.acknowledge(desk.context, desk.question)
    answer.acknowledge(desk.context, desk.question)
    assert desk.reactions() == ["eyes"]
    desk.compose()
    assert desk.stored().status is AnswerStatus.PENDING and not desk.playground.answers(1)
    desk.post()
    [comment] = desk.playground.answers(1)
    assert answer_text(comment.body) == desk.stored().text == GOOD
    marker = parse_marker(comment.body)
    assert marker and (marker.answer_id, marker.model) == (desk.question.answer_id, "scripted")
    stored = desk.stored()
    assert stored.status is AnswerStatus.POSTED and stored.comment_id == comment.id
    assert stored.comment_node_id and stored.comment_url and stored.posted_at


def test_every_prompt_generation_and_candidate_is_a_row(desk: Desk) -> None:
    desk.models.rounds = [[""], [GOOD, "Something else to say about tests."]]
    desk.compose()
    with desk.context.database.unit(read_only=True) as unit:
        story = unit.answers.story(desk.question.answer_id)
    assert story and [len(attempt.candidates) for attempt in story.attempts] == [1, 2]
    assert story.attempts[1].candidates[0].text == GOOD and story.attempts[0].candidates[0].guards == (
        "empty",
    )


def test_composing_and_posting_twice_is_doing_it_once(desk: Desk) -> None:
    desk.compose()
    desk.models.rounds = [["Another answer that nobody will see."]]
    desk.compose()
    desk.post()
    desk.post()
    assert len(desk.models.asked) == 1
    assert [answer_text(comment.body) for comment in desk.playground.answers(1)] == [GOOD]


def test_a_comment_whose_creation_was_not_heard_of_is_found(desk: Desk) -> None:
    desk.compose()
    desk.misbehave(kind="drop", method="POST", path="*/comments", status=502)
    desk.post()
    [comment] = desk.playground.answers(1)
    assert desk.stored().comment_id == comment.id


def test_a_comment_that_lists_do_not_show_yet_is_found_by_the_next_try(desk: Desk) -> None:
    desk.compose()
    desk.misbehave(kind="drop", method="POST", path="*/comments", status=0)
    desk.misbehave(kind="lag", method="GET", path="*/comments", seconds=60, times=2)
    desk.misbehave(kind="lag", method="GET", path="*/comments", seconds=60)
    with pytest.raises(GitHubUnavailable):
        desk.post()
    desk.post()
    assert len(desk.playground.answers(1)) == 1 and desk.stored().status is AnswerStatus.POSTED


def test_a_create_that_was_not_carried_out_is_tried_again_by_the_job(desk: Desk) -> None:
    desk.compose()
    desk.misbehave(kind="error", method="POST", path="*/comments")
    with pytest.raises(GitHubUnavailable):
        desk.post()
    assert not desk.playground.answers(1) and desk.stored().status is AnswerStatus.INTENT
    desk.post()
    assert len(desk.playground.answers(1)) == 1


def test_a_marker_that_somebody_else_wrote_is_not_ours(desk: Desk) -> None:
    desk.compose()
    desk.playground.say(ASKER, 1, desk.stored().body)
    desk.post()
    assert len(desk.playground.answers(1)) == 1


@pytest.mark.parametrize("mac", ["", "0" * 32])
def test_a_marker_that_somebody_wrote_into_a_comment_of_ours_is_not_ours_without_our_signature(
    desk: Desk, mac: str
) -> None:
    """Whoever may write may edit what our App wrote: else the question would count as answered by it."""
    other = render_body(GOOD, Why(marker=Marker(answer_id="a_0123456789abcdef", template="t")))
    desk.context.github.of(desk.question).create_comment(desk.question.full_name, 1, other)
    (standing,) = desk.playground.answers(1)
    forged = metadata(Marker(answer_id=desk.question.answer_id, template="t", mac=mac))
    desk.playground.edit(people.MAINTAINER, standing, f"Nothing to see here.\n\n{forged}")
    desk.compose()
    desk.post()
    assert len(desk.playground.answers(1)) == 2
    assert desk.stored().comment_id not in (None, standing.id)


def test_a_question_that_github_does_not_show_yet_is_answered_once_it_does(desk: Desk) -> None:
    """At each read of its post: before it is composed, before it is posted, and before a failure is told."""
    for step in (desk.compose, desk.post):
        desk.misbehave(kind="lag", method="GET", path=f"*/comments/{desk.comment.id}", seconds=60)
        with pytest.raises(NotThereYet):
            step()
        step()
    assert len(desk.playground.answers(1)) == 1 and desk.stored().status is AnswerStatus.POSTED


def test_a_failure_is_told_though_github_does_not_show_the_question_yet(desk: Desk) -> None:
    desk.misbehave(kind="lag", method="GET", path=f"*/comments/{desk.comment.id}", seconds=60)
    with pytest.raises(NotThereYet):
        desk.fail()
    assert not desk.playground.answers(1)
    desk.fail()
    assert len(desk.playground.answers(1)) == 1


def test_an_issue_that_github_does_not_show_yet_is_answered_once_it_does(desk: Desk) -> None:
    issue = desk.playground.open_issue(ASKER, "Tests", "/ask How do I run the tests?")
    desk.question = replace(desk.question, number=issue.number, post_id=issue.id, post_kind=PostKind.ISSUE)
    desk.misbehave(kind="lag", method="GET", path=f"*/issues/{issue.number}", seconds=60)
    with pytest.raises(NotThereYet):
        desk.compose()
    desk.compose()
    assert desk.stored().status is AnswerStatus.PENDING


def test_how_young_a_question_is_says_the_databases_clock_since_it_was_taken_in(desk: Desk) -> None:
    """Delivered late, or by a GitHub whose clock is another: what counts is when we heard of it."""
    desk.question = replace(desk.question, post_id=10**9, asked_at=datetime.now(UTC) - timedelta(hours=1))
    with desk.context.database.unit() as unit:
        now = unit.executors.now()
        question, kind = desk.question, PostKind.COMMENT.value
        row = JobRow(
            id=f"answer/{question.repository_id}/{kind}/{question.post_id}",
            name="answer",
            repository_id=question.repository_id,
            installation_id=question.installation_id,
            thread_key=question.thread_key,
            place=1,
            put_at=now - timedelta(seconds=50),
        )
        unit.jobs.add(row)
        unit.commit()
    with pytest.raises(NotThereYet) as late:
        desk.compose()
    pauses = [delay_s(Failure.of(late.value, "compose"), n, row.id) for n in range(1, 8)]
    assert sum(pause or 0.0 for pause in pauses) > hearing.SHOWN_AFTER.total_seconds()


def test_a_question_deleted_before_or_while_answering_gets_no_answer(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.compose()
    monkeypatch.setattr(hearing, "SHOWN_AFTER", timedelta(0))  # a minute later
    desk.playground.delete(ASKER, desk.comment)
    desk.post()
    assert desk.stored().status is AnswerStatus.CANCELLED and not desk.playground.answers(1)
    gone = replace(desk.question, post_id=10**9)
    assert answer.compose_job(desk.context, gone) == gone.answer_id
    with desk.context.database.unit(read_only=True) as unit:
        assert unit.answers.get(gone.answer_id).status is AnswerStatus.CANCELLED
    assert len(desk.models.asked) == 1


def test_a_question_that_lists_do_not_show_yet_is_answered(desk: Desk) -> None:
    desk.misbehave(kind="lag", method="GET", path="*/comments", seconds=60)
    desk.compose()
    assert desk.stored().status is AnswerStatus.PENDING


def test_a_failure_is_told_once_and_says_how_to_try_again(desk: Desk) -> None:
    desk.fail()
    desk.fail()
    [comment] = desk.playground.answers(1)
    assert "the model was not to be reached" in comment.body and "ask once more" in comment.body
    assert "127.0.0.1 is down" not in comment.body
    assert desk.reactions() == ["confused"] and desk.stored().status is AnswerStatus.FAILED


def test_a_failure_after_the_answer_was_posted_says_nothing(desk: Desk) -> None:
    desk.compose()
    pending = desk.stored()
    desk.post()
    with desk.context.database.unit() as unit:
        unit.answers.save(pending)
        unit.commit()
    desk.fail()
    assert len(desk.playground.answers(1)) == 1 and not desk.reactions()
    assert desk.stored().status is AnswerStatus.POSTED


def test_a_failure_that_was_told_before_a_crash_is_not_taken_for_an_answer(desk: Desk) -> None:
    desk.compose()
    pending = desk.stored()
    desk.fail()
    with desk.context.database.unit() as unit:
        unit.answers.save(pending)
        unit.commit()
    desk.fail()
    assert len(desk.playground.answers(1)) == 1 and desk.stored().status is AnswerStatus.FAILED


def test_what_the_repositorys_file_says_holds(desk: Desk) -> None:
    desk.playground.repository().files[".github/thumbprint.yml"] = "candidates: 2\nlearning: frozen\n"
    desk.compose()
    assert desk.models.asked[0]["n"] == 2
    with desk.context.database.unit(read_only=True) as unit:
        assert unit.repositories.get(desk.question.repository_id).learning is Learning.FROZEN


def test_a_renamed_repository_is_found_by_its_number(desk: Desk) -> None:
    desk.question = replace(desk.question, full_name="old/name")
    answer.acknowledge(desk.context, desk.question)
    desk.compose()
    desk.post()
    assert desk.reactions() == ["eyes"] and len(desk.playground.answers(1)) == 1


def test_an_empty_question_gets_one_comment_with_a_hint(desk: Desk) -> None:
    desk.playground.edit(ASKER, desk.comment, "/ask")
    desk.compose()
    desk.post()
    [comment] = desk.playground.answers(1)
    assert "/ask How do I run the tests?" in comment.body and not desk.models.asked


def test_a_thread_of_500_comments_is_read_whole(desk: Desk) -> None:
    for number in range(500):
        desk.playground.say(ASKER, 2, f"comment {number}")
    client = desk.context.github.of(desk.question)
    thread = client.read_thread(client.repository(desk.question.repository_id), 2)
    said = [post.body for post in thread.posts]
    assert all(f"comment {number}" in said for number in range(500))
