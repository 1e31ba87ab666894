"""The playground's pages in a real browser: write, react, edit, read history, follow changes, stay safe."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.chromium import chromium
from tests.integration.playground_fixture import Playground, playground_at
from webhooks.playground import people

pytestmark = pytest.mark.slow
ADA, BEN = people.MAINTAINER, people.CONTRIBUTOR
TOKEN = "let-me-forget"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = chromium()
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        launched = playwright.chromium.launch(executable_path=path, args=arguments)
        yield launched
        launched.close()


class Memory:
    """Stands where the app's pages would: `/api/learned` and forgetting, with the token they ask for."""

    def __init__(self) -> None:
        self.changes: list[dict[str, Any]] = []
        self.forgotten: list[str] = []


@pytest.fixture
def memory() -> Iterator[tuple[Memory, str]]:
    kept = Memory()

    class Handler(BaseHTTPRequestHandler):
        def answer(self, status: int, body: Any) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def do_GET(self) -> None:
            self.answer(200, kept.changes)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path.startswith("/api/phrases/") and self.headers["X-Thumbprint-Token"] == TOKEN:
                kept.forgotten.append(self.path.split("/")[3])
                kept.changes.clear()
            self.answer(202, {})

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield kept, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
def world(tmp_path: Path, memory: tuple[Memory, str]) -> Iterator[Playground]:
    with playground_at(tmp_path, memory[1], app_token=TOKEN) as at:
        yield at


@pytest.fixture
def page(browser: Browser, world: Playground) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
    opened.goto(f"{world.base_url}/paperboat/inkwell/issues/1")
    yield opened
    context.close()
    assert problems == []


def act_as(page: Page, login: str) -> None:
    page.locator(".people > summary").click()
    with page.expect_navigation():
        page.locator(f'.people [data-person="{login}"]').click()
    expect(page.locator("body")).to_have_attribute("data-person", login)


def test_a_person_writes_reacts_edits_and_reads_the_history(page: Page, world: Playground) -> None:
    act_as(page, BEN)
    page.get_by_role("button", name="/ask How do I run the tests?").click()
    expect(page.locator("#new-comment")).to_have_value("/ask How do I run the tests?")
    page.get_by_role("button", name="Comment", exact=True).click()
    asked = page.locator(".post").last
    expect(asked.locator(".body")).to_have_text("/ask How do I run the tests?")

    question = world.comments(1)[-1]
    world.react(world.state.bot.login, question, "eyes")
    expect(asked.locator('.chip[data-react="eyes"]')).to_be_visible()
    expect(page.locator("#thinking")).to_be_visible()
    answer = world.say(
        world.state.bot.login, 1, "Run `pytest`.\n\n<details><summary>Why</summary>\n\nx\n\n</details>"
    )
    post = page.locator(".post.ours")
    expect(post.locator(".body code")).to_have_text("pytest")
    expect(page.locator("#thinking")).to_have_count(0)

    post.locator(".picker > summary").click()
    post.locator('.picker [data-react="-1"]').click()
    chip = post.locator('.chip[data-react="-1"]')
    expect(chip).to_have_attribute("aria-pressed", "true")
    chip.click()
    expect(chip).to_have_count(0)
    expect(post.locator('[data-do="start-edit"]')).to_have_count(0)

    act_as(page, ADA)
    post.get_by_label("More for this comment").click()
    post.get_by_role("menuitem", name="Edit").click()
    post.locator(".editor textarea").fill(answer.body.replace("pytest", "make test"))
    post.get_by_role("button", name="Update comment").click()
    expect(post.locator(".body code")).to_have_text("make test")
    assert answer.revisions[-1].editor == ADA
    post.get_by_label("Edit history").click()
    post.locator("[data-history]").first.click()
    dialog = page.locator(".dialog")
    expect(dialog.locator("del")).to_have_text("pytest")
    expect(dialog.locator("ins")).to_have_text("make test")
    page.keyboard.press("Escape")
    expect(page.locator("#deliveries")).to_contain_text("issue_comment.edited")


def test_one_may_act_as_everybody_in_the_switcher(page: Page, world: Playground) -> None:
    shown = page.locator(".people [data-person]").evaluate_all("all => all.map(one => one.dataset.person)")
    assert people.OTHER_BOT in shown
    for login in shown:
        act_as(page, login)
    page.locator("#new-comment").fill("as the last of them")
    page.get_by_role("button", name="Comment", exact=True).click()
    expect(page.locator(".post").last).to_contain_text("as the last of them")
    assert world.comments(1)[-1].author == shown[-1]


