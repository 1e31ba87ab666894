"""Forty kinds of secrets, sent through a whole run: none in its logs, its database, or what it answers.

Servers say them: the model's refusals and GitHub's hold one each, and so do headers and bodies of requests to
the receiver. People write them into titles, issues, comments, questions, replies, and into an answer of ours,
and a model answers with them. Then every byte of the SQLite files is read, the log of uncommitted pages among
them, or every value of every table on PostgreSQL, DBOS's too; and all that the model was asked. What people
wrote stands on GitHub as they wrote it, also in the comment of ours that we wrote in since.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from bot import poll
from bot.access import Access
from bot.compose import LEFT_OUT
from bot.context import Context
from bot.drills.scripted import scripted_model
from bot.github import GitHub
from bot.github_access import Pool
from bot.models import Models
from bot.ports import free_port
from bot.settings import Settings
from storage.database import Database
from storage.redaction import CUT
from tests.integration.answered import working
from tests.integration.playground_fixture import Playground, playground_at
from tests.unit.storage.test_redaction import PLANTED, bare, lines
from webhooks.app import create_app
from webhooks.drills.world import served, wait_until
from webhooks.playground import people
from webhooks.receiver import PATH

__all__ = ["lines"]

pytestmark = pytest.mark.slow
ASKER = people.SECOND_MAINTAINER
MAINTAINER, SECOND = people.MAINTAINER, people.CONTRIBUTOR
NUMBER = re.compile(r"part (\d+) of")
ROOM = 180
"""Characters of a model server's sentence that ours repeats, our own words taken off."""


def groups() -> list[str]:
    """The secrets, as many together as one sentence holds whole: few jobs say all of them."""
    made: list[str] = []
    for secret in sorted(PLANTED.values(), key=len):
        if made and len(made[-1]) + len(secret) + 5 <= ROOM:
            made[-1] += f" and {secret}"
        else:
            made.append(secret)
    return made


GROUPS = groups()
PIECES = {kind: bare(secret) for kind, secret in PLANTED.items()}


def shown(said: str | bytes) -> list[str]:
    """The kinds of secrets that stand in a text, as they are or as JSON writes them."""
    text = said.encode() if isinstance(said, str) else said
    return [kind for kind, pieces in PIECES.items() if any(one.encode() in text for one in pieces)]


class Saying(httpx.BaseTransport):
    """GitHub, but that it refuses comments, and says a secret with each refusal. Keeps what was sent."""

    def __init__(self, through: httpx.BaseTransport) -> None:
        self._through, self.sent, self.refused = through, list[bytes](), 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send it on, or refuse it."""
        if request.method == "POST" and request.url.path.endswith("/comments"):
            self.sent.append(request.read())
            secret = GROUPS[self.refused % len(GROUPS)]
            self.refused += 1
            error = {"resource": "IssueComment", "code": "custom", "message": secret}
            said = {"message": f"Validation Failed: {secret}", "errors": [error]}
            return httpx.Response(422, json=said)
        return self._through.handle_request(request)


@contextmanager
def refusing_model() -> Iterator[str]:
    """A model server that refuses each question with the secret of its number; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
            found = NUMBER.search(asked)
            secret = GROUPS[int(found[1])] if found else "nothing"
            body = json.dumps({"error": {"message": f"cannot use {secret}", "type": "x"}}).encode()
            self.send_response(403)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    server.shutdown()
    server.server_close()
    thread.join(5)


