"""Each bad input with its one clear outcome: the table behind `test_bad_input.py` and `docs/bad-input.md`.

A case takes the loop of `test_crash.py` (playground, receiver, the `thumbprint work` process), and raises
when the outcome is another. Cases that are about the model have the real one; the others a stand-in.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from bot import slash
from bot.compose import HINT
from bot.config import PATH
from storage.records import AnswerStatus, Story
from storage.tables import jobs
from tests.integration.real_model import RealModel
from tests.integration.test_crash import Loop
from tests.unit.webhooks.test_delivery import signed
from webhooks.bodies import MOST_BYTES_ANSWERED
from webhooks.playground import ownership
from webhooks.playground.things import Comment

ASKER = "ben-okafor"
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Case:
    """`name` and `outcome` as the document has them; `check` takes the loop, and the `real_model` if said."""

    name: str
    outcome: str
    check: Callable[..., None]
    real_model: bool = False


# ---------------------------------------------------------------- what a request may be


def deliver(
    loop: Loop,
    body: bytes,
    event: str = "issue_comment",
    signature: str | None = "right",
    guid: str = "g1",
) -> httpx.Response:
    """POST a delivery as GitHub does it, rightly signed unless told otherwise; None: no signature."""
    secret = loop.playground.credentials.webhook_secret
    headers = signed(body, secret, **{"x-github-event": event, "x-github-delivery": guid})
    if signature != "right":
        del headers["x-hub-signature-256"]
    if signature not in ("right", None):
        headers["x-hub-signature-256"] = str(signature)
    url = f"{loop.playground.app_url}/webhooks/github"
    return httpx.post(url, content=body, headers=headers, trust_env=False, timeout=30)


def refused(loop: Loop, response: httpx.Response, status: int, words: str) -> None:
    assert (response.status_code, response.json()["outcome"]) == (status, "refused")
    assert words in response.json()["detail"]
    nothing_kept(loop)


def nothing_kept(loop: Loop) -> None:
    with loop.database.unit(read_only=True) as unit:
        assert unit.deliveries.recent(1) == []
    assert loop.unfinished() == 0


def no_signature(loop: Loop) -> None:
    refused(loop, deliver(loop, b"{}", signature=None), 401, "is missing")


def wrong_signature(loop: Loop) -> None:
    refused(loop, deliver(loop, b"{}", signature="sha256=" + "0" * 64), 401, "does not fit")


def malformed_names(loop: Loop) -> None:
    for wrong in (
        {"guid": ""},
        {"guid": "g" * 101},
        {"guid": "g 1"},
        {"event": ""},
        {"event": "Issue-Comment"},
    ):
        refused(loop, deliver(loop, b"{}", **wrong), 400, "must name the delivery")


def too_large(loop: Loop) -> None:
    refused(loop, deliver(loop, b" " * (MOST_BYTES_ANSWERED + 1)), 413, "larger than")


def broken_json(loop: Loop) -> None:
    refused(loop, deliver(loop, b'{"action": "created"'), 400, "not JSON")


def unknown_event(loop: Loop) -> None:
    response = deliver(loop, b"{}", event="an_event_of_tomorrow")
    assert (response.status_code, response.json()) == (202, {"outcome": "ignored", "reason": "event"})
    nothing_kept(loop)


# ---------------------------------------------------------------- what a question may be


def ask(loop: Loop, text: str) -> Comment:
    return loop.playground.say(ASKER, 1, f"/ask {text}".strip())


def answered(loop: Loop) -> Story:
    """Wait for the one answer to be posted, with one comment in the thread; returns its story."""
    loop.wait(loop.settled)
    with loop.database.unit(read_only=True) as unit:
        [answer] = unit.answers.recent(10)
        story = unit.answers.story(answer.id)
    assert story is not None
    time.sleep(0.5)  # time enough for a second comment to show itself
    [comment] = loop.playground.answers(1)
    assert comment.id == answer.comment_id
    return story


def asked_and_answered(loop: Loop, text: str) -> Story:
    ask(loop, text)
    with loop.worker():
        return answered(loop)


def empty_question(loop: Loop) -> None:
    story = asked_and_answered(loop, "")
    assert story.answer.text == HINT.format(word="/ask")
    assert loop.model.asked == 0


def command_of_a_stranger(loop: Loop) -> None:
    story = asked_and_answered(loop, "freeze")
    assert story.answer.text == slash.refused(slash.Command.FREEZE) and not story.attempts
    assert loop.model.asked == 0


def command_and_more(loop: Loop) -> None:
    story = asked_and_answered(loop, "show me how to run the tests")
    assert not story.answer.notice and story.attempts


def wrong_key_in_a_file(loop: Loop) -> None:
    loop.playground.repository().files[PATH] = "candidates: 2\nmin_scor: 1\n"
    story = asked_and_answered(loop, "How do I run the tests?")
    assert "line 2: there is no key `min_scor`: did you mean `min_score`?" in story.answer.body
    assert story.attempts and len(story.attempts[0].candidates) == 2


def file_that_is_none(loop: Loop) -> None:
    loop.playground.repository().files[PATH] = "candidates: ["
    story = asked_and_answered(loop, "How do I run the tests?")
    assert "Nothing in this file holds until that is mended." in story.answer.body
    assert story.attempts and len(story.attempts[0].candidates) == loop.settings.candidates


def huge_question(loop: Loop, model: RealModel) -> None:
    text = ("Why does the table of contents come out empty? " * 2000)[:60_000].strip()
    story = asked_and_answered(loop, text)
    assert story.answer.question.text == text
    assert all(attempt.prompt.tokens <= loop.settings.context_tokens for attempt in story.attempts)
    assert story.attempts


def another_script(loop: Loop, model: RealModel) -> None:
    text = "テストはどうやって実行しますか？ كيف أشغّل الاختبارات؟ 🧵"
    story = asked_and_answered(loop, text)
    assert story.answer.question.text == text
    assert any(text in message.content for message in story.attempts[0].prompt.messages)


def huge_thread(loop: Loop) -> None:
    for number in range(500):
        loop.playground.say("dana-wei", 1, f"Remark {number}: the tests take long on my laptop, too.")
    story = asked_and_answered(loop, "How do I run the tests?")
    prompt = story.attempts[0].prompt
    said = "\n".join(message.content for message in prompt.messages)
    assert "Remark 499:" in said
    assert loop.playground.issue(1).body[:40] in said
    assert prompt.tokens <= loop.settings.context_tokens


# ---------------------------------------------------------------- what changes meanwhile


def deleted_meanwhile(loop: Loop) -> None:
    loop.model.hold.clear()
    asked = ask(loop, "How do I run the tests?")
    with loop.worker():
        loop.wait(lambda: loop.model.asked > 0)
        loop.playground.delete(ASKER, asked)
        with loop.database.unit() as unit:  # a minute later a 404 says that it is gone
            unit.connection.execute(jobs.update().values(put_at=datetime.now(UTC) - timedelta(minutes=2)))
            unit.commit()
        loop.model.hold.set()
        loop.wait(lambda: loop.statuses() == [AnswerStatus.CANCELLED] and not loop.unfinished())
    assert loop.playground.answers(1) == []


def renamed_meanwhile(loop: Loop) -> None:
    loop.model.hold.clear()
    ask(loop, "How do I run the tests?")
    with loop.worker():
        loop.wait(lambda: loop.model.asked > 0)
        ownership.rename(loop.playground.state, "noor-haddad", loop.playground.repository(), "inkpot")
        loop.model.hold.set()
        loop.wait(loop.settled)
    [comment] = loop.playground.answers(1, "inkpot")
    assert loop.model.text.split(";")[0] in comment.body
