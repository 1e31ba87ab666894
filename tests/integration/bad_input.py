"""Each bad input with its one clear outcome: the table behind `test_bad_input.py` and `docs/bad-input.md`.

A case takes the loop of `test_crash.py` (playground, receiver, the `thumbprint work` process), and raises
when the outcome is another. Cases that are about the model have the real one; the others a stand-in.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import sqlalchemy as sa

from bot.compose import HINT
from bot.jobs import Worker, steps_of
from bot.retry import Patience
from storage.database import Database
from storage.records import AnswerStatus, Story
from tests.integration.playground_fixture import free_port
from tests.integration.real_model import RealModel
from tests.integration.test_crash import Loop, one_answer
from tests.unit.webhooks.test_delivery import signed
from webhooks.app import MOST_BYTES_ANSWERED
from webhooks.playground import acts
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


def deliver(loop: Loop, body: bytes, event: str = "issue_comment", **headers: str | None) -> httpx.Response:
    """POST a delivery, signed as GitHub does it; a header that is None is left out."""
    secret = loop.playground.credentials.webhook_secret
    all_headers = signed(body, secret, **{"x-github-event": event, "x-github-delivery": "g1"}) | headers
    given = {name: value for name, value in all_headers.items() if value is not None}
    url = f"{loop.playground.app_url}/webhooks/github"
    return httpx.post(url, content=body, headers=given, trust_env=False, timeout=30)


def refused(loop: Loop, response: httpx.Response, status: int, words: str) -> None:
    assert (response.status_code, response.json()["outcome"]) == (status, "refused")
    assert words in response.json()["detail"]
    nothing_kept(loop)


def nothing_kept(loop: Loop) -> None:
    with loop.database.unit(read_only=True) as unit:
        assert unit.deliveries.recent(1) == []
    assert loop.unfinished() == 0


def no_signature(loop: Loop) -> None:
    refused(loop, deliver(loop, b"{}", **{"x-hub-signature-256": None}), 401, "is missing")


def wrong_signature(loop: Loop) -> None:
    wrong = {"x-hub-signature-256": "sha256=" + "0" * 64}
    refused(loop, deliver(loop, b"{}", **wrong), 401, "does not fit")


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
    assert story.answer.text == HINT
    assert loop.model.asked == 0


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
        loop.model.hold.set()
        loop.wait(lambda: loop.statuses() == [AnswerStatus.CANCELLED] and not loop.unfinished())
    assert loop.playground.answers(1) == []


def renamed_meanwhile(loop: Loop) -> None:
    loop.model.hold.clear()
    ask(loop, "How do I run the tests?")
    with loop.worker():
        loop.wait(lambda: loop.model.asked > 0)
        acts.rename(loop.playground.state, loop.playground.repository(), "inkpot")
        loop.model.hold.set()
        loop.wait(loop.settled)
    [comment] = loop.playground.answers(1, "inkpot")
    assert loop.model.text.split(";")[0] in comment.body


# ---------------------------------------------------------------- what fails on our side


def model_back(loop: Loop, model: RealModel) -> None:
    model.kill()
    ask(loop, "How do I run the tests?")
    with loop.worker():
        loop.wait(lambda: "step_waits" in (loop.home / "worker.log").read_text())
        assert loop.playground.answers(1) == []
        model.start()
        answered(loop)


def model_gone(loop: Loop) -> None:
    """The model never comes back; how long is waited (10 minutes) is shortened, nothing else."""
    settings = loop.settings.model_copy(update={"model_url": f"http://127.0.0.1:{free_port()}/v1"})
    asked = ask(loop, "How do I run the tests?")
    loop.playground.wait_for_deliveries()
    database = Database(settings.resolved_database_url, busy_timeout_s=30)
    worker = Worker(settings, database, steps_of(settings, database))
    shorter = Patience(first_s=0.2, longest_s=0.2, total_s=0.5)
    with mock.patch.dict("bot.retry.PATIENCE", ModelUnavailable=shorter):
        worker.start()
        try:
            loop.wait(lambda: loop.statuses() == [AnswerStatus.FAILED] and not loop.unfinished())
        finally:
            worker.stop()
    [comment] = loop.playground.answers(1)
    assert "the model was not to be reached. To try again, ask once more" in comment.body
    reactions = loop.playground.state.reactions_to(asked)
    assert sorted(one.content for one in reactions) == ["confused", "eyes"]


def redeliver_and_answer(loop: Loop) -> None:
    """The delivery failed where a person sees it; redelivered, its question is answered."""
    [sent] = loop.playground.wait_for_deliveries()
    assert sent.status_code == 503
    assert loop.unfinished() == 0
    url = f"{loop.playground.base_url}/playground/deliveries/{sent.id}/redeliver"
    httpx.post(url, trust_env=False).raise_for_status()
    with loop.worker():
        answered(loop)


def database_locked(loop: Loop) -> None:
    with loop.database.engine.connect() as other:
        other.exec_driver_sql("BEGIN IMMEDIATE")
        ask(loop, "How do I run the tests?")
        [sent] = loop.playground.wait_for_deliveries()
        other.connection.rollback()
    assert "locked by another process" in sent.response_body
    redeliver_and_answer(loop)


def database_full(loop: Loop) -> None:
    engine = loop.database.engine
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()

    def limit(connection: Any, record: Any) -> None:
        connection.execute(f"PRAGMA max_page_count={pages}")

    engine.dispose()  # every connection from now on is made under the limit
    sa.event.listen(engine, "connect", limit)
    ask(loop, "Where does it say how the tests are run? " * 500)
    [sent] = loop.playground.wait_for_deliveries()
    assert "is full: free some space" in sent.response_body
    sa.event.remove(engine, "connect", limit)
    engine.dispose()
    redeliver_and_answer(loop)


def started(loop: Loop, verb: str, **settings: object) -> tuple[int, str]:
    """Start one of our processes that is expected to end at once: its exit code and what it said."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("THUMBPRINT_")}
    ours = {f"THUMBPRINT_{name.upper()}": str(value) for name, value in settings.items()}
    ended = subprocess.run(
        [sys.executable, "-m", "bot", verb],
        env=kept | {"THUMBPRINT_HOME": str(loop.home), "COLUMNS": "1000"} | ours,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return ended.returncode, ended.stderr


def one_sentence(ended: tuple[int, str], words: str) -> None:
    code, said = ended
    lines = [line for line in said.splitlines() if line.strip()]
    assert code == 1, said
    assert len([line for line in lines if words in line]) == 1, said
    assert "Traceback" not in said


def no_secret(loop: Loop) -> None:
    one_sentence(started(loop, "serve", port=free_port()), "set THUMBPRINT_WEBHOOK_SECRET")


def two_servers(loop: Loop) -> None:
    given = {"port": free_port(), "webhook_secret": "s", "app_id": loop.settings.app_id}
    one_sentence(started(loop, "serve", **given), "already used by another `thumbprint serve`")
    ask(loop, "How do I run the tests?")
    with loop.worker():
        loop.wait(lambda: loop.database.last_beat("work") is not None)
        key = loop.settings.private_key_file
        second = started(
            loop, "work", app_id=loop.settings.app_id, private_key_file=key, model_url="http://x/v1"
        )
        one_sentence(second, "already used by another `thumbprint work`")
        loop.wait(loop.settled)
        one_answer(loop)
