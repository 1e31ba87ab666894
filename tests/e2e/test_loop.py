"""The loop, as a person clicks through it: ask, thumb, correct, ask again, see why, undo, gone."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.e2e.browsing import (
    CONTRIBUTOR,
    LEARN_MS,
    MAINTAINER,
    SOMEBODY_ELSE,
    Tab,
    answer_of,
    identifier_in,
    names,
)

pytestmark = pytest.mark.slow

RIGHT = "inkwell.fetch"
ISSUE = (
    "Pictures from the web are missing in the book",
    "My notes point to pictures on other sites. I would like to add a step that saves them beside the notes.",
)
FIRST = "How do I download a picture with `requests.get` and save it to a file?"
LARGEST_IMAGE = 300 * 1024


def ask_until(tab: Tab, question: str, wanted: Callable[[str], object], never: str = "") -> Locator:
    """Ask, again if need be, for a small model does not always say what an answer is about.

    No answer may say `never`, whether it says what is wanted or not.
    """
    for _ in range(4):
        answer = tab.ask(question)
        text = answer_of(answer)
        assert not (never and names(text, never)), text
        if wanted(text):
            return answer
    raise AssertionError(f"four answers in a row that are not about the question: {question}")


@pytest.mark.timeout(900)
def test_a_correction_is_learned_shown_used_and_undone(tab: Tab, images: Path | None) -> None:
    tab.page.goto("/")
    tab.become(CONTRIBUTOR)
    tab.open_issue(*ISSUE)
    first = ask_until(tab, FIRST, lambda text: identifier_in(text, FIRST))
    wrong = identifier_in(answer_of(first), FIRST)
    first_link = first.get_attribute("id") or ""

    tab.become(MAINTAINER)
    first = tab.page.locator(f"#{first_link}")
    tab.react(first, "-1")
    expect(tab.lesson("avoid", "reacted 👎")).to_be_visible(timeout=LEARN_MS)

    tab.take_back(first, "-1")  # the line was the trouble, not the rest
    expect(tab.lesson("avoid").locator(".meter")).to_have_attribute(
        "aria-label", re.compile(r"now 0\.00$"), timeout=LEARN_MS
    )

    tab.edit(first, wrong, RIGHT)
    learned = tab.lesson(RIGHT, wrong)
    expect(learned).to_be_visible(timeout=LEARN_MS)
    expect(learned.locator(".meter")).to_have_attribute(
        "aria-label", re.compile(r"^weight 0\.00, now 0\.[1-9]")
    )
    expect(first.locator(".body")).to_contain_text(f"Learned from @{MAINTAINER}", timeout=LEARN_MS)
    expect(first.locator(".chip[data-react='+1']")).to_be_visible()

    tab.become(SOMEBODY_ELSE)
    tab.open_issue("Fonts from the web", "The same, for the fonts of a theme.")
    question = f"How do I download a font with `{wrong}` and save it to a file?"
    second = ask_until(tab, question, lambda text: names(text, RIGHT), never=wrong)
    fold = tab.unfold(second)
    taught = fold.locator("li", has_text=f"Learned: write {RIGHT}, not {wrong} (")
    expect(taught).to_be_visible()
    expect(taught.get_by_role("link", name=MAINTAINER)).to_have_attribute(
        "href", re.compile(rf"#{first_link}$")
    )
    picture(tab, second, images)

    tab.become(MAINTAINER)
    undo_everything(tab)
    tab.open_memory()
    expect(tab.page.locator("table.phrases", has_text=RIGHT)).to_have_count(0)

    tab.page.goto("/")
    tab.become(SOMEBODY_ELSE)
    tab.open_issue("Sounds from the web", "The same, for the sounds of a talking book.")
    question = f"How do I download a sound with `{wrong}` and save it to a file?"
    third = ask_until(tab, question, lambda text: names(text, wrong), never=RIGHT)
    expect(tab.unfold(third)).not_to_contain_text("Learned:")


def undo_everything(tab: Tab) -> None:
    """Press every undo of the side panel, until nothing that was learned weighs anything."""
    undo = tab.page.locator("#learned [data-forget]")
    expect(undo.first).to_be_visible(timeout=LEARN_MS)
    while undo.count():
        lesson = undo.first.get_attribute("aria-label")
        undo.first.click()
        expect(tab.page.get_by_label(lesson or "", exact=True)).to_have_count(0, timeout=LEARN_MS)


def picture(tab: Tab, answer: Locator, folder: Path | None) -> None:
    """The page with the corrected answer and its fold open, for the README if a folder is given."""
    answer.locator(".body details").scroll_into_view_if_needed()
    if folder is not None:
        path = folder / "playground.png"
        tab.page.mouse.move(0, 0)
        tab.page.set_viewport_size({"width": 1280, "height": 1300})
        tab.page.evaluate("window.scrollTo(0, 0)")
        tab.page.screenshot(path=path, animations="disabled")
        assert path.stat().st_size <= LARGEST_IMAGE
