"""Whether a question asks in its repository: what the receiver took for one is judged by the files.

The receiver knows a repository's triggers by a row that may be old or not there yet, and then takes whatever
looks like one. Here the word decides by which it asked; where that asks nothing, the post may ask otherwise.
And what is answered is what the post says when it is answered: people change and delete what they wrote.
Of somebody who was forgotten (`bot/forgetting.py`) nothing is read again.
Left out: the receiver's half (`webhooks/route.py`). Run: `pytest tests/integration/test_configuration.py`.
"""

from __future__ import annotations

from dataclasses import replace

from bot.config import Effective
from bot.configurations import asks_of
from bot.github import Client
from bot.trigger import ANY, asking
from storage.columns import storable
from storage.errors import Gone
from storage.records import PostKind, Question, Repository


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
        raise Gone("the question was taken back: its post asks nothing here")
    received = asking(post.body, slug, ANY)
    before = {storable(one.text) for one in (found, received) if one is not None}
    now = replace(question, full_name=repository.full_name, text=storable(found.text), trigger=found.trigger)
    return now, question.text not in before


def _still_asked(question: Question) -> None:
    if question.asker.id <= 0:
        raise Gone("whoever asked was forgotten, and the question with them")
