"""Whether a question asks in its repository: what the receiver took for one is judged by the files.

The receiver knows a repository's triggers by a row that may be old or not there yet, and then takes whatever
looks like one. Here the word decides by which it asked; where that asks nothing, the post may ask otherwise.
And what is answered is what the post says when it is answered: people change and delete what they wrote.
GitHub's copies lag behind its webhooks: of a question that came just now a 404 says nothing yet.
Of somebody who was forgotten (`bot/forgetting.py`) nothing is read again.
Left out: the receiver's half (`webhooks/route.py`). Run: `pytest tests/integration/test_configuration.py`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.config import Effective
from bot.configurations import asks_of
from bot.context import Context
from bot.github import Client
from bot.queue import JobName
from bot.trigger import ANY, asking
from storage.columns import storable
from storage.errors import Gone, NotThereYet, TakenBack
from storage.records import PostKind, Question, Repository

SHOWN_AFTER = timedelta(minutes=1)
"""So long after a question was taken in GitHub may still answer 404 for its post; then it was deleted."""


def target(question: Question) -> int:
    """What a post is addressed by: a comment by its id, an issue by its number."""
    return question.number if question.post_kind is PostKind.ISSUE else question.post_id


def heard(
    client: Client, repository: Repository, question: Question, chosen: Effective, slug: str
) -> Question | None:
    """The question, or what its post asks by the triggers here, or None. Raises Gone with post or asker."""
    _still_asked(question)
    asks = asks_of(chosen.config)
    if asks.takes(question.trigger):
        return question
    post = client.read_post(repository.full_name, question.post_kind, target(question))
    found = asking(post.body, slug, asks)
    return None if found is None else replace(question, text=found.text, trigger=found.trigger)


def as_it_stands(
    client: Client, repository: Repository, question: Question, chosen: Effective, slug: str
) -> tuple[Question, bool]:
    """What the post of a question asks now, and whether somebody changed that since.

    Raises Gone where it was deleted, or asks nothing (any more), or whoever asked was forgotten.
    """
    _still_asked(question)
    post = client.read_post(repository.full_name, question.post_kind, target(question))
    found = asking(post.body, slug, asks_of(chosen.config))
    if found is None:
        raise TakenBack("the question was taken back: its post asks nothing here")
    received = asking(post.body, slug, ANY)
    before = {storable(one.text) for one in (found, received) if one is not None}
    now = replace(question, full_name=repository.full_name, text=storable(found.text), trigger=found.trigger)
    return now, question.text not in before


def unless_late(context: Context, question: Question, error: Exception) -> None:
    """Raise NotThereYet where an error is a 404 for what a question taken in just now is about.

    Just now is by the database's clock since its job was put; where no job is known, since it was asked.
    """
    if not isinstance(error, Gone) or isinstance(error, TakenBack):
        return
    kind = question.post_kind.value
    job_id = f"{JobName.ANSWER.value}/{question.repository_id}/{kind}/{question.post_id}"
    with context.database.unit(read_only=True) as unit:
        job, now = unit.jobs.get(job_id), unit.executors.now()
    if now - (question.asked_at if job is None else job.put_at) < SHOWN_AFTER:
        raise NotThereYet(f"{error} It was asked just now: GitHub may not show it yet.") from error


def _still_asked(question: Question) -> None:
    if question.asker.id <= 0:
        raise TakenBack("whoever asked was forgotten, and the question with them")
