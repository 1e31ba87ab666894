"""The pages: what they show, who may look, who may change something."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from structlog.testing import capture_logs

from bot.lessons import observe, recheck
from bot.queue import Queue, migrate
from bot.settings import Settings
from storage.database import Database
from storage.records import (
    Actor,
    Configuration,
    FeedbackKind,
    Learning,
    Permission,
    PhraseKind,
    PhraseWeight,
)
from tests.unit.storage.things import (
    NOW,
    REPOSITORY,
    candidate,
    feedback,
    generation,
    phrase,
    posted,
    prompt,
    question,
    weight,
)
from webhooks.pages.router import router

TEXT = "Run `npm test` in the root folder."
EVIL = "<script>alert(1)</script>"
ANSWER = posted(
    question(text=f"How? {EVIL}"),
    text=TEXT,
    candidate_id=None,
    repairs=(),
    phrase_ids=(),
    comment_url="https://example.test/octo/inkwell/issues/3#issuecomment-99",
)
HERE = {"host": "127.0.0.1:8000"}
LOCAL = ("127.0.0.1", 5000)
REMOTE = ("203.0.113.9", 5000)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path / 'thumbprint.db'}")
    migrate(made)
    with made.unit() as unit:
        unit.repositories.upsert(REPOSITORY)
        unit.answers.save(ANSWER)
        unit.answers.add_prompt(prompt(answer_id=ANSWER.id))
        unit.answers.add_generation(generation(adapter="ad4b7e5"))
        unit.answers.add_candidates([candidate(0, text=f"Run it. {EVIL}", guards=("echo",))])
        observe(
            unit,
            [
                feedback(
                    kind=FeedbackKind.EDIT,
                    answer_id=ANSWER.id,
                    reaction=None,
                    before=TEXT,
                    after=TEXT.replace("npm test", "make check"),
                    url=ANSWER.comment_url,
                )
            ],
            NOW,
        )
        unit.commit()
    yield made
    made.dispose()


def browser(
    database: Database,
    token: str = "",
    peer: tuple[str, int] = LOCAL,
    playground: bool = True,
    secret: str = "",
) -> TestClient:
    app = FastAPI()
    app.state.settings = Settings(
        pages_token=token, webhook_secret=secret, playground=playground, _env_file=None
    )  # type: ignore[call-arg, arg-type]
    app.state.database, app.state.queue = database, Queue(database)
    app.include_router(router)
    return TestClient(app, base_url="http://127.0.0.1:8000", client=peer, follow_redirects=False)


@pytest.fixture
def page(database: Database) -> TestClient:
    return browser(database)


def held(database: Database) -> list[PhraseWeight]:
    with database.unit(read_only=True) as unit:
        return unit.phrases.weights(REPOSITORY.id)


def correction(database: Database) -> PhraseWeight:
    (found,) = [one for one in held(database) if one.phrase.kind is PhraseKind.CORRECTION]
    return found


def form_of(html: str, **fields: str) -> dict[str, str]:
    found = re.search(r'name="form" value="(\w+)"', html)
    assert found is not None
    return {"form": found[1], **fields}


# ---------------------------------------------------------------- what they show


def test_repositories_are_listed_with_their_learning(page: TestClient) -> None:
    html = page.get("/memory").text
    assert "octo/inkwell" in html and "learning on" in html
    assert page.get("/").headers["location"] == "/memory"


def test_a_phrase_stands_with_weight_state_and_who_taught_it(page: TestClient, database: Database) -> None:
    html = page.get("/memory/1").text
    assert "make check" in html and "+0.67" in html and "active" in html
    assert f'<a href="{ANSWER.comment_url}" rel="noreferrer">hubot-not</a> edited' in html


def test_search_and_paging_reach_every_phrase(page: TestClient, database: Database) -> None:
    many = [
        weight(phrase(f"p{i:03}", text=f"wording {i}", kind=PhraseKind.WORDING, right="")) for i in range(120)
    ]
    with database.unit() as unit:
        unit.phrases.put_weights(many)
        unit.commit()
    seen = {
        found
        for number in (1, 2, 3)
        for found in re.findall(r'name="phrase_id" value="(\w+)"', page.get(f"/memory/1?page={number}").text)
    }
    assert {one.phrase.id for one in many} <= seen
    assert "wording 77" in page.get("/memory/1?q=WORDING+77").text
    assert "wording 78" not in page.get("/memory/1?q=wording+77").text
    assert page.get("/memory/1?page=999999").status_code == 200
    assert page.get("/memory/1?page=-1%00&q=%25").status_code == 200


def test_the_story_of_an_answer_has_prompt_seed_scores_and_deeds(page: TestClient) -> None:
    html = page.get(f"/answers/{ANSWER.id}").text
    for part in ("Be brief.", f"seed {2**40}", "echo", "hubot-not (write): edited"):
        assert part in html


def test_the_story_says_of_what_was_said_while_learning_was_frozen_that_it_waits(
    page: TestClient, database: Database
) -> None:
    thumb = feedback("thumb-f", answer_id=ANSWER.id, actor=Actor(id=77, login="dana-wei"))
    with database.unit() as unit:
        unit.repositories.set_learning(REPOSITORY.id, Learning.FROZEN)
        observe(unit, [thumb], NOW)
        unit.commit()
    assert "reacted 👎, not used yet: learning was frozen" in page.get(f"/answers/{ANSWER.id}").text
    with database.unit() as unit:
        unit.repositories.set_learning(REPOSITORY.id, Learning.ON)
        recheck(unit, REPOSITORY.id, 77, thumb.permission, NOW)
        unit.commit()
    html = page.get(f"/answers/{ANSWER.id}").text
    assert "reacted 👎" in html and "not used yet" not in html


def test_text_of_people_and_models_is_never_markup(page: TestClient, database: Database) -> None:
    with database.unit() as unit:
        unit.phrases.put_weights([weight(phrase("p9", text=EVIL, right=f'"{EVIL}'))])
        unit.commit()
    for path in ("/memory/1", f"/answers/{ANSWER.id}", f"/memory/1?q={EVIL}"):
        response = page.get(path)
        assert "<script" not in response.text and "script&gt;" in response.text
        assert "default-src 'none'" in response.headers["content-security-policy"]


def test_a_link_of_evidence_is_a_web_page_or_none(page: TestClient, database: Database) -> None:
    with database.unit() as unit:
        actor = Actor(id=5, login="mallory")
        after = TEXT.replace("root", "top")
        unit.feedback.append(
            feedback(
                "e9",
                kind=FeedbackKind.EDIT,
                actor=actor,
                reaction=None,
                url="javascript:alert(1)",
                after=after,
            )
        )
        unit.phrases.put_weights([weight(phrase("p9"), event_ids=("e9",))])
        unit.commit()
    assert "javascript:" not in page.get("/memory/1").text


def test_export_is_text_with_every_phrase(page: TestClient, database: Database) -> None:
    response = page.get("/memory/1/export")
    assert response.headers["content-type"].startswith("text/plain")
    assert "octo-inkwell-memory.txt" in response.headers["content-disposition"]
    assert all(one.phrase.id in response.text for one in held(database))


def test_what_is_not_there_is_404_in_words(page: TestClient) -> None:
    for path in ("/memory/7", "/answers/a_none", "/memory/7/export"):
        response = page.get(path)
        assert response.status_code == 404 and "There is no such" in response.text


# ---------------------------------------------------------------- the playground's panel


@pytest.mark.parametrize("number", [str(2**63), "9" * 30])
def test_a_number_that_no_repository_can_have_is_404_too(page: TestClient, number: str) -> None:
    form = form_of(page.get("/memory/1").text, learning="on")
    for path in (f"/memory/{number}", f"/memory/{number}/export"):
        assert page.get(path).status_code == 404
    assert page.post(f"/memory/{number}/learning", data=form).status_code == 404


def test_a_database_that_does_not_answer_is_503_in_words(database: Database, tmp_path: Path) -> None:
    phrase_id = correction(database).phrase.id
    busy = Database(str(database.url), busy_timeout_s=0.05)
    page = browser(busy)
    form = form_of(page.get("/memory/1").text, phrase_id=phrase_id)
    with database.unit(), capture_logs() as said:
        answer = page.post("/memory/1/forget", data=form)
        api = page.post(f"/api/phrases/{phrase_id}/forget")
    assert answer.status_code == api.status_code == 503
    assert "try again in a moment" in answer.text and "try again in a moment" in api.json()["message"]
    assert str(tmp_path) not in answer.text, "where the file lies is for the log"
    assert [one["event"] for one in said] == ["page_failed"] * 2 and correction(database)
    busy.dispose()


def test_the_panel_hears_what_was_learned_from_whom(page: TestClient, database: Database) -> None:
    (news,) = [
        one
        for one in page.get("/api/learned?repository_id=1&limit=50").json()
        if one["phrase_id"] == correction(database).phrase.id
    ]
    assert (news["before"], news["after"], news["kind"]) == (0.0, 0.6667, "correction")
    assert news["evidence"] == [{"login": "hubot-not", "what": "edited", "url": ANSWER.comment_url}]
    assert "make check" in news["label"]


@pytest.mark.parametrize(
    "query", ["", "repository_id=x", "repository_id=1&limit=-1", "repository_id=" + "9" * 30]
)
def test_the_panel_refuses_what_is_no_number(page: TestClient, query: str) -> None:
    assert page.get(f"/api/learned?{query}").status_code == 422


def test_undo_forgets_and_is_news(page: TestClient, database: Database) -> None:
    phrase_id = correction(database).phrase.id
    assert page.post(f"/api/phrases/{phrase_id}/forget").status_code == 200
    assert phrase_id not in {one.phrase.id for one in held(database)}
    newest = page.get("/api/learned?repository_id=1&limit=1").json()[0]
    assert (newest["phrase_id"], newest["after"]) == (phrase_id, 0.0)
    assert page.post("/api/phrases/p_none/forget").status_code == 404


# ---------------------------------------------------------------- changing by form


def test_forgetting_by_form_returns_to_the_same_page(page: TestClient, database: Database) -> None:
    phrase_id = correction(database).phrase.id
    form = form_of(page.get("/memory/1").text, phrase_id=phrase_id, q="a b", page="1")
    response = page.post("/memory/1/forget", data=form)
    assert (response.status_code, response.headers["location"]) == (303, "/memory/1?q=a+b&page=1")
    assert phrase_id not in {one.phrase.id for one in held(database)}
    assert "taken back" in page.get("/memory/1").text


def test_a_phrase_is_forgotten_only_under_its_own_repository(page: TestClient, database: Database) -> None:
    form = form_of(page.get("/memory/1").text, phrase_id=correction(database).phrase.id)
    assert page.post("/memory/2/forget", data=form).status_code == 404
    assert correction(database)


def test_learning_is_frozen_and_resumed_by_form(page: TestClient, database: Database) -> None:
    html = page.get("/memory/1").text
    assert page.post("/memory/1/learning", data=form_of(html, learning="frozen")).status_code == 303
    with database.unit() as unit:
        after = TEXT.replace("root", "top")
        event = feedback("e2", kind=FeedbackKind.EDIT, reaction=None, at=NOW + timedelta(hours=1))
        event = feedback("e2", **{**event.__dict__, "before": TEXT, "after": after, "answer_id": ANSWER.id})
        assert observe(unit, [event], NOW) == []
        unit.commit()
    assert "learning frozen" in page.get("/memory/1").text
    assert page.post("/memory/1/learning", data=form_of(html, learning="on")).status_code == 303
    assert "learning on" in page.get("/memory/1").text
    assert page.post("/memory/1/learning", data=form_of(html, learning="maybe")).status_code == 404


def test_what_a_file_says_of_learning_is_not_changed_by_form(page: TestClient, database: Database) -> None:
    html = page.get("/memory/1").text
    with database.unit() as unit:
        unit.configurations.keep(
            Configuration(
                repository_id=1, installation_id=2, words=(), mention=True, learning=Learning.FROZEN
            )
        )
        unit.repositories.set_learning(1, Learning.FROZEN)
        unit.commit()
    assert "learning frozen, says its file" in page.get("/memory/1").text
    said = page.post("/memory/1/learning", data=form_of(html, learning="on"))
    assert said.status_code == 404 and "says learning: frozen" in said.text
    assert "learning frozen" in page.get("/memory/1").text


# ---------------------------------------------------------------- who may


def test_a_form_without_its_token_changes_nothing(page: TestClient, database: Database) -> None:
    phrase_id = correction(database).phrase.id
    for form in ({}, {"form": "0" * 64}):
        response = page.post("/memory/1/forget", data={**form, "phrase_id": phrase_id})
        assert response.status_code == 403
    assert correction(database)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.test"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "http://127.0.0.1:8000", "sec-fetch-site": "cross-site"},
    ],
)
def test_another_sites_page_changes_nothing(
    page: TestClient, database: Database, headers: dict[str, str]
) -> None:
    phrase_id = correction(database).phrase.id
    form = form_of(page.get("/memory/1").text, phrase_id=phrase_id)
    assert page.post("/memory/1/forget", data=form, headers=headers).status_code == 403
    assert page.post(f"/api/phrases/{phrase_id}/forget", headers=headers).status_code == 403
    assert correction(database)


@pytest.mark.parametrize("host", ["evil.test", "127.0.0.1.evil.test", "evil.test:8000", "", "[::1"])
def test_a_name_that_was_rebound_to_us_sees_nothing(page: TestClient, host: str) -> None:
    for path in (
        "/memory",
        "/memory/1",
        "/api/learned?repository_id=1",
        f"/answers/{ANSWER.id}",
        "/memory/1/export",
    ):
        response = page.get(path, headers={"host": host})
        assert response.status_code == 403 and "make check" not in response.text


@pytest.mark.parametrize("name", ["x-forwarded-for", "forwarded", "x-real-ip", "via"])
def test_what_a_proxy_forwarded_is_not_local(page: TestClient, name: str) -> None:
    assert page.get("/memory", headers={name: "127.0.0.1"}).status_code == 403


def test_from_elsewhere_nothing_is_shown_without_a_token(database: Database) -> None:
    response = browser(database, peer=REMOTE).get("/memory/1")
    assert response.status_code == 403 and "THUMBPRINT_PAGES_TOKEN" in response.text


PAGES = ("/memory", "/memory/1", "/memory/1/export", f"/answers/{ANSWER.id}", "/api/learned?repository_id=1")


@pytest.mark.parametrize("token", ["", "t0ken"])
def test_behind_a_plain_proxy_nobody_looks_or_changes_without_the_token(
    database: Database, token: str
) -> None:
    """nginx's bare `proxy_pass`: peer and Host are 127.0.0.1, and nothing says that it was forwarded."""
    proxied = browser(database, token=token, playground=False)
    phrase_id = correction(database).phrase.id
    form = form_of(browser(database).get("/memory/1").text, phrase_id=phrase_id, learning="off")
    answers = [proxied.get(path) for path in PAGES]
    answers += [proxied.post(f"/memory/1/{deed}", data=form) for deed in ("forget", "learning")]
    answers += [proxied.post(f"/api/phrases/{phrase_id}/forget")]
    assert {answer.status_code for answer in answers} == {401 if token else 403}
    assert all("THUMBPRINT_PAGES_TOKEN" in answer.text for answer in answers)
    assert not any("make check" in answer.text for answer in answers)
    assert correction(database)


