"""Several receivers on one PostgreSQL: what reaches two of them at once is one job."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from storage.database import Database
from tests.integration.receiver_fixture import SECRET, post, settings
from tests.unit.webhooks.test_delivery import signed
from tests.unit.webhooks.test_route import payload
from webhooks.app import create_app

pytestmark = pytest.mark.slow
RECEIVERS, QUESTIONS = 3, 40


@pytest.fixture
def receivers(url: str, tmp_path: Path) -> Iterator[list[FastAPI]]:
    made = [create_app(settings(tmp_path, database_url=url)) for _ in range(RECEIVERS)]
    yield made
    for app in made:
        app.state.queue.close()
        app.state.database.dispose()


@pytest.mark.parametrize("under", ["one delivery id", "a delivery id each"])
def test_what_reaches_several_receivers_at_once_is_one_job(
    receivers: list[FastAPI], url: str, under: str
) -> None:
    async def all_of(number: int) -> Counter[str]:
        content = payload(issue={"number": number})
        content["comment"]["id"] = number
        body = json.dumps(content).encode()
        guids = [f"g{number}" if under == "one delivery id" else f"g{number}-{at}" for at in range(RECEIVERS)]
        headers = [
            signed(body, SECRET, **{"x-github-event": "issue_comment", "x-github-delivery": guid})
            for guid in guids
        ]
        said = await asyncio.gather(
            *(post(app, head, body) for app, head in zip(receivers, headers, strict=True))
        )
        assert {status for status, _ in said} == {202}
        return Counter(answer["outcome"] for _, answer in said)

    async def run() -> list[Counter[str]]:
        return await asyncio.gather(*(all_of(number) for number in range(1, QUESTIONS + 1)))

    for outcomes in asyncio.run(run()):
        assert outcomes == {"accepted": 1, "duplicate": RECEIVERS - 1}
    database = Database(url)
    with database.unit(read_only=True) as unit:
        assert len(unit.jobs.open_of()) == QUESTIONS
    assert receivers[0].state.queue.unfinished() == {"ENQUEUED": QUESTIONS}
    database.dispose()
