"""What people do to an answer with a mouse, in a real browser: boxes, a proposal, hiding; as on GitHub."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from bot.ports import free_port
from storage.records import FeedbackKind
from tests.chromium import chromium
from tests.integration.answered import MAINTAINER, READER, SECOND, Bench, working
from tests.integration.playground_fixture import playground_at
from webhooks.app import create_app
from webhooks.drills.world import served, wait_until

pytestmark = pytest.mark.slow
SHOTS = os.environ.get("THUMBPRINT_SHOTS", "")
"""A folder to keep pictures in, for whoever wants to look."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = chromium()
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield launched
        launched.close()


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


def as_person(browser: Browser, base_url: str, login: str) -> Page:
    context = browser.new_context(viewport={"width": 1100, "height": 1100})
    context.add_cookies([{"name": "playground_person", "value": login, "url": base_url}])
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.goto(f"{base_url}/paperboat/inkwell/issues/1")
    return page


def test_boxes_a_proposal_and_hiding_are_seen_and_clicked_as_on_github(
    tmp_path: Path, browser: Browser
) -> None:
    port = free_port()
    with playground_at(tmp_path / "playground", f"http://127.0.0.1:{port}") as there:
        bench = Bench(there, tmp_path / "home")
        bench.with_boxes()
        node = f'.post[data-node="{bench.comment.node_id}"]'
        with served(create_app(bench.context.settings), port), working(bench.context):
            page = as_person(browser, there.base_url, MAINTAINER)
            ours, body = page.locator(node), page.locator(f"{node} .body")
            body.get_by_text("Why this answer").click()
            box = body.locator("li", has_text="It is too long").get_by_role("checkbox")
            expect(box).to_have_attribute("aria-checked", "false")
            shot(page, "boxes")
            box.click()
            expect(box).to_have_attribute("aria-checked", "true")
            wait_until(lambda: len(bench.events()) == 1, 60, "the reason was not heard")
            assert bench.events()[0].reason == "long"

            other = as_person(browser, there.base_url, SECOND)
            other.locator("#new-comment").fill("No, use `make check`.")
            other.get_by_role("button", name="Comment", exact=True).click()
            expect(body.get_by_text("Proposed in a reply by")).to_be_visible(timeout=60_000)
            if not body.get_by_text("Learn: write").is_visible():
                body.get_by_text("Why this answer").click()
            shot(page, "proposed")
            body.locator("li", has_text="Learn: write").get_by_role("checkbox").click()
            expect(body.get_by_text("Learned from")).to_be_visible(timeout=60_000)
            shot(page, "learned")
            assert {e.kind for e in bench.events()} == {FeedbackKind.REASON, FeedbackKind.REPLY}

            reader = as_person(browser, there.base_url, READER)
            reader.locator(f"{node} .body").get_by_text("Why this answer").click()
            boxes = reader.locator(f"{node} .body").get_by_role("checkbox")
            assert boxes.count() == 6 and all(one.is_disabled() for one in boxes.all())

            ours.get_by_label("More for this comment").click()
            ours.get_by_role("menuitem", name="Hide as spam").click()
            expect(ours.get_by_text("This comment was marked as spam.")).to_be_visible()
            expect(body.get_by_text("in the root folder")).to_be_hidden()
            shot(page, "hidden")
            bench.poll()
            assert FeedbackKind.HIDDEN in {e.kind for e in bench.events()}
            ours.get_by_label("More for this comment").click()
            ours.get_by_role("menuitem", name="Show again").click()
            expect(body.get_by_text("in the root folder")).to_be_visible()
        bench.github.close()
        bench.database.dispose()
