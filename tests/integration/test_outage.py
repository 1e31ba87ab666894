"""GitHub away for longer than all patience, the worker killed meanwhile: nothing that was taken in is lost.

Everything is real but github.com, the model, and how long a pause is.
"""

from __future__ import annotations

import pytest

from storage.records import AnswerStatus, PhraseKind
from tests.integration.test_crash import Loop, kill, loop

__all__ = ["loop"]
pytestmark = pytest.mark.slow

HURRIED = """
from bot import github_calls, jobs, posting, retry
from bot.commands.shared import load_settings
retry.PATIENCE["GitHubUnavailable"] = retry.Patience(first_s=0.2, longest_s=0.2, total_s=0.5)
retry.LATER_FIRST_S = retry.LATER_LONGEST_S = 0.5
github_calls.PAUSES_S = posting.LOOKS_S = (0.1, 0.1)
jobs.work(load_settings())
"""
"""`thumbprint work` for whom an outage of some seconds is one of days."""


def tries(loop: Loop, what: str) -> int:
    """How often a job was put off so far."""
    query = "SELECT count(*) FROM workflow_status WHERE workflow_uuid LIKE ?"
    with loop.database.engine.connect() as connection:
        return int(connection.exec_driver_sql(query, (f"later/%/{what}/%",)).scalar_one())


def test_after_an_outage_longer_than_all_patience_the_asker_is_told_and_the_edit_is_learned(
    loop: Loop,
) -> None:
    loop.model.text = "Run `npm test` in the root folder; it takes two minutes on a laptop."
    loop.playground.say("ben-okafor", 1, "/ask How do I run the tests?")
    with loop.worker("-c", HURRIED):
        loop.wait(loop.settled)
    [comment] = loop.playground.answers(1)

    loop.misbehave(kind="error", times=0)
    loop.playground.edit("ada-brandt", comment, comment.body.replace("npm test", "make check"))
    loop.playground.say("ben-okafor", 2, "/ask Where are the docs?")
    for _ in range(2):
        before = tries(loop, "answer"), tries(loop, "edit")
        with loop.worker("-c", HURRIED) as process:
            loop.wait(lambda b=before: tries(loop, "answer") > b[0] + 1 and tries(loop, "edit") > b[1] + 1)
            kill(process)
    assert loop.playground.answers(2) == []

    loop.playground.state.misbehaviour.clear()
    with loop.worker("-c", HURRIED):
        loop.wait(lambda: set(loop.statuses()) == {AnswerStatus.FAILED, AnswerStatus.POSTED})
        loop.wait(lambda: not loop.unfinished())
    [told] = loop.playground.answers(2)
    assert "GitHub was not to be reached. To try again, ask once more" in told.body
    asked = loop.playground.comments(2)[-2]
    assert "confused" in [one.content for one in loop.playground.state.reactions_to(asked)]
    [taught] = loop.playground.answers(1)
    assert "Learned from `@ada-brandt`" in taught.body
    with loop.database.unit(read_only=True) as unit:
        held = unit.phrases.weights(loop.playground.repository().id)
    assert [one.phrase.right for one in held if one.phrase.kind is PhraseKind.CORRECTION and one.active]


def test_a_question_asked_while_github_is_away_is_answered_when_it_is_back_soon(loop: Loop) -> None:
    loop.misbehave(kind="error", times=4)
    loop.playground.say("ben-okafor", 1, "/ask How do I run the tests?")
    with loop.worker():
        loop.wait(loop.settled)
    assert len(loop.playground.answers(1)) == 1
