"""Approve, change, discard, in a real browser: from a question on the playground to the comment, or none.

Receiver, queue, worker, pages and GitHub's stand-in are real; only the model is scripted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright
from pydantic import SecretStr

from bot.ports import free_port
from bot.reply import answer_text
from tests.chromium import chromium
from tests.integration.answered import READER, working
from tests.integration.chosen import QUESTION, file
from tests.integration.playground_fixture import playground_at
from tests.integration.test_who_may import GOOD, Town
from webhooks.app import create_app
from webhooks.drills.world import served, wait_until

pytestmark = pytest.mark.slow

TOKEN = "sesame"
WAIT_MS = 60_000


@dataclass
class Desk:
    """A browser on the drafts' page of a server with a worker, and the town where people ask."""

    town: Town
    page: Page
    address: str

    def ask(self, count: int) -> None:
        """Ask in thread 2 until so many drafts wait, and open the page."""
        for _ in range(count):
            self.town.playground.say(READER, 2, f"/ask {QUESTION}")
        wait_until(lambda: len(self.waiting()) == count, 60, "no draft came")
        self.page.goto(self.address)

    def waiting(self) -> list[str]:
        with self.town.database.unit(read_only=True) as unit:
            return [one.answer_id for one in unit.drafts.waiting(9)]

    def said(self) -> list[str]:
        return [answer_text(one.body) for one in self.town.playground.answers(2)]

    def press(self, button: str) -> None:
        """Press a button of the first draft, with the token."""
        form = self.page.locator("form.decide").first
        form.get_by_label("Token").fill(TOKEN)
        form.get_by_role("button", name=button).click()
        self.page.wait_for_url(self.address, timeout=WAIT_MS)


@pytest.fixture(scope="module")
def browser_page() -> Iterator[Page]:
    path = chromium()
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        page = launched.new_page()
        page.set_default_timeout(WAIT_MS)
        yield page
        launched.close()


@pytest.fixture
def desk(tmp_path: Path, browser_page: Page) -> Iterator[Desk]:
    port = free_port()
    with playground_at(tmp_path / "playground", f"http://127.0.0.1:{port}") as there:
        town = Town(there, tmp_path / "home")
        town.choose(playground=True, pages_token=SecretStr(TOKEN))
        file(town, "draft: true\n")
        with served(create_app(town.context.settings), port), working(town.context):
            yield Desk(town, browser_page, f"http://127.0.0.1:{port}/drafts")
        town.github.close()
        town.database.dispose()


def test_a_person_approves_changes_and_discards(desk: Desk) -> None:
    desk.ask(3)
    page = desk.page
    expect(page.get_by_role("heading", level=1)).to_have_text("3 drafts")
    expect(page.get_by_label("Answer").first).to_have_value(GOOD)
    desk.press("Approve and post")
    expect(page.get_by_role("heading", level=1)).to_have_text("2 drafts")
    wait_until(lambda: desk.said() == [GOOD], 60, "what was approved was not posted")

    page.get_by_label("Answer").first.fill("Run `make check`.\n\nIt takes a minute.")
    desk.press("Approve and post")
    changed = "Run `make check`.\n\nIt takes a minute."
    wait_until(lambda: desk.said() == [GOOD, changed], 60, "what was changed was not posted")

    desk.press("Discard")
    expect(page.get_by_role("heading", level=1)).to_have_text("0 drafts")
    assert desk.said() == [GOOD, changed] and desk.waiting() == []


def test_a_draft_fits_a_phone_and_a_wrong_token_decides_nothing(desk: Desk) -> None:
    desk.ask(1)
    page = desk.page
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("() => document.documentElement.scrollWidth") == 360
    form = page.locator("form.decide").first
    form.get_by_label("Token").fill("guessed")
    form.get_by_role("button", name="Discard").click()
    expect(page.get_by_text("That is not the token")).to_be_visible()
    assert len(desk.waiting()) == 1 and desk.said() == []
