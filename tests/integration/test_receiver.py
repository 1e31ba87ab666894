"""The receiver over HTTP: every bad input has one clear outcome, and 202 means that it is durable."""

from __future__ import annotations

import asyncio
import json
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import pytest
from pydantic import SecretStr

from bot.hosts import Host
from bot.queue import Queue
from storage.errors import ConfigurationError, DatabaseError
from storage.records import AnswerStatus, PostKind, Repository
from storage.redaction import CUT
from tests.clock import works_within
from tests.integration.receiver_fixture import SECRET, Receiver, receiver, running, settings
from tests.unit.storage import things
from tests.unit.storage.test_adapters import adapter, promotion
from tests.unit.webhooks.test_delivery import signed
from tests.unit.webhooks.test_route import edited, examples, ours, payload
from webhooks import receiver as receivers
from webhooks.app import create_app
from webhooks.bodies import MOST_BYTES, MOST_BYTES_ANSWERED

__all__ = ["receiver"]


def jobs(receiver: Receiver, queue: str = "waiting") -> list[tuple[Any, ...]]:
    """What DBOS holds: id, partition, arguments; in the order in which it would run."""
    query = (
        "SELECT w.workflow_uuid, w.queue_partition_key, i.inputs FROM workflow_status w"
        " JOIN workflow_input i ON i.workflow_uuid = w.workflow_uuid"
        " LEFT JOIN jobs j ON j.id = w.workflow_uuid WHERE w.queue_name = ? ORDER BY j.place"
    )
    with receiver.database.engine.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query, (queue,))]


def test_a_question_is_durable_before_it_is_acknowledged(receiver: Receiver) -> None:
    response = receiver.deliver(payload())
    assert (response.status_code, response.json()["outcome"]) == (202, "accepted")
    with receiver.database.unit(read_only=True) as unit:
        kept = unit.deliveries.get("g1")
        assert kept is not None
        assert json.loads(kept.body) == payload()
        repository = unit.repositories.get(1)
        assert repository is not None
        assert repository.full_name == "octo/inkwell"
    [(name, thread, arguments)] = jobs(receiver)
    assert (name, thread) == ("answer/1/issue_comment/4", "1/3")
    guid, answer_id = json.loads(arguments)["positionalArgs"]
    with receiver.database.unit(read_only=True) as unit:
        question = unit.answers.question(answer_id)
        assert guid == "g1"
        assert question is not None
        assert (question.text, question.post_kind) == ("How?", PostKind.COMMENT)
    [(name, thread, arguments)] = jobs(receiver, "eyes")
    assert (name, thread) == ("eyes/answer/1/issue_comment/4", "2")
    assert json.loads(arguments)["positionalArgs"] == [answer_id]


def test_no_text_of_a_thread_enters_the_queues_own_tables(receiver: Receiver) -> None:
    content = payload()
    content["comment"]["body"] = "/ask a very particular wording"
    receiver.deliver(content)
    receiver.deliver(edited(ours(body="a very particular wording")), guid="g2")
    assert len(jobs(receiver)) == 2
    with receiver.database.engine.connect() as connection:
        tables = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars()
        text = {
            name: str(connection.exec_driver_sql(f'SELECT * FROM "{name}"').fetchall()) for name in tables
        }
    assert {name for name, rows in text.items() if "very particular" in rows} == {"deliveries", "questions"}


def test_a_redelivery_does_nothing(receiver: Receiver) -> None:
    receiver.deliver(payload())
    again = receiver.deliver(payload())
    assert (again.status_code, again.json()["outcome"]) == (202, "duplicate")
    assert len(jobs(receiver)) == len(jobs(receiver, "eyes")) == 1