def test_an_open_editor_survives_what_others_do(page: Page, world: Playground) -> None:
    mine = world.say(ADA, 1, "first")
    post = page.locator(f"#issuecomment-{mine.id}")
    post.get_by_label("More for this comment").click()
    post.get_by_role("menuitem", name="Edit").click()
    post.locator("textarea").fill("half written")
    world.react(BEN, mine, "heart")
    other = world.say(BEN, 1, "meanwhile")
    expect(page.locator(f"#issuecomment-{other.id}")).to_be_visible()
    expect(post.locator("textarea")).to_have_value("half written")
    post.get_by_role("button", name="Cancel").click()
    expect(post.locator('.chip[data-react="heart"]')).to_be_visible()
    page.once("dialog", lambda dialog: dialog.accept())
    post.get_by_label("More for this comment").click()
    post.get_by_role("menuitem", name="Delete").click()
    expect(post).to_have_count(0)


def test_what_was_learned_is_shown_and_undone(page: Page, memory: tuple[Memory, str]) -> None:
    kept, _ = memory
    change = {
        "id": "n1",
        "phrase_id": "p1",
        "kind": "correction",
        "text": "pytest",
        "before": 0.0,
        "after": 0.7,
    }
    evidence = [{"login": ADA, "what": "edited", "url": "http://127.0.0.1/x"}]
    hostile = "write `make test`<img src=x onerror=alert(1)>"
    kept.changes.append(change | {"label": hostile, "at": "2026-11-21T00:00:00+00:00", "evidence": evidence})
    learned = page.locator("#learned")
    expect(learned.locator("code")).to_have_text("make test")
    expect(learned.locator("img")).to_have_count(0)
    expect(learned.get_by_role("img", name="weight 0.00, now 0.70")).to_be_visible()
    learned.get_by_role("button", name="Undo").click()
    expect(learned).to_contain_text("Nothing yet")
    assert kept.forgotten == ["p1"]


def test_hostile_comments_stay_text_under_a_strict_policy(page: Page, world: Playground) -> None:
    world.say(BEN, 1, "<script>document.title='owned'</script><img src=x onerror=alert(1)>\n\n**bold**")
    expect(page.locator(".post").last.locator(".body strong")).to_have_text("bold")
    assert page.title() != "owned"
    policy = httpx.get(f"{world.base_url}/").headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("width", [1280, 400])
def test_every_page_fits_its_width_in_light_and_dark(browser: Browser, world: Playground, width: int) -> None:
    world.say(
        BEN,
        1,
        "x" * 300 + "\n\n```\n" + "y" * 300 + "\n```\n\n| a | b |\n|---|---|\n| " + "z " * 90 + "| c |",
    )
    world.wait_for_deliveries()
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme="dark")
    page = context.new_page()
    issues = "/paperboat/inkwell/issues"
    for path in ("/", issues, f"{issues}/new", f"{issues}/1", "/deliveries", "/no/such/page"):
        page.goto(world.base_url + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"
        assert page.locator("h1, .lead").first.is_visible()
        unnamed = page.locator("button:not([aria-label])").evaluate_all(
            "buttons => buttons.filter(b => !b.textContent.trim() && !b.querySelector('img[alt]')).length"
        )
        assert unnamed == 0
    page.get_by_label("Change between light and dark").click()
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    context.close()


def test_a_new_issue_is_written_on_its_page(page: Page, world: Playground) -> None:
    page.goto(f"{world.base_url}/paperboat/sailcloth/issues")
    page.get_by_role("link", name="New issue").click()
    page.get_by_label("Title").fill("Which stations work?")
    page.locator("#body").fill("/ask Which stations work?")
    page.get_by_role("button", name="Create issue").click()
    expect(page.locator("h1")).to_contain_text("Which stations work?")
    assert world.issue(2, "sailcloth").author == ADA
    page.locator("#new-comment").fill("One more thing")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".post").last).to_contain_text("One more thing")
    page.get_by_role("button", name="Close issue").click()
    expect(page.locator(".state.closed")).to_be_visible()