@dataclass(kw_only=True)
class Run:
    """A receiver and a worker on a playground."""

    playground: Playground
    settings: Settings
    context: Context

    def ended(self, kind: str, count: int) -> bool:
        """Whether so many jobs of a kind were begun, and none is under way or waits for its turn."""
        table = "workflow_status" if self.context.database.is_sqlite else "dbos.workflow_status"
        with self.context.database.engine.connect() as connection:
            rows = connection.exec_driver_sql(f"SELECT workflow_uuid, status FROM {table}").fetchall()
        begun = sum(name.startswith(f"{kind}/") for name, _ in rows)
        return begun >= count and not any(status in ("ENQUEUED", "PENDING") for _, status in rows)

    def count(self, table: str) -> int:
        """How many rows a table has."""
        with self.context.database.engine.connect() as connection:
            return connection.execute(sa.select(sa.func.count()).select_from(sa.table(table))).scalar_one()

    def values(self) -> Iterator[tuple[str, str | bytes]]:
        """Every value of every table of the database, with its table and column."""
        engine = self.context.database.engine
        looked = sa.inspect(engine)
        schemas = [None] if self.context.database.is_sqlite else ["public", "dbos"]
        with engine.connect() as connection:
            for schema in schemas:
                for table in looked.get_table_names(schema=schema):
                    names = [one["name"] for one in looked.get_columns(table, schema=schema)]
                    made = sa.select(*(sa.literal_column(f'"{one}"') for one in names))
                    for row in connection.execute(made.select_from(sa.table(table, schema=schema))):
                        for name, value in zip(names, row, strict=True):
                            kept = bytes(value) if isinstance(value, bytes | memoryview) else str(value)
                            yield f"{table}.{name}", kept

    def files(self) -> Iterator[tuple[str, bytes]]:
        """The database's files as bytes, where it is a file."""
        for file in self.settings.home.glob("*.db*"):
            yield file.name, file.read_bytes()


@contextmanager
def running(home: Path, database_url: str, model_url: str, *, refusing: bool) -> Iterator[tuple[Run, Saying]]:
    port = free_port()
    with playground_at(home / "playground", f"http://127.0.0.1:{port}") as there:
        settings = Settings(
            _env_file=None,
            home=home / "bot",
            database_url=database_url,
            model_url=model_url,
            candidates=1,
            use_bias=False,
            **there.settings(),
        )
        settings.home.mkdir()
        database = Database(settings.resolved_database_url, busy_timeout_s=30.0)
        saying = Saying(Pool())
        github = GitHub(settings, saying if refusing else Pool(), access=Access(database))
        context = Context(settings=settings, database=database, github=github, models=Models(settings))
        with served(create_app(settings), port), working(context):
            yield Run(playground=there, settings=settings, context=context), saying
        github.close()
        context.queue.close()
        database.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue("url")) if request.param == "postgresql" else ""


def test_what_servers_say_of_secrets_is_kept_nowhere_and_told_nobody(
    tmp_path: Path, lines: io.StringIO, database_url: str
) -> None:
    with (
        refusing_model() as model_url,
        running(tmp_path, database_url, model_url, refusing=True) as (run, saying),
    ):
        for number in range(len(GROUPS)):
            issue = run.playground.open_issue(ASKER, f"Thread {number}")
            run.playground.say(ASKER, issue.number, f"/ask How do I run part {number} of it?")
        answers = [post(run, secret) for secret in GROUPS]
        wait_until(lambda: run.ended("answer", len(GROUPS)), 300, "the jobs did not end")
        found = {name: kinds for name, value in run.values() if (kinds := shown(value))}
        files = {name: kinds for name, value in run.files() if (kinds := shown(value))}
        read = dict(run.files())
    assert saying.refused >= len(GROUPS), "GitHub was never made to say its secrets"
    assert found == files == {}
    assert database_url or {Path(name).suffix for name in read} >= {".db", ".db-wal"}
    assert shown(b"".join([*saying.sent, *answers])) == []
    assert lines.getvalue().count("[secret]") >= len(PLANTED) and shown(lines.getvalue()) == []


