"""How far back the sweep asks is what the GitHub in question keeps: an Enterprise Server for longer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from bot.context import Context
from bot.github import GitHub
from bot.models import Models
from bot.queue import Queue
from bot.settings import Settings
from bot.sweeping import OUTAGE, SWEPT, sweep
from storage.database import Database
from tests.contract.judging import Judged, judge
from tests.unit.bot.test_github import key_file

__all__ = ["judge", "key_file"]

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def attempt(number: int, at: datetime, code: int) -> dict[str, object]:
    return {
        "id": number,
        "guid": f"guid-{number}",
        "delivered_at": at.isoformat(),
        "event": "issue_comment",
        "action": "created",
        "status_code": code,
    }


@pytest.mark.parametrize(
    ("github_url", "again"), [("https://api.github.com", []), ("https://ghe.example", ["7"])]
)
def test_what_failed_five_days_ago_is_sent_again_by_an_enterprise_server_and_else_what_was_written_is_read(
    tmp_path: Path, key_file: Path, github_url: str, again: list[str]
) -> None:
    asked: list[str] = []

    def github(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/attempts"):
            asked.append(request.url.path.split("/")[-2])
            return httpx.Response(202, json={})
        listed = [attempt(9, NOW - timedelta(seconds=9), 200), attempt(7, NOW - timedelta(days=5), 502)]
        return httpx.Response(200, json=listed)

    settings = Settings(
        _env_file=None, home=tmp_path, app_id="77", private_key_file=key_file, github_url=github_url
    )
    database = Database(settings.resolved_database_url)
    Queue(database).migrate()
    with database.unit() as unit:
        unit.progress.set_mark(SWEPT, NOW - timedelta(days=6))
        unit.commit()
    hub = GitHub(settings, Judged(github))
    sweep(Context(settings=settings, database=database, github=hub, models=Models(settings)), NOW)
    with database.unit(read_only=True) as unit:
        outage = unit.progress.mark(OUTAGE)
    hub.close()
    database.dispose()
    assert asked == again
    assert (outage is None) is bool(again), "what is beyond is read: bot/catching_up.py"
