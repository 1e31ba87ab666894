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


SECRET = "of the webhook"
HERE = ASKED.repository_id
ELSEWHERE = HERE + 1


def maintainer(database: Database, repository_id: int) -> TestClient:
    """A browser far away, with the token of one repository's drafts."""
    made = browser(database, token="sesame", peer=REMOTE, playground=False, secret=SECRET)
    made.headers["x-thumbprint-token"] = drafts.token_of("sesame", SECRET, repository_id)
    return made


def test_a_repositorys_own_token_decides_about_its_drafts(database: Database, held: Answer) -> None:
    page, at = maintainer(database, HERE), f"/drafts?repository_id={HERE}"
    html = page.get(at).text
    assert "<h1>1 draft</h1>" in html and "Why this answer" not in html
    form = form_of(html, text=TEXT, repository_id=str(HERE))
    answered = page.post(f"/drafts/{held.id}/approve", data=form)
    assert (answered.status_code, answered.headers["location"]) == (303, at)
    assert draft(database, held).decision is Decision.APPROVED


@pytest.mark.parametrize("action", ["approve", "discard"])
def test_a_repositorys_own_token_opens_nothing_else(database: Database, held: Answer, action: str) -> None:
    here, other = maintainer(database, HERE), maintainer(database, ELSEWHERE)
    shown = here.get(f"/drafts?repository_id={HERE}").text
    mine, path = form_of(shown, text=TEXT, repository_id=str(HERE)), f"/drafts/{held.id}/{action}"
    for at in ("/drafts", f"/drafts?repository_id={HERE}", "/memory", f"/memory/{HERE}", "/runs"):
        assert other.get(at).status_code == 401, at
    for at in ("/drafts", f"/drafts?repository_id={ELSEWHERE}", f"/answers/{held.id}", f"/memory/{HERE}"):
        assert here.get(at).status_code == 401, at
    assert here.get("/drafts?repository_id=x").status_code == 401
    assert "<h1>0 drafts</h1>" in other.get(f"/drafts?repository_id={ELSEWHERE}").text
    theirs = {**mine, "repository_id": str(ELSEWHERE)}
    assert other.post(path, data=theirs).status_code == 404
    assert other.post(path, data=mine).status_code == 401
    assert here.post(path, data={**mine, "repository_id": ""}).status_code == 401
    assert draft(database, held).decision is Decision.WAITING
    assert here.post(path, data=mine).status_code == 303


def test_a_repositorys_token_ends_with_the_pages_token_or_the_webhook_secret() -> None:
    made = {drafts.token_of(token, secret, number) for token in "ab" for secret in "cd" for number in (1, 2)}
    assert len(made) == 8 and all(len(one) == 40 for one in made)
    assert drafts.token_of("", "c", 1) == drafts.token_of("a", "", 1) == ""
