"""The nights' pages: what became of each, why, and nothing for who may not look."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from bot.queue import migrate
from bot.settings import Settings
from storage.database import Database
from storage.records import RunStatus
from tests.unit.learning.training.test_night_report import START, gates, night, run
from webhooks.app import create_app

TOKEN = {"Authorization": "Bearer p4ges"}


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[TestClient]:
    url = f"sqlite:///{tmp_path}/one.db"
    settings = Settings(
        _env_file=None,
        home=tmp_path,
        database_url=url,
        app_id="7",
        private_key_file=tmp_path / "key.pem",
        webhook_secret="s3cret",
        pages_token="p4ges",
    )
    database = Database(url)
    migrate(database)
    folder = night(tmp_path / "night")
    gates(folder, passed=True)
    (folder / "gate").mkdir()
    (folder / "gate" / "gate.json").write_text(
        '{"checks": [{"name": "echo", "passed": false, "found": "<b>9 %</b>", "wanted": "5 %", "why": "w"}]}'
    )
    with database.unit() as unit:
        one = run(folder)
        unit.adapters.add_run(replace(one, status=RunStatus.RUNNING, ended_at=None))
        unit.adapters.end_run(one.id, RunStatus.KEPT, START + timedelta(hours=2), reason=one.reason)
        unit.commit()
    with TestClient(create_app(settings)) as client:
        yield client
    database.dispose()


def test_all_nights_are_listed_with_what_became_of_them(pages: TestClient) -> None:
    text = pages.get("/runs", headers=TOKEN).text
    assert "20261122-030000-shared" in text and "kept" in text and "1 of 2 checks failed (echo)" in text
    assert "2 h 0 min" in text


def test_a_night_has_a_page_with_its_checks_stages_and_curves(pages: TestClient) -> None:
    answer = pages.get("/runs/20261122-030000-shared", headers=TOKEN)
    assert "The night made an adapter that is not promoted" in answer.text
    assert "&lt;b&gt;9 %&lt;/b&gt;" in answer.text and "<b>9" not in answer.text
    assert "Whether the reward model may train" in answer.text
    assert '<span class="tag frozen">not judged</span>' in answer.text
    assert '<span class="tag on">passed</span>' in answer.text
    assert '<polyline class="line"' in answer.text
    assert "script" not in answer.headers["Content-Security-Policy"]


def test_the_report_is_there_as_markdown(pages: TestClient) -> None:
    answer = pages.get("/runs/20261122-030000-shared/report.md", headers=TOKEN)
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.text.startswith("# The night made an adapter")


def test_nobody_looks_without_the_token_and_an_unknown_night_is_not_there(pages: TestClient) -> None:
    for path in ("/runs", "/runs/20261122-030000-shared", "/runs/20261122-030000-shared/report.md"):
        assert pages.get(path).status_code == 401
    assert pages.get("/runs/other", headers=TOKEN).status_code == 404
