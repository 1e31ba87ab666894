"""Two things at once on the playground's pages: nothing that was written is lost, sent twice or shown late.

Left out: what the pages do when nothing comes between (`test_playground_pages.py`).
Run: `pytest tests/integration/test_playground_races.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.integration.playground_fixture import Playground
from tests.integration.test_playground_pages import act_as, browser, memory, world
from webhooks.playground import people

__all__ = ["browser", "memory", "world"]
pytestmark = pytest.mark.slow
ADA, BEN, NOOR = people.MAINTAINER, people.CONTRIBUTOR, people.SECOND_MAINTAINER
ISSUE = "/paperboat/inkwell/issues/1"


@pytest.fixture
def page(browser: Browser, world: Playground) -> Iterator[Page]:
    context = browser.new_context(base_url=world.base_url, viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.goto(ISSUE)
    yield opened
    context.close()
    assert problems == []


def edit(page: Page, node: str) -> Locator:
    """Open the editor of a comment; returns the comment."""
    post = page.locator(f"[data-node='{node}']")
    post.get_by_label("More for this comment").click()
    post.get_by_role("menuitem", name="Edit").click()
    return post


def held(page: Page, url: str) -> list[Route]:
    """Keep the next request from being answered, until `continue_` or `fulfill`; later ones go through."""
    kept: list[Route] = []
    page.route(url, lambda route: route.continue_() if kept else kept.append(route))
    return kept


def test_a_late_refresh_never_takes_back_what_was_shown_since(page: Page, world: Playground) -> None:
    late = held(page, "**/issues/1?as=*")
    with page.expect_request("**/issues/1?as=*"):
        world.react(BEN, world.issue(1), "heart")
    old = page.request.get(f"{ISSUE}?as={ADA}").text()
    page.locator("#new-comment").fill("said meanwhile")
    page.get_by_role("button", name="Comment", exact=True).click()
    said = page.locator(".post", has_text="said meanwhile")
    expect(said).to_be_visible()
    page.evaluate(
        "new MutationObserver(() => document.querySelector('.timeline').innerText.includes('said meanwhile')"
        " || (window.gone = true)).observe(document.querySelector('.timeline'), { childList: true })"
    )
    with page.expect_response("**/issues/1?as=*"):
        late[0].fulfill(body=old, content_type="text/html")
    world.say(BEN, 1, "later on")
    expect(page.locator(".post", has_text="later on")).to_be_visible()
    assert page.evaluate("window.gone") is None


def test_a_comment_sent_twice_before_the_first_is_answered_is_one_comment(
    page: Page, world: Playground
) -> None:
    before = len(world.comments(1))
    kept = held(page, "**/playground/act")
    page.locator("#new-comment").fill("only once")
    with page.expect_request("**/playground/act"):
        page.keyboard.press("Control+Enter")
    page.keyboard.press("Control+Enter")
    page.locator("#new-comment").press_sequentially(", and more")
    kept[0].continue_()
    expect(page.locator(".post", has_text="only once")).to_have_count(1)
    assert [one.body for one in world.comments(1)[before:]] == ["only once"]
    expect(page.locator("#new-comment")).to_have_value("only once, and more")


def test_a_half_written_comment_survives_whatever_loads_the_page_anew(page: Page, world: Playground) -> None:
    box = page.locator("#new-comment")
    box.fill("half a thought")
    page.locator(".suggestion").first.click()
    expect(box).to_have_value("half a thought\n\n/ask How do I run the tests?")
    page.get_by_role("button", name="Close issue").click()
    expect(page.locator(".state.closed")).to_be_visible()
    act_as(page, BEN)
    page.goto("/")
    page.go_back()
    expect(box).to_have_value("half a thought\n\n/ask How do I run the tests?")
    page.get_by_role("button", name="Comment", exact=True).click()
    expect(page.locator(".post").last).to_contain_text("half a thought")
    page.reload()
    expect(box).to_have_value("")


def test_an_edit_never_overwrites_what_somebody_else_wrote_meanwhile(page: Page, world: Playground) -> None:
    bot = world.state.bot.login
    answer = world.say(bot, 1, "Run `pytest`.")
    post = edit(page, answer.node_id)
    post.locator("textarea").fill("Run `make test`.")
    world.edit(bot, answer, "Run `pytest`.\n\nLearned: nothing yet")
    post.get_by_role("button", name="Update comment").click()
    expect(post.locator(".body")).to_have_text("Run make test.")

    edit(page, answer.node_id).locator("textarea").fill("Run `make check`.")
    world.edit(NOOR, answer, "Run `tox`.")
    post.get_by_role("button", name="Update comment").click()
    expect(page.locator(".toast")).to_contain_text("Somebody changed this meanwhile")
    expect(post.locator("textarea")).to_have_value("Run `make check`.")
    post.get_by_role("button", name="Cancel").click()
    expect(post.locator(".body")).to_have_text("Run tox.")
    assert answer.body == "Run `tox`."


def test_a_half_written_edit_stays_when_its_comment_is_deleted(page: Page, world: Playground) -> None:
    mine = world.say(ADA, 1, "mine")
    post = edit(page, mine.node_id)
    post.locator("textarea").fill("mine, but better")
    world.delete(NOOR, mine)
    after = world.say(BEN, 1, "after that")
    expect(page.locator(f"#issuecomment-{after.id}")).to_be_visible()
    expect(post.locator("textarea")).to_have_value("mine, but better")
    post.get_by_role("button", name="Cancel").click()
    expect(post).to_have_count(0)


def test_a_playground_that_is_silent_or_fails_is_said_and_caught_up_with(
    page: Page, world: Playground
) -> None:
    page.route("**/issues/1?as=*", lambda route: route.fulfill(status=500, body="<h1>Broken</h1>"))
    said = world.say(BEN, 1, "while it was broken")
    expect(page.locator(".toast")).to_have_text("Broken")
    page.route("**/playground/**", lambda route: route.abort())
    expect(page.locator(".toast")).to_contain_text("The playground does not answer")
    page.locator("#new-comment").fill("into the void")
    page.get_by_role("button", name="Comment", exact=True).click()
    expect(page.locator("#new-comment")).to_have_value("into the void")
    page.unroute_all()
    expect(page.locator(f"#issuecomment-{said.id}")).to_be_visible()


def test_two_tabs_stay_the_two_people_that_they_act_as(page: Page, world: Playground) -> None:
    second = page.context.new_page()
    second.goto(ISSUE)
    act_as(second, BEN)
    world.say(BEN, 1, "a word")
    for tab, may_edit in ((page, 1), (second, 1)):
        post = tab.locator(".post", has_text="a word")
        expect(post.locator("[data-do='start-edit']")).to_have_count(may_edit)
    other = world.say(ADA, 1, "her word")
    expect(page.locator(f"#issuecomment-{other.id}.own")).to_be_visible()
    expect(second.locator(f"#issuecomment-{other.id}:not(.own)")).to_be_visible()
    expect(second.locator(f"#issuecomment-{other.id} [data-do='start-edit']")).to_have_count(0)
    expect(second.locator(f"#issuecomment-{other.id} [data-do='quote']")).to_have_count(1)


def test_a_button_on_an_old_page_does_what_it_says(page: Page, world: Playground) -> None:
    held(page, "**/playground/revision")
    httpx.post(
        f"{world.base_url}/playground/act",
        json={"as": NOOR, "do": "close", "node": world.issue(1).node_id},
        trust_env=False,
    ).raise_for_status()
    page.get_by_role("button", name="Close issue").click()
    expect(page.get_by_role("button", name="Reopen issue")).to_be_visible()
    assert world.issue(1).state == "closed"


def test_the_list_of_deliveries_follows_and_keeps_what_is_open(page: Page, world: Playground) -> None:
    world.say(BEN, 1, "the first")
    world.wait_for_deliveries()
    page.goto("/deliveries")
    rows = page.locator(".delivery")
    expect(rows).to_have_count(1)
    rows.first.locator("summary").click()
    world.say(BEN, 1, "the second")
    expect(rows).to_have_count(2)
    expect(rows.nth(1).locator("pre.payload")).to_be_visible()
    expect(rows.nth(0).locator("pre.payload")).to_be_hidden()
    rows.nth(1).get_by_role("button", name="Redeliver").dblclick()
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("again")
    assert len(world.wait_for_deliveries()) == 3
