"""The drafts' page: what waits, who may decide, and that what a form says is what is decided.

What a decision leads to: `tests/integration/test_drafts.py`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient

from bot import drafts
from bot.reply import Marker, Why, render_body
from storage.database import Database
from storage.records import Answer, AnswerStatus, Decision, Draft
from tests.unit.storage.things import answer, question
from tests.unit.webhooks.test_pages import EVIL, REMOTE, browser, database, page
from tests.unit.webhooks.test_pages import form_of as guarded

__all__ = ["database", "page"]

TEXT = f"Run `make check`.\n\nIt takes a minute. {EVIL}"
ASKED = question(post_id=4711, text=f"How do I run the tests? {EVIL}")


@pytest.fixture
def held(database: Database) -> Answer:
    made = answer(
        ASKED,
        text=TEXT,
        body=render_body(TEXT, Why(marker=Marker(answer_id=ASKED.answer_id))),
        candidate_id=None,
        repairs=(),
        phrase_ids=(),
    )
    with database.unit() as unit:
        unit.answers.save(drafts.hold(unit, made, datetime.now(UTC) - timedelta(hours=3), 7))
        unit.commit()
    return made


def form_of(html: str, **fields: str) -> dict[str, str]:
    """What the browser sends of the first draft's form."""
    found = re.search(r'name="version" value="([^"]+)"', html)
    assert found is not None
    return guarded(html, version=found[1], **fields)


def draft(database: Database, held: Answer) -> Draft:
    with database.unit(read_only=True) as unit:
        found = unit.drafts.get(held.id)
    assert found is not None
    return found


def status(database: Database, held: Answer) -> AnswerStatus:
    with database.unit(read_only=True) as unit:
        found = unit.answers.get(held.id)
    assert found is not None
    return found.status


def test_it_shows_what_waits_its_question_and_since_when(page: TestClient, held: Answer) -> None:
    html = page.get("/drafts").text
    assert "<h1>1 draft</h1>" in html and "3 h ago" in html and "6 d left" in html
    area = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", html, re.DOTALL)
    assert area and area[1].replace("&lt;", "<").replace("&gt;", ">") == TEXT
    assert EVIL not in html and "https://github.com/octo/inkwell/issues/" in html
    assert "1 draft waits for approval" in page.get("/memory").text
    assert "a draft, waits for approval" in page.get(f"/answers/{held.id}").text


def test_without_a_draft_it_says_how_there_come_to_be_some(page: TestClient) -> None:
    assert "draft: true" in page.get("/drafts").text


def test_approving_enqueues_the_post_in_the_same_transaction(
    page: TestClient, held: Answer, database: Database
) -> None:
    form = form_of(page.get("/drafts").text, text=TEXT.replace("\n", "\r\n"))
    answered = page.post(f"/drafts/{held.id}/approve", data=form)
    assert (answered.status_code, answered.headers["location"]) == (303, "/drafts")
    assert draft(database, held).decision is Decision.APPROVED and not draft(database, held).edited
    assert status(database, held) is AnswerStatus.PENDING
    with database.unit(read_only=True) as unit:
        (job,) = unit.jobs.recent(9, ended=False)
    assert (job.name, job.thread_key) == ("post", ASKED.thread_key)
    assert "<h1>0 drafts</h1>" in page.get("/drafts").text
    late = page.post(f"/drafts/{held.id}/discard", data=form)
    assert late.status_code == 404 and drafts.DECIDED in late.text


def test_a_changed_text_of_the_longest_kind_is_taken(
    page: TestClient, held: Answer, database: Database
) -> None:
    form = form_of(page.get("/drafts").text, text="é" * 65_000)
    assert page.post(f"/drafts/{held.id}/approve", data=form).status_code == 303
    assert draft(database, held).edited


def test_discarding_posts_nothing(page: TestClient, held: Answer, database: Database) -> None:
    form = form_of(page.get("/drafts").text)
    assert page.post(f"/drafts/{held.id}/discard", data=form).status_code == 303
    assert draft(database, held).decision is Decision.DISCARDED
    assert status(database, held) is AnswerStatus.CANCELLED
    assert "a draft, discarded" in page.get(f"/answers/{held.id}").text


@pytest.mark.parametrize("action", ["approve", "discard"])
def test_only_who_may_change_something_on_the_pages_decides(
    database: Database, held: Answer, action: str
) -> None:
    path, fields = f"/drafts/{held.id}/{action}", {"text": TEXT}
    remote = browser(database, token="sesame", peer=REMOTE, playground=False)
    assert remote.get("/drafts").status_code == 401
    assert remote.post(path, data=fields).status_code == 401
    local = browser(database, token="sesame")
    form = form_of(local.get("/drafts").text, **fields)
    assert local.post(path, data=form).status_code == 403
    assert local.post(path, data=fields | {"token": "sesame"}).status_code == 403
    crossing = {"sec-fetch-site": "cross-site"}
    assert local.post(path, data=form | {"token": "sesame"}, headers=crossing).status_code == 403
    assert draft(database, held).decision is Decision.WAITING
    assert local.post(path, data=form | {"token": "sesame"}).status_code == 303


def test_a_draft_that_is_none_and_a_text_that_is_none_are_said(page: TestClient, held: Answer) -> None:
    form = form_of(page.get("/drafts").text, text="")
    assert drafts.EMPTY in page.post(f"/drafts/{held.id}/approve", data=form).text
    assert page.post("/drafts/a_0000000000000000/approve", data=form | {"text": "x"}).status_code == 404