def test_the_same_meaning_under_another_guid_does_nothing(receiver: Receiver) -> None:
    for content in (payload(), edited(ours())):
        for guid in ("a", "b"):
            receiver.deliver(content, guid=f"{guid}-{content['action']}")
    assert [name.split("/")[0] for name, *_ in jobs(receiver)] == ["answer", "edit"]
    with receiver.database.unit(read_only=True) as unit:
        assert [one.guid for one in unit.deliveries.recent(9)] == ["a-edited", "a-created"]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (AnswerStatus.POSTED, ("ignored", "moved")),
        (AnswerStatus.DELETED, ("ignored", "moved")),
        (AnswerStatus.PENDING, ("accepted", "answer")),
        (None, ("accepted", "answer")),
    ],
)
def test_an_issue_that_was_moved_here_is_answered_where_it_was_not_before(
    receiver: Receiver, status: AnswerStatus | None, outcome: tuple[str, str]
) -> None:
    """GitHub says that it was opened here; its comments, our answer too, come along."""
    before = things.question(repository_id=9, number=1)
    with receiver.database.unit() as unit:
        unit.repositories.upsert(Repository(id=9, full_name="octo/paper", installation_id=2))
        if status is not None:
            unit.answers.ask(before)
            made = things.posted(before) if status is AnswerStatus.POSTED else things.answer(before)
            unit.answers.save(replace(made, status=status))
        unit.commit()
    issue = {
        "number": 4,
        "id": 777,
        "body": "/ask How?",
        "user": {"id": 7, "login": "mona", "type": "User"},
        "created_at": "2026-01-01T00:00:00Z",
    }
    came = {"old_issue": {"id": 70, "number": 1}, "old_repository": {"id": 9, "full_name": "octo/paper"}}
    response = receiver.deliver(payload(action="opened", issue=issue, changes=came), event="issues")
    assert (response.json()["outcome"], response.json().get("reason")) == outcome


def test_jobs_of_a_thread_keep_the_order_of_their_deliveries(receiver: Receiver) -> None:
    for number in range(12):
        content = payload()
        content["comment"]["id"] = 100 - number
        receiver.deliver(content, guid=f"g{number}")
    assert [name.rsplit("/", 1)[1] for name, *_ in jobs(receiver)] == [str(100 - n) for n in range(12)]


def test_every_one_of_githubs_examples_gets_2xx(receiver: Receiver) -> None:
    found = [receiver.deliver(one["payload"], one["event"], guid=f"g{n}") for n, one in enumerate(examples())]
    assert {response.status_code for response in found} == {202}


@pytest.mark.parametrize(
    ("content", "event", "status"),
    [
        (b"{", "issue_comment", 400),
        (b"[]", "issue_comment", 400),
        ({"zen": "Keep it logically awesome."}, "ping", 202),
        ({}, "an_event_of_tomorrow", 202),
        ({}, "issue_comment", 202),
    ],
)
def test_odd_bodies_have_one_outcome(receiver: Receiver, content: Any, event: str, status: int) -> None:
    assert receiver.deliver(content, event).status_code == status
    assert jobs(receiver) == jobs(receiver, "eyes") == []


def test_a_wrong_secret_is_unauthorised(receiver: Receiver) -> None:
    assert receiver.deliver(payload(), secret="another").status_code == 401
    unsigned = receiver.client.post(f"{receiver.url}/webhooks/github", json=payload())
    assert unsigned.status_code == 401
    assert "X-Hub-Signature-256" in unsigned.json()["detail"]
    assert jobs(receiver) == []


def test_a_body_over_the_cap_is_refused_by_its_length(receiver: Receiver) -> None:
    assert (MOST_BYTES, MOST_BYTES_ANSWERED) == (25 * 2**20, 2 * 2**20)
    body = b" " * (MOST_BYTES_ANSWERED + 1)
    assert receiver.deliver(body).status_code == 413
    assert receiver.deliver(b"{}" + b" " * MOST_BYTES_ANSWERED, event="push").status_code == 202
    assert receiver.deliver(b" " * (MOST_BYTES + 1), event="push").status_code == 413


def test_a_body_over_the_cap_is_refused_while_it_streams(receiver: Receiver) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 100_000

    headers = signed(b"{}", **{"x-github-event": "issue_comment"})
    response = receiver.client.post(f"{receiver.url}/webhooks/github", content=endless(), headers=headers)
    assert response.status_code == 413


