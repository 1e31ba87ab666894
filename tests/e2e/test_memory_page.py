"""The memory page in a browser: search, forget one, freeze, export; and every page fits its window."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.browsing import LEARN_MS, MAINTAINER, REPOSITORY, Tab
from tests.e2e.system import System

pytestmark = pytest.mark.slow
ELSEWHERE = "paperboat/sailcloth"
QUESTION = "How do I read a station file with `csv.reader` and skip its first line?"


@dataclass(frozen=True)
class Taught:
    """Pages of a repository in which the maintainer disliked one answer, which teaches many phrases."""

    thread: str
    memory: str
    story: str


@pytest.fixture(scope="package")
def taught(browser: Browser, system: System) -> Taught:
    context = browser.new_context(base_url=system.playground)
    tab = Tab(context.new_page())
    tab.page.goto("/")
    tab.become(MAINTAINER)
    tab.open_issue("Skipping the first line", "Station files start with a heading.", ELSEWHERE)
    answer = tab.ask(QUESTION)
    found = re.search(r"thumbprint why (\w+)", tab.unfold(answer).inner_text())
    assert found is not None
    tab.react(answer, "-1")
    expect(tab.lesson("avoid")).to_be_visible(timeout=LEARN_MS)
    repository_id = tab.page.locator("body").get_attribute("data-repository-id")
    thread = tab.page.url
    context.close()
    return Taught(thread, f"{system.app}/memory/{repository_id}", f"{system.app}/answers/{found[1]}")


@pytest.fixture
def page(context: BrowserContext, taught: Taught) -> Iterator[Page]:
    """The memory page."""
    opened = context.new_page()
    opened.goto(taught.memory)
    yield opened


def lessons(page: Page) -> list[str]:
    """What the rows of the table say, heaviest first."""
    return page.locator("table.phrases td.lesson").all_inner_texts()


def test_search_shows_what_has_the_words_and_nothing_else(page: Page) -> None:
    everything = lessons(page)
    word = re.findall(r"[\w.]{4,}", everything[-1])[-1]
    page.get_by_label("Search phrases").fill(word)
    page.get_by_role("button", name="Search").click()
    found = lessons(page)
    assert found
    assert all(word.lower() in one.lower() for one in found)
    page.get_by_label("Search phrases").fill("a wording that nobody taught")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("main")).to_contain_text("Nothing that paperboat/sailcloth taught has these words.")
    page.get_by_role("link", name="All", exact=True).click()
    assert lessons(page) == everything


def test_forgetting_one_leaves_the_others(page: Page) -> None:
    before = lessons(page)
    page.locator("table.phrases tbody tr").first.get_by_role("button", name="Forget").click()
    expect(page.locator("table.phrases tbody tr")).to_have_count(len(before) - 1)
    assert lessons(page) == before[1:]
    expect(page.locator(".news")).to_contain_text("→ 0.00")


def test_frozen_learning_records_and_changes_nothing_until_it_goes_on(
    page: Page, context: BrowserContext, taught: Taught
) -> None:
    before = lessons(page)
    page.get_by_role("button", name="Freeze").click()
    expect(page.locator(".learning .tag")).to_have_text("learning frozen")
    thread = Tab(context.new_page())
    thread.page.goto(taught.thread)
    thread.become(MAINTAINER)
    answer = thread.page.locator(".post.ours").first
    answer.locator(".picker summary").click()
    answer.locator(".picker [data-react='confused']").click()
    story = context.new_page()
    said = story.get_by_text("reacted 😕, not used yet")
    _reload_until(story, taught.story, lambda: said.count() == 1)  # it was recorded
    page.reload()
    assert lessons(page) == before
    page.get_by_role("button", name="Learn again").click()
    expect(page.locator(".learning .tag")).to_have_text("learning on")
    # It is used a moment later, and may teach again what was forgotten: not in the midst of another test.
    _reload_until(story, taught.story, lambda: said.count() == 0)
    expect(story.get_by_text("reacted 😕")).to_be_visible()


def _reload_until(page: Page, url: str, holds: Callable[[], bool]) -> None:
    """Look at a page until something holds of it, for as long as learning may take."""
    for _ in range(LEARN_MS // 500):
        page.goto(url)
        if holds():
            return
        page.wait_for_timeout(500)
    raise AssertionError(f"not within {LEARN_MS / 1000} s: {page.locator('main').inner_text()[-500:]}")


def test_the_export_is_text_with_every_phrase(page: Page, tmp_path: Path) -> None:
    with page.expect_download() as started:
        page.get_by_role("link", name="Export").click()
    assert started.value.suggested_filename == "paperboat-sailcloth-memory.txt"
    path = tmp_path / "memory.txt"
    started.value.save_as(path)
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"# {ELSEWHERE}")
    shown = lessons(page)
    assert len(text.splitlines()) == 2 + len(shown)
    for one in shown:
        assert re.split(r"[“”]", one)[1] in text


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_no_page_scrolls_sideways(
    browser: Browser, system: System, taught: Taught, width: int, scheme: str
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme="dark" if scheme == "dark" else "light"
    )
    tab = Tab(context.new_page())
    issues = f"{system.playground}/{REPOSITORY}/issues"
    pages = (
        f"{system.playground}/",
        issues,
        f"{issues}/new",
        taught.thread,
        f"{system.playground}/deliveries",
        f"{system.app}/memory",
        taught.memory,
        taught.story,
    )
    for url in pages:
        tab.page.goto(url)
        for fold in tab.page.locator("details:not(.menu)").all():
            fold.evaluate("fold => fold.open = true")
        assert tab.overflow() == 0, url
        shade = tab.page.evaluate("getComputedStyle(document.body).backgroundColor")
        red, green, blue, *_ = map(float, re.findall(r"[\d.]+", shade))
        assert (red + green + blue < 3 * 128) is (scheme == "dark"), (url, shade)
    context.close()