def post(run: Run, secret: str) -> bytes:
    """What the receiver answers to requests with a secret in each place that it reads."""
    secret, url = " ".join(secret.split()), f"{run.playground.app_url}{PATH}"
    body = json.dumps({"action": secret, "installation": secret}).encode()
    key = run.playground.credentials.webhook_secret.encode()
    said = b""
    for sent, changed in (
        (body, {"x-hub-signature-256": secret}),
        (body, {"x-github-event": secret}),
        (body, {"x-github-delivery": secret}),
        (body, {"x-github-event": "issue_comment"}),
        (secret.encode(), {"x-github-event": "issue_comment"}),
    ):
        signature = f"sha256={hmac.new(key, sent, hashlib.sha256).hexdigest()}"
        headers = {"x-hub-signature-256": signature, "x-github-event": "push", "x-github-delivery": "g1"}
        answer = httpx.post(url, content=sent, headers=headers | changed, trust_env=False, timeout=30)
        assert 200 <= answer.status_code < 500
        said += answer.content
    return said


def test_what_people_and_models_write_reaches_database_models_and_logs_without_its_secrets(
    tmp_path: Path, lines: io.StringIO, database_url: str
) -> None:
    secrets = list(PLANTED.values())
    parts = ["\n\n".join(secrets[start : start + 10]) for start in range(0, len(secrets), 10)]
    asked: list[str] = []

    def write(request: dict[str, Any]) -> str:
        asked.append(json.dumps(request))
        some = list(PLANTED.items())[len(asked) % len(parts) :: len(parts)]
        return f"{SET}\n\n" + "\n\n".join(f"{kind}\n`{secret}`" for kind, secret in some)

    with (
        scripted_model() as model,
        running(tmp_path, database_url, model.url, refusing=False) as (run, _),
    ):
        model.write = write
        issues = [_thread(run, number, text) for number, text in enumerate(parts)]
        wait_until(lambda: run.ended("answer", len(parts)), 300, "the jobs did not end")
        answers = [run.playground.wait_for_answer(number) for number in issues]
        said = [one.body for one in answers]
        for number, answer, text in zip(issues, answers, parts, strict=True):
            body = answer.body.replace(SET, "Set all of them by `make keys`:")
            run.playground.edit(MAINTAINER, answer, f"Not quite: {text}\n\n{body}")
            run.playground.say(MAINTAINER, number, f"No, use `{PLANTED['github p']}` instead of `make`.")
        wait_until(lambda: run.ended("edit", len(parts)), 300, "the edits were not heard")
        wait_until(lambda: run.ended("reply", len(parts)), 300, "the replies were not heard")
        edits = run.count("feedback")
        poll.poll(run.context, everything=True)
        stands = [run.playground.answers(number)[0].body for number in issues]
        run.playground.delete(MAINTAINER, run.playground.answers(issues[-1])[0])
        wait_until(lambda: run.ended("deleted", 1), 300, "the deletion was not heard")
        found = {name: kinds for name, value in run.values() if (kinds := shown(value))}
        files = {name: kinds for name, value in run.files() if (kinds := shown(value))}
        cut = {name for name, value in run.values() if CUT in str(value)}
        assert edits == len(parts) and run.count("feedback") == edits + 1, "an edit was learned twice"
    assert found == files == {}
    assert cut >= CUT_IN
    assert asked and shown("".join(asked)) == [] and any(CUT in one for one in asked)
    assert shown("".join(said)) == [] and all(LEFT_OUT in one for one in said)
    for text, body in zip(parts, stands, strict=True):
        assert "Learned from" in body and f"Not quite: {text}\n\n" in body, "what people wrote was changed"
    assert "answer_posted" in lines.getvalue() and shown(lines.getvalue()) == []


def _thread(run: Run, number: int, text: str) -> int:
    """An issue with secrets in each place, asked about; its number."""
    title = f"What is {PLANTED['github p']}, {number}?"
    issue = run.playground.open_issue(SECOND, title, f"It fails with this:\n\n{text}")
    run.playground.say(SECOND, issue.number, f"Here is more:\n\n{text}")
    run.playground.say(ASKER, issue.number, f"/ask What is this?\n\n{text}")
    return issue.number


SET = "Set all of them by hand, like this:"
CUT_IN = {
    "answers.body",
    "answers.text",
    "candidates.text",
    "deliveries.body",
    "feedback.after",
    "prompts.messages",
    "questions.text",
}
"""Columns that keep what people wrote, and what a model was shown and made of it."""
