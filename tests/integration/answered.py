"""A playground with one posted answer of ours in it, and a context on it: what people then do is feedback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from bot import feedback, poll
from bot.context import Context
from bot.github import GitHub
from bot.jobs import Worker, steps_of
from bot.models import Models
from bot.queue import Queue
from bot.reply import Marker, Why, render_body
from bot.settings import Settings
from storage.database import Database
from storage.records import (
    Actor,
    Answer,
    AnswerStatus,
    Delivery,
    Feedback,
    PhraseKind,
    PostKind,
    Question,
    Repository,
)
from tests.integration.playground_fixture import Playground
from webhooks.playground.things import Comment

TEXT = "Run `npm test` in the root folder.\n\nIt takes a minute."
FIXED = "Run `make check` in the root folder.\n\nIt takes a minute."
MAINTAINER, SECOND, READER, STRANGER, BOT = (
    "ada-brandt",
    "noor-haddad",
    "ben-okafor",
    "cleo-visiting",
    "tidy-stale[bot]",
)


class Bench:
    """A context on the playground with one posted answer in it."""

    def __init__(self, playground: Playground, home: Path) -> None:
        self.playground = playground
        settings = Settings(home=home, _env_file=None, **playground.settings())
        self.database = Database(settings.resolved_database_url)
        self.github = GitHub(settings)
        self.models = Models(settings)
        Queue(self.database).migrate()
        self.context = Context(
            settings=settings, database=self.database, github=self.github, models=self.models
        )
        self.answer = self._post()

    def _post(self) -> Answer:
        there = self.playground.repository()
        now = datetime.now(UTC)
        installation = self.playground.credentials.installation_id
        question = Question(
            repository_id=there.id,
            full_name=there.full_name,
            installation_id=installation,
            number=1,
            post_id=1,
            post_kind=PostKind.COMMENT,
            asker=Actor(id=810_003, login=READER),
            text="How do I run the tests?",
            asked_at=now,
        )
        body = render_body(TEXT, Why(marker=Marker(answer_id=question.answer_id)))
        post = self.github.of(question).create_comment(there.full_name, 1, body)
        answer = Answer(
            id=question.answer_id,
            question=question,
            status=AnswerStatus.POSTED,
            text=TEXT,
            body=body,
            candidate_id=None,
            comment_id=post.id,
            comment_node_id=post.node_id,
            comment_url=post.url,
            created_at=now,
            posted_at=now,
        )
        with self.database.unit() as unit:
            unit.repositories.upsert(
                Repository(id=there.id, full_name=there.full_name, installation_id=installation)
            )
            unit.answers.save(answer)
            unit.commit()
        return answer

    @property
    def comment(self) -> Comment:
        (found,) = self.playground.answers(1)
        return found

    def with_boxes(self) -> None:
        """Have the comment ask why, as that of a composed answer does."""
        body = render_body(TEXT, Why(marker=Marker(answer_id=self.answer.id), boxes=True))
        with self.playground.state.change():
            self.comment.body = self.comment.revisions[0].body = str(body)
            self.playground.state.keep(self.comment)

    def deliver(self, event: str = "issue_comment") -> str:
        """Keep the newest delivery about a comment as the receiver does; returns its GUID."""
        sent = [d for d in self.playground.deliveries() if d.event == event][-1]
        with self.database.unit() as unit:
            unit.deliveries.add(
                Delivery(
                    guid=sent.guid,
                    event=sent.event,
                    action=sent.action,
                    body=sent.body.encode(),
                    received_at=datetime.now(UTC),
                )
            )
            unit.commit()
        return sent.guid

    def edit(self, login: str, before: str, after: str) -> str:
        self.playground.edit(login, self.comment, self.comment.body.replace(before, after))
        guid = self.deliver()
        feedback.edited(self.context, guid)
        return guid

    def events(self) -> list[Feedback]:
        with self.database.unit(read_only=True) as unit:
            return unit.feedback.of_answer(self.answer.id)

    def corrections(self) -> list[tuple[str, str, bool]]:
        with self.database.unit(read_only=True) as unit:
            held = unit.phrases.weights(self.answer.question.repository_id)
        return [
            (w.phrase.text, w.phrase.right, w.active) for w in held if w.phrase.kind is PhraseKind.CORRECTION
        ]

    def poll(self) -> None:
        poll.poll(self.context, everything=True)


@contextmanager
def working(context: Context) -> Iterator[None]:
    """A worker of the context's settings that does its jobs meanwhile."""
    database = Database(context.settings.resolved_database_url, busy_timeout_s=30.0)
    worker = Worker(context.settings, database, steps_of(context))
    worker.start()
    try:
        yield
    finally:
        worker.stop()
