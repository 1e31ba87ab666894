"""What a person does in the playground, by what is on the page: names, roles and buttons.

Left out: any shortcut past the page. Each wait ends as soon as the page shows what is waited for.
"""

from __future__ import annotations

import re
from collections import Counter

from playwright.sync_api import Locator, Page, expect

MAINTAINER, CONTRIBUTOR, SOMEBODY_ELSE = "ada-brandt", "ben-okafor", "dana-wei"
REPOSITORY = "paperboat/inkwell"
ANSWER_MS = 180_000
LEARN_MS = 20_000
_DOTTED = re.compile(r"(?<![\w./])[a-z_]\w*(?:\.[A-Za-z_]\w*)+(?![\w/])")


class Tab:
    """One tab of a browser, in the playground."""

    def __init__(self, page: Page) -> None:
        self.page = page

    # ------------------------------------------------------------ going places

    def become(self, login: str) -> None:
        """Act as somebody else from now on, by the switcher."""
        self.page.locator(".people summary").click()
        with self.page.expect_navigation():
            self.page.locator(f".people [data-person='{login}']").click()
        expect(self.page.locator("body")).to_have_attribute("data-person", login)

    def open_issue(self, title: str, body: str, repository: str = REPOSITORY) -> None:
        """From the list of repositories to a new issue's page."""
        self.page.goto("/")
        self.page.locator(f"main a[href='/{repository}/issues']").first.click()
        self.page.get_by_role("link", name="New issue").click()
        self.page.get_by_label("Title").fill(title)
        self.page.get_by_label("Description").fill(body)
        self.page.get_by_role("button", name="Create issue").click()
        expect(self.page.get_by_role("heading", name=title)).to_be_visible()

    def open_memory(self) -> None:
        """The memory page of the repository that is shown."""
        self.page.get_by_role("link", name="Memory").click()
        expect(self.page.get_by_role("heading", level=1)).to_have_text(REPOSITORY)

    # ------------------------------------------------------------ asking

    def say(self, text: str) -> Locator:
        """Comment; returns the comment."""
        before = self.page.locator(".post").count()
        self.page.locator("#new-comment").fill(text)
        self.page.get_by_role("button", name="Comment", exact=True).click()
        said = self.page.locator(".post").nth(before)
        expect(said).to_be_visible()
        return said

    def ask(self, question: str) -> Locator:
        """Write `/ask …` and wait, on the same page, for 👀 and for the answer; returns the answer."""
        answers = self.page.locator(".post.ours")
        before = answers.count()
        self.page.evaluate("window.notReloaded = true")
        asked = self.say(f"/ask {question}")
        expect(asked.locator(".chip[data-react='eyes']")).to_be_visible(timeout=LEARN_MS)
        answer = answers.nth(before)
        expect(answer).to_be_visible(timeout=ANSWER_MS)
        assert self.page.evaluate("window.notReloaded") is True
        return answer

    def unfold(self, answer: Locator) -> Locator:
        """Open *Why this answer*; returns the fold."""
        fold = answer.locator(".body details")
        if fold.get_attribute("open") is None:
            fold.locator("summary").click()
        return fold

    # ------------------------------------------------------------ teaching

    def react(self, post: Locator, content: str) -> None:
        """Press a reaction in the picker."""
        post.locator(".picker summary").click()
        post.locator(f".picker [data-react='{content}']").click()
        expect(post.locator(f".chip[data-react='{content}']")).to_be_visible()

    def take_back(self, post: Locator, content: str) -> None:
        """Press one's own reaction again."""
        post.locator(f".chip[data-react='{content}']").click()

    def edit(self, post: Locator, wrong: str, right: str) -> None:
        """Replace a wording everywhere in somebody's comment."""
        post.locator("summary[aria-label^='More']").click()
        post.get_by_role("menuitem", name="Edit").click()
        area = post.locator(".editor textarea")
        text = area.input_value()
        head, end, tail = text.partition("<!-- thumbprint:end -->")
        changed = _whole(wrong).sub(right, head)
        assert changed != head
        area.fill(changed + end + tail)
        post.get_by_role("button", name="Update comment").click()
        expect(post.locator(".editor")).to_be_hidden()

    def lesson(self, *words: str) -> Locator:
        """The entry of the side panel that has all these words, the newest first."""
        found = self.page.locator("#learned .lesson")
        for word in words:
            found = found.filter(has_text=word)
        return found.first

    def overflow(self) -> int:
        """By how many pixels the page is wider than its window; 0 is as it should be."""
        width = "document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth"
        return int(self.page.evaluate(width))


def answer_of(post: Locator) -> str:
    """The answer in a comment: all above what is written around it."""
    body = post.locator(".body").inner_text()
    return re.split(r"\n\s*(?:Why this answer|✅ Learned|↩️)", body)[0]


def identifier_in(text: str, question: str) -> str:
    """A dotted name in a text: the question's own, else the most frequent; "" if there is none."""
    found = Counter(_DOTTED.findall(text))
    asked = [name for name in _DOTTED.findall(question) if name in found]
    return asked[0] if asked else max(found, key=lambda name: (found[name], len(name)), default="")


def names(text: str, identifier: str) -> bool:
    """Whether a text says an identifier as a whole."""
    return _whole(identifier).search(text) is not None


def _whole(identifier: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.]){re.escape(identifier)}(?!\w|\.\w)")
