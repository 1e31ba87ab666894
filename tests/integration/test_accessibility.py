"""The pages for people who see little or use no mouse: contrast, names, and all of it by keyboard.

Rules: WCAG 2.2, 1.4.3 (contrast), 4.1.2 (names), 2.1.1 and 2.4.7 (keyboard, visible focus). Left out: what a
screen reader makes of it, and colours while a pointer rests on something.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from bot.ports import free_port
from storage.database import Database
from storage.records import Answer
from tests.chromium import chromium
from tests.integration.playground_fixture import Playground, playground_at
from tests.unit.webhooks.test_drafts_page import held
from tests.unit.webhooks.test_pages import ANSWER, database
from tests.unit.webhooks.test_pages import browser as pages_of
from webhooks.drills.world import served
from webhooks.playground import people

__all__ = ["database", "held"]
pytestmark = pytest.mark.slow
ADA, BEN = people.MAINTAINER, people.CONTRIBUTOR
ISSUE = "/paperboat/inkwell/issues/1"
WAIT_MS = 60_000

ASKED = (Path(__file__).parent / "accessibility.js").read_text()


def ask(page: Page, function: str) -> Any:
    """What a function of accessibility.js says about the page."""
    return page.evaluate(f"() => {{ {ASKED}; return {function}(); }}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = chromium()
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield launched
        launched.close()


@pytest.fixture
def world(tmp_path: Path, database: Database, held: Answer) -> Iterator[tuple[Playground, str]]:
    """A playground with an answer that was edited and thumbed, and the memory pages beside it."""
    port = free_port()
    pages = pages_of(database).app
    assert isinstance(pages, FastAPI)
    memory = f"http://127.0.0.1:{port}"
    with served(pages, port), playground_at(tmp_path / "playground", memory) as made:
        bot = made.state.bot.login
        made.say(
            BEN,
            1,
            "/ask How do I run the tests? See #1 and @ada-brandt.\n\n> quoted\n\n```py\nimport os  # x\n```",
        )
        answer = made.say(bot, 1, "Run `pytest`.\n\n<details><summary>Why</summary>\n\nx\n\n</details>")
        made.react(BEN, answer, "-1")
        made.edit(ADA, answer, answer.body.replace("pytest", "make test"))
        made.wait_for_deliveries()
        yield made, memory


def addresses(world: tuple[Playground, str]) -> list[str]:
    made, memory = world
    issues = "/paperboat/inkwell/issues"
    there = ("/", issues, f"{issues}/new", ISSUE, "/deliveries", "/no/such/page")
    here = ("/memory", "/memory/1", f"/answers/{ANSWER.id}", "/memory/77", "/drafts")
    return [*(made.base_url + path for path in there), *(memory + path for path in here)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(
    browser: Browser, world: tuple[Playground, str], scheme: Any
) -> None:
    context = browser.new_context(color_scheme=scheme, reduced_motion="reduce")
    page = context.new_page()
    weak: list[str] = []
    for address in addresses(world):
        page.goto(address)
        ask(page, "unfold")
        found = ask(page, "weakText")
        assert found["seen"] > 4, address
        weak += [f"{address}: {one}" for one in found["weak"]]
    context.close()
    assert weak == []


def test_everything_that_can_be_pressed_or_filled_has_a_name(
    browser: Browser, world: tuple[Playground, str]
) -> None:
    context = browser.new_context()
    page = context.new_page()
    roles = {"button", "link", "textbox", "searchbox", "combobox", "spinbutton", "tab", "checkbox"}
    roles |= {"menuitem", "menuitemradio", "menuitemcheckbox", "DisclosureTriangle", "image"}
    for address in addresses(world):
        page.goto(address)
        ask(page, "unfold")
        nodes = context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
        asked = [node for node in nodes if not node["ignored"] and node["role"]["value"] in roles]
        assert asked, address
        nameless = [node["role"]["value"] for node in asked if not node["name"]["value"].strip()]
        assert nameless == [], address
        assert page.locator("html[lang]").count() == page.locator("main").count() == 1
    context.close()


def test_tab_reaches_everything_and_the_focus_is_seen(
    browser: Browser, world: tuple[Playground, str]
) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    for address in addresses(world):
        page.goto(address)
        page.evaluate("window.stop(); document.activeElement.blur()")
        wanted, reached = ask(page, "reachable"), 0
        for _ in range(wanted + 3):
            page.keyboard.press("Tab")
            focused = ask(page, "focused")
            reached += focused["first"]
            seen = focused["nothing"] or focused["outline"] >= 2
            assert seen, f"{address}: no focus to be seen on {focused['what']}"
        assert reached >= wanted, f"{address}: Tab reaches {reached} of {wanted}"
    context.close()


def focus(page: Page, selector: str) -> None:
    """Press Tab until the focus is there."""
    for _ in range(120):
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never reaches {selector}")


def test_a_person_without_a_mouse_asks_reacts_and_corrects(
    browser: Browser, world: tuple[Playground, str]
) -> None:
    made, _ = world
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    page.goto(made.base_url + ISSUE)
    for login in (BEN, ADA):
        focus(page, ".people > summary")
        page.keyboard.press("Enter")
        for _ in range(8):
            page.keyboard.press("ArrowDown")
            if page.evaluate("document.activeElement.dataset.person") == login:
                break
        page.keyboard.press("Enter")
        expect(page.locator("body")).to_have_attribute("data-person", login)

    post = page.locator(".post.ours")
    focus(page, ".post.ours .picker > summary")
    page.keyboard.press("Enter")
    page.keyboard.press("End")
    page.keyboard.press("ArrowRight")  # round the end to the first
    page.keyboard.press("Enter")
    expect(post.locator('.chip[data-react="+1"]')).to_be_visible()
    expect(post.locator(".picker > summary")).to_be_focused()

    focus(page, ".post.ours [aria-label^='More']")
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.matches('summary')"), "Escape gives the focus back"
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(post.locator("textarea")).to_be_focused()
    page.keyboard.press("Control+Home")
    page.keyboard.type("By keyboard. ")
    page.keyboard.press("Control+Enter")
    expect(post.locator(".body")).to_contain_text(re.compile("^By keyboard. Run"))

    focus(page, "[role=tab][aria-selected=true]")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Preview")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    focus(page, "#new-comment")
    page.keyboard.type("/ask How do I ask without a mouse?")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".post").last).to_contain_text("without a mouse")
    context.close()


def test_the_tab_pressed_last_is_the_one_shown(browser: Browser, world: tuple[Playground, str]) -> None:
    page = browser.new_page()
    page.goto(world[0].base_url + ISSUE)
    late: list[Route] = []
    page.route("**/preview", lambda route: late.append(route))
    with page.expect_request("**/preview"):
        page.get_by_role("tab", name="Preview").click()
    page.get_by_role("tab", name="Write").click()
    page.locator("#new-comment").fill("What I *mean*.")
    with page.expect_response("**/preview"):
        late.pop().continue_()
    expect(page.locator("#new-comment")).to_be_visible()
    expect(page.locator(".preview")).to_be_hidden()
    expect(page.locator(".preview")).not_to_contain_text("Nothing to preview")

    page.unroute("**/preview")
    page.get_by_role("tab", name="Preview").click()
    expect(page.locator(".preview em")).to_have_text("mean")
    page.close()