def test_behind_a_proxy_the_token_opens_every_page_and_is_asked_for_once(database: Database) -> None:
    proxied = browser(database, token="t0ken", playground=False)
    assert {proxied.get(path, headers=basic("t0ken")).status_code for path in PAGES} == {200}
    html = proxied.get("/memory/1", headers=basic("t0ken")).text
    assert 'name="token"' not in html
    form = form_of(html, phrase_id=correction(database).phrase.id)
    sent = basic("t0ken") | {"origin": "https://bot.example", "sec-fetch-site": "same-origin"}
    assert proxied.post("/memory/1/forget", data=form, headers=sent).status_code == 303


def basic(password: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"any:{password}".encode()).decode()}


def test_from_elsewhere_the_token_signs_in(database: Database) -> None:
    far = browser(database, token="t0ken", peer=REMOTE)
    refused = far.get("/memory/1")
    assert refused.status_code == 401 and refused.headers["www-authenticate"].startswith("Basic")
    assert far.get("/memory/1", headers=basic("wrong")).status_code == 401
    assert far.get("/memory/1", headers={"authorization": "Basic %%%"}).status_code == 401
    html = far.get("/memory/1", headers=basic("t0ken")).text
    assert "make check" in html and "t0ken" not in html
    form = form_of(html, phrase_id=correction(database).phrase.id)
    assert far.post("/memory/1/forget", data=form, headers=basic("t0ken")).status_code == 303