@pytest.mark.parametrize("signature", [None, "", "sha1=" + "0" * 40, "sha256=" + "0" * 63, "é"])
def test_of_what_is_not_signed_no_body_is_read(receiver: Receiver, signature: str | None) -> None:
    headers = [(b"content-length", str(MOST_BYTES + 1).encode()), (b"x-github-event", b"issue_comment")]
    if signature is not None:
        headers.append((b"x-hub-signature-256", signature.encode("latin-1")))
    told: list[Any] = []

    async def receive() -> Any:
        raise AssertionError("the body was asked for")

    async def send(message: Any) -> None:
        told.append(message)

    scope = {"type": "http", "method": "POST", "path": "/webhooks/github", "headers": headers}
    asyncio.run(receiver.app(scope, receive, send))
    assert told[0]["status"] == 401 and b"X-Hub-Signature-256" in told[1]["body"]


def test_a_sender_who_is_slower_than_githubs_deadline_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Host, "delivery_deadline_s", 0.5)
    headers = signed(b"{}", **{"x-github-event": "push", "content-length": "100000"})
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with running(create_app(settings(tmp_path))) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        for begins in (b"", b"x"):
            with socket.create_connection((host, int(port)), timeout=10) as sender:
                sender.sendall(f"POST /webhooks/github HTTP/1.1\r\nhost: {host}\r\n{lines}\r\n".encode())
                began, said = time.monotonic(), b""
                while time.monotonic() - began < 0.4:
                    sender.sendall(begins)
                    time.sleep(0.1)
                while more := sender.recv(4096):
                    said += more
            assert said.startswith(b"HTTP/1.1 408") and b"within 0.5 seconds" in said
            assert time.monotonic() - began < 5


def test_a_question_of_sixty_thousand_characters_is_accepted(receiver: Receiver) -> None:
    content = payload()
    content["comment"]["body"] = "/ask " + "なぜ? " * 15_000
    assert receiver.deliver(content).json()["outcome"] == "accepted"


def test_what_no_database_can_hold_is_accepted_too(receiver: Receiver) -> None:
    content = payload()
    content["comment"]["body"] = "/ask half \ud800 and nul \x00?"
    assert receiver.deliver(content).json()["outcome"] == "accepted"


def test_a_locked_database_is_never_a_false_202(receiver: Receiver) -> None:
    with receiver.database.engine.connect() as other:
        other.exec_driver_sql("BEGIN IMMEDIATE")
        assert receiver.client.get(f"{receiver.url}/readyz").status_code == 503
        response = receiver.deliver(payload())
        other.rollback()
        other.connection.rollback()
    assert response.status_code == 503
    assert "locked" in response.json()["detail"]
    assert jobs(receiver) == []
    assert receiver.deliver(payload()).json()["outcome"] == "accepted"


