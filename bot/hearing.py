"""Whether a question asks in its repository: what the receiver took for one is judged by the files.

The receiver knows a repository's triggers by a row that may be old or not there yet, and then takes whatever
looks like one. Here the word decides by which it asked; where that asks nothing, the post may ask otherwise.
Left out: the receiver's half (`webhooks/route.py`). Run: `pytest tests/integration/test_configuration.py`.
"""

from __future__ import annotations

from dataclasses import replace

from bot.config import Effective
from bot.configurations import asks_of
from bot.github import Client
from bot.posting import target
from bot.trigger import asking
from storage.records import Question, Repository


def heard(
    client: Client, repository: Repository, question: Question, chosen: Effective, slug: str
) -> Question | None:
    """The question, or what its post asks by the triggers here, or None. Raises Gone with the post."""
    asks = asks_of(chosen.config)
    if asks.takes(question.trigger):
        return question
    post = client.read_post(repository.full_name, question.post_kind, target(question))
    found = asking(post.body, slug, asks)
    return None if found is None else replace(question, text=found.text, trigger=found.trigger)