def test_with_a_token_every_change_needs_it_even_here(database: Database) -> None:
    near = browser(database, token="t0ken")
    phrase_id = correction(database).phrase.id
    form = form_of(near.get("/memory/1").text, phrase_id=phrase_id)
    assert near.post("/memory/1/forget", data=form).status_code == 403
    assert near.post("/memory/1/forget", data={**form, "token": "wrong"}).status_code == 403
    assert near.post(f"/api/phrases/{phrase_id}/forget").status_code == 403
    assert correction(database)
    headers = {"x-thumbprint-token": "t0ken"}
    assert near.post(f"/api/phrases/{phrase_id}/forget", headers=headers).status_code == 200


def test_a_huge_form_is_refused(page: TestClient, database: Database) -> None:
    form = form_of(page.get("/memory/1").text, phrase_id=correction(database).phrase.id, q="x" * 10_000)
    assert page.post("/memory/1/forget", data=form).status_code == 403


def test_a_page_of_a_hundred_thousand_phrases_is_quick(page: TestClient, database: Database) -> None:
    import time

    with database.unit() as unit:
        unit.phrases.put_weights(
            [weight(phrase(f"p{i}", text=f"wording {i}", kind=PhraseKind.WORDING)) for i in range(100_000)]
        )
        unit.commit()
    for path in ("/memory/1", "/memory/1?page=2000", "/memory/1?q=wording+99999"):
        began = time.perf_counter()
        assert page.get(path).status_code == 200
        assert time.perf_counter() - began < 3.0, path


def test_permission_of_who_taught_is_told(page: TestClient) -> None:
    assert f"({Permission.WRITE.value})" in page.get(f"/answers/{ANSWER.id}").text
