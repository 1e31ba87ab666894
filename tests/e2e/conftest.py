"""The whole system once, and one headless Chromium, for all browser tests. Each test gets a tab of its own.

SAVE_IMAGES=1 pytest tests/e2e     # writes docs/images/playground.png as well
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.chromium import chromium
from tests.e2e.browsing import Tab
from tests.e2e.system import System, running

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
WAIT_MS = 10_000


@pytest.fixture(scope="session", autouse=True)
def path() -> str:
    """Chromium's; asked for before the system is started in vain."""
    return chromium()


@pytest.fixture(scope="package")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running(tmp_path_factory.mktemp("home")) as started:
        yield started


@pytest.fixture(scope="package")
def browser(path: str) -> Iterator[Browser]:
    """Chromium with a profile that is thrown away.

    Of the package, not the session: a thread has one playwright at a time, and other rooms test with theirs.
    """
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, headless=True, args=list(FLAGS))
        yield started
        started.close()


@pytest.fixture
def context(browser: Browser, system: System) -> Iterator[BrowserContext]:
    """A fresh session, light and 1280 wide, that reaches nothing but this machine."""
    made = browser.new_context(
        base_url=system.playground,
        viewport={"width": 1280, "height": 900},
        color_scheme="light",
        reduced_motion="reduce",
        accept_downloads=True,
    )
    made.set_default_timeout(WAIT_MS)
    yield made
    made.close()


@pytest.fixture
def tab(context: BrowserContext) -> Iterator[Tab]:
    """A tab. What the page's script throws, and what its policy blocks, fails the test."""
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda said: complaints.append(f"{said.text} {said.location}") if said.type == "error" else None,
    )
    yield Tab(page)
    assert complaints == []


@pytest.fixture
def images() -> Path | None:
    """Where screenshots for the documentation go, None unless SAVE_IMAGES is set."""
    if not os.environ.get("SAVE_IMAGES"):
        return None
    folder = Path(__file__).parents[2] / "docs" / "images"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
