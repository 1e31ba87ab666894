"""Whatever is posted to the receiver, GitHub's examples or what nobody sends, gets one clear answer.

Posted in process to the application that `thumbprint serve` runs, with its database; a socket that connects
anywhere fails the test. `THUMBPRINT_MUTATIONS=100000` posts more than CI's 10,000.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from bot.events import read_act
from bot.lifecycle import EVENTS
from storage.database import Database
from storage.tables import installations, repositories
from tests.integration.mutation import REFUSALS, Mutation, corpus, mutations
from tests.integration.receiver_fixture import SECRET, post, settings
from tests.unit.webhooks.test_delivery import signed
from tests.unit.webhooks.test_route import examples
from webhooks.app import create_app
from webhooks.route import App, Ignored, route

SEEDS = (1, 2, 3, 4)
EACH = int(os.environ.get("THUMBPRINT_MUTATIONS", "10000")) // len(SEEDS)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    made = create_app(settings(tmp_path_factory.mktemp("receiver")))
    yield made
    made.state.queue.close()
    made.state.database.dispose()


@pytest.fixture(autouse=True)
def no_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*args: Any) -> None:
        raise AssertionError(f"the receiver connects to {args[1:]}")

    monkeypatch.setattr(socket.socket, "connect", connect)


def test_every_one_of_githubs_329_examples_gets_2xx(app: FastAPI) -> None:
    async def run() -> list[tuple[int, str, str]]:
        found = []
        for number, (event, payload) in enumerate(corpus()):
            body = json.dumps(payload).encode()
            headers = signed(body, SECRET, **{"x-github-event": event, "x-github-delivery": f"e{number}"})
            status, said = await post(app, headers, body)
            found.append((status, said["outcome"], said["reason"]))
        return found

    found = asyncio.run(run())
    assert len(found) == 329
    assert {status for status, _, _ in found} == {202}
    assert {said for said in found if said[1] != "ignored"} == {(202, "accepted", "standing")}


def test_the_examples_beside_the_checkout_are_among_them() -> None:
    known = {json.dumps(payload, sort_keys=True) for _, payload in corpus()}
    assert {json.dumps(one["payload"], sort_keys=True) for one in examples()} <= known


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_is_posted_has_one_clear_answer_and_what_is_accepted_is_kept(
    app: FastAPI, seed: int
) -> None:
    outcomes: Counter[str] = Counter()
    accepted: list[str] = []

    async def one(made: Mutation) -> None:
        status, said = await post(app, made.headers, made.body)
        assert status == 202 or status in REFUSALS, (made, status, said)
        assert said["outcome"] == "refused" if status != 202 else said["outcome"] != "refused"
        assert said["reason"] and said["reason"].isprintable()
        if status != 202:
            assert 10 < len(said["detail"]) < 120 and said["detail"].isprintable(), (made, said)
        outcomes[f"{said['outcome']} {said['reason']}"] += 1
        if said["outcome"] == "accepted":
            accepted.append(made.headers["x-github-delivery"])
        if said["reason"] == "standing":
            open_again(app.state.database)

    async def run() -> None:
        for made in islice(mutations(seed), EACH):
            await one(made)

    asyncio.run(run())
    kinds = {name.split()[0] for name in outcomes}
    assert {"accepted", "ignored", "refused"} <= kinds
    assert {f"accepted {job}" for job in ("answer", "edited", "deleted")} <= set(outcomes)
    assert {f"refused http_{status}" for status in (400, 401)} <= set(outcomes)
    assert len(accepted) > EACH / 20
    kept(app.state.database, accepted)


def open_again(database: Database) -> None:
    """What one delivery closed takes deliveries again, so that those after it are not all turned away."""
    with database.unit() as unit:
        unit.connection.execute(installations.delete())
        unit.connection.execute(repositories.update().values(removed_at=None, archived=False))
        unit.commit()


def kept(database: Database, accepted: list[str]) -> None:
    """Every accepted delivery is stored whole, and what the jobs read of it can be read."""
    with database.unit(read_only=True) as unit:
        for guid in accepted:
            delivery = unit.deliveries.get(guid)
            assert delivery is not None
            if delivery.event in EVENTS:  # what it says of the App's standing is rows; its words are not kept
                assert delivery.body == b"{}"
                continue
            job = route(delivery, App(slug="thumbprint", id="77"))
            assert not isinstance(job, Ignored)
            assert unit.repositories.get(job.repository.id) is not None
            if job.question is not None:
                question = unit.answers.question(job.question.answer_id)
                assert question is not None and "\x00" not in question.text
            elif delivery.event in ("issue_comment", "pull_request_review_comment"):
                act = read_act(delivery)
                assert act is None or act.repository_id == job.repository.id


def test_the_receiver_is_whole_after_all_of_it(app: FastAPI) -> None:
    database: Database = app.state.database
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2
    assert Path(database.name).exists()
