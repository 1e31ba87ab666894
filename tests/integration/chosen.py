"""What a repository chooses in a test: a file on its default branch that the receiver has heard of."""

from __future__ import annotations

from bot.config import PATH
from tests.integration.test_who_may import Town

QUESTION = "How do I run the tests?"


def file(town: Town, text: str, path: str = PATH) -> None:
    """Put a file on the default branch, as a push does that the receiver heard of."""
    town.playground.repository().files[path] = text
    there = town.playground.repository()
    with town.database.unit() as unit:
        unit.configurations.changed(there.id)
        unit.configurations.defaults_changed(town.playground.credentials.installation_id)
        unit.commit()


def body(town: Town, number: int = 2) -> str:
    """The last comment of ours in a thread."""
    return town.playground.answers(number)[-1].body