def test_a_full_disk_is_never_a_false_202_nor_ready(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiver.database.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    receiver.database.engine.dispose()  # every connection from now on is made under the limit
    from sqlalchemy import event

    @event.listens_for(receiver.database.engine, "connect")
    def limit(connection: Any, record: Any) -> None:
        connection.execute(f"PRAGMA max_page_count={pages}")

    content = payload()
    content["comment"]["body"] = "/ask " + "long " * 10_000
    response = receiver.deliver(content)
    assert response.status_code == 503
    assert "is full" in response.json()["detail"]
    assert jobs(receiver) == []
    ready = receiver.client.get(f"{receiver.url}/readyz")
    assert (ready.status_code, ready.json()["reason"]) == (503, "DatabaseFull")
    monkeypatch.setattr("webhooks.receiver.FULL_S", 0.0)
    assert receiver.client.get(f"{receiver.url}/readyz").status_code == 200, "a small write finds room still"


def test_readiness_tells_of_the_database_the_queue_and_the_worker(receiver: Receiver) -> None:
    receiver.deliver(payload())
    ready = receiver.client.get(f"{receiver.url}/readyz")
    assert ready.status_code == 200
    assert ready.json() == {"ready": True, "jobs": {"ENQUEUED": 1}, "worker_seen_s_ago": None}
    receiver.database.beat("work")
    assert receiver.client.get(f"{receiver.url}/readyz").json()["worker_seen_s_ago"] < 5


def test_a_crowd_that_asks_for_readiness_has_the_database_written_to_a_few_times(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is open to everybody: each look is a write, and takes a thread that deliveries need."""
    database = receiver.app.state.database
    beat, beats, at_once = database.beat, list[str](), list[int]()

    def slowly(role: str) -> None:
        beats.append(role)
        at_once.append(1)
        time.sleep(0.3)
        beat(role)
        at_once.pop()
        assert not at_once

    monkeypatch.setattr(database, "beat", slowly)

    def ready(number: int) -> int:
        return httpx.get(f"{receiver.url}/readyz", trust_env=False, timeout=60).status_code

    with ThreadPoolExecutor(30) as pool:
        assert set(pool.map(ready, range(30))) == {200}
    assert 1 <= len(beats) < 10


def test_readiness_names_an_adapter_that_is_to_answer_and_that_the_model_server_refuses(
    receiver: Receiver,
) -> None:
    with receiver.database.unit() as unit:
        for letter in "ac":
            unit.adapters.add(adapter(letter, fault="It is damaged."))
        unit.adapters.promote(promotion("a"))
        unit.commit()
    ready = receiver.client.get(f"{receiver.url}/readyz")
    assert ready.status_code == 200, "its former answers on"
    assert ready.json()["adapters_refused"] == ["a" * 64]


def test_metrics_count_deliveries_by_outcome_for_who_has_the_token(tmp_path: Path) -> None:
    app = create_app(settings(tmp_path, pages_token=SecretStr("t0ken")))
    with running(app) as url, httpx.Client(timeout=30, trust_env=False) as client:
        receiver = Receiver(url, app, client)
        receiver.deliver(payload())
        receiver.deliver(payload())
        receiver.deliver(payload(), secret="another")
        assert client.get(f"{url}/metrics").status_code == 401
        assert client.get(f"{url}/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 401
        found = client.get(f"{url}/metrics", headers={"Authorization": "Bearer t0ken"})
    assert found.status_code == 200
    for line in (
        'thumbprint_deliveries_total{outcome="accepted",reason="answer"} 1.0',
        'thumbprint_deliveries_total{outcome="duplicate",reason="answer"} 1.0',
        'thumbprint_deliveries_total{outcome="refused",reason="http_401"} 1.0',
        'thumbprint_ack_seconds_bucket{le="+Inf"} 3.0',
        "thumbprint_ack_seconds_count 3.0",
        "thumbprint_database_up 1.0",
    ):
        assert line in found.text.splitlines()


def test_without_a_secret_there_is_no_receiver(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="THUMBPRINT_WEBHOOK_SECRET"):
        create_app(settings(tmp_path, webhook_secret=SecretStr("")))
    with pytest.raises(ConfigurationError):
        create_app(settings(tmp_path, webhook_secret=SecretStr(""), webhook_secret_old=SecretStr("old")))


def test_no_model_and_no_client_of_github_is_loaded_in_the_receivers_process(tmp_path: Path) -> None:
    script = f"""
import sys
from pathlib import Path
from pydantic import SecretStr
from bot.settings import Settings
from webhooks.app import create_app
create_app(Settings(_env_file=None, home=Path({str(tmp_path)!r}), webhook_secret=SecretStr("s")))
heavy = {{"torch", "transformers", "sentence_transformers", "peft", "trl", "numpy", "githubkit", "openai"}}
print(sorted((heavy | {{"bot.github", "bot.github_calls", "bot.models"}}) & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_two_secrets_hold_side_by_side_until_the_rotation_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    rotating = {"webhook_secret_old": SecretStr("old"), "webhook_secret_old_until": until}
    with pytest.raises(ConfigurationError, match="WEBHOOK_SECRET_OLD_UNTIL"):
        create_app(settings(tmp_path, webhook_secret_old=SecretStr("old")))
    app = create_app(settings(tmp_path, **rotating))
    with running(app) as url, httpx.Client(timeout=30, trust_env=False) as client:
        receiver = Receiver(url, app, client)
        assert receiver.deliver(payload(), guid="a", secret="old").status_code == 202
        assert receiver.deliver(payload(), guid="b").status_code == 202
        later = mock.Mock(wraps=datetime, now=lambda zone: until.astimezone(zone))
        monkeypatch.setattr("webhooks.receiver.datetime", later)
        assert receiver.deliver(payload(), guid="c", secret="old").status_code == 401
        assert receiver.deliver(payload(), guid="d").status_code == 202
    caplog.clear()
    over = {**rotating, "webhook_secret_old_until": until - timedelta(days=9)}
    monkeypatch.undo()
    create_app(settings(tmp_path / "later", **over)).state.database.dispose()
    assert caplog.text.count("accepted no more") == 1


def test_a_receiver_of_a_github_app_says_at_start_that_its_pages_want_a_token(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for changes, said, status in (({}, 1, 403), ({"pages_token": SecretStr("t0ken")}, 0, 401)):
        caplog.clear()
        app = create_app(settings(tmp_path, **changes))
        assert caplog.text.count("closed until THUMBPRINT_PAGES_TOKEN is set") == said
        with running(app) as url:
            assert httpx.get(f"{url}/memory", trust_env=False).status_code == status


def test_a_second_receiver_on_one_file_does_not_start(receiver: Receiver, tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="already used by another `thumbprint serve`"):
        create_app(settings(tmp_path))
    assert receiver.deliver(payload()).json()["outcome"] == "accepted"


def test_a_receiver_that_stopped_leaves_a_whole_database(receiver: Receiver, tmp_path: Path) -> None:
    receiver.deliver(payload())
    with sqlite3.connect(tmp_path / "thumbprint.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_deliveries_side_by_side_are_all_kept(receiver: Receiver) -> None:
    def one(number: int) -> int:
        content = payload()
        content["comment"]["id"] = number + 1
        with httpx.Client(trust_env=False, timeout=30) as client:
            mine = Receiver(receiver.url, receiver.app, client)
            return mine.deliver(content, guid=f"g{number}").status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(one, range(40))) == {202}
    assert len(jobs(receiver)) == 40


def test_a_secret_in_a_question_is_cut_out_before_anything_is_kept(receiver: Receiver) -> None:
    secret = f"ghp_{'a1' * 18}"
    told = payload()
    told["comment"]["body"] = f"/ask How, with {secret}?"
    told["issue"]["title"] = f"It refuses {secret}"
    assert receiver.deliver(told).status_code == 202
    with receiver.database.unit(read_only=True) as unit:
        (delivery,) = unit.deliveries.recent(9)
        (question,) = unit.answers.questions_in(told["repository"]["id"], told["issue"]["number"])
    assert question.text == f"How, with {CUT}?"
    kept = json.loads(delivery.body)
    assert kept["comment"]["body"] == f"/ask How, with {CUT}?"
    assert kept["issue"]["title"] == f"It refuses {CUT}"
    assert kept["comment"]["user"] == told["comment"]["user"]
    assert receiver.deliver(told, guid="g2").json()["outcome"] == "duplicate"


def test_a_delivery_without_a_secret_is_kept_byte_for_byte(receiver: Receiver) -> None:
    sent = json.dumps(payload(), indent=3).encode()
    assert receiver.deliver(sent).status_code == 202
    with receiver.database.unit(read_only=True) as unit:
        assert [one.body for one in unit.deliveries.recent(9)] == [sent]


@pytest.mark.parametrize(
    ("begins", "outcome", "reason"), [("/ask", "accepted", "answer"), ("@somebody", "ignored", "no_question")]
)
def test_markdown_that_takes_long_is_not_read_in_the_event_loop(
    receiver: Receiver, tmp_path: Path, begins: str, outcome: str, reason: str
) -> None:
    told = payload()
    told["comment"]["body"] = f"{begins}\n" + "#\n" * 15_000
    body = json.dumps(told).encode()
    mine = receivers.Receiver(settings(tmp_path), receiver.database, Queue(receiver.database))
    headers = signed(body, SECRET, **{"x-github-event": "issue_comment"})
    with works_within(0.05):
        found = mine.examine(headers, body)
    assert not isinstance(found, receivers.Outcome), "whoever keeps it reads it"
    said = receiver.deliver(body)
    assert said.json() == {"outcome": outcome, "reason": reason}
