"""A thread is rendered within its budget, and nothing is dropped that would fit."""

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.thread import LEAST, MARK, SEPARATOR, cut, render
from bot.trigger import question_in
from tests.clock import works_within
from tests.unit.bot.threads import ANNA, BOT, CARL, US, post, question, thread


def by_characters(text: str) -> int:
    return len(text)


def by_words(text: str) -> int:
    return sum(1 + len(word) // 6 for word in text.split())


def by_quarters(text: str) -> int:
    return (len(text) + 3) // 4


def by_whole_quarters(text: str) -> int:
    """Counts a text as more than the sum of its parts."""
    return len(text) // 4


COUNTERS = st.sampled_from([by_characters, by_words, by_quarters, by_whole_quarters])
BODIES = st.text(alphabet="ab é中\n>", max_size=300)


def named(number: int, body: str) -> str:
    return f"<{number}>{body}</{number}>"


@st.composite
def threads(draw):
    bodies = draw(st.lists(BODIES, max_size=12))
    authors = draw(
        st.lists(st.sampled_from([ANNA, CARL, BOT, US]), min_size=len(bodies), max_size=len(bodies))
    )
    comments = [
        post(i + 10, named(i, body), who) for i, (body, who) in enumerate(zip(bodies, authors, strict=True))
    ]
    return thread(draw(BODIES), *comments)


@given(threads(), st.integers(0, 900), COUNTERS, st.integers(0, 25))
def test_never_over_the_budget(read, budget, count, asked):
    assert count(render(read, question(post_id=asked), budget, count)) <= budget


@settings(max_examples=300)
@given(threads(), st.integers(0, 900), COUNTERS)
def test_nothing_is_dropped_that_would_fit(read, budget, count):
    shown = render(read, question(), budget, count)
    for number, one in enumerate(read.posts[1:]):
        if f"<{number}>" in shown:
            continue
        lean = re.sub(r"\n{3,}", "\n\n", re.sub(r"(?m)^[ \t]{0,3}>.*\n?", "", one.body)).strip()
        with_it = SEPARATOR.join(part for part in (shown, lean) if part)
        assert not lean or count(with_it) > budget, (number, count(with_it), budget)
        assert budget - count(shown) < LEAST + count(SEPARATOR) + 1, "a cut would have fitted"


def test_a_post_that_fills_the_budget_to_the_last_token_is_shown():
    assert render(thread("", post(10, "1234567"), title=""), question(), 7, by_characters) == "1234567"
    read = thread("issue", post(10, "one"), post(11, "two"), title="")
    assert render(read, question(), 15, by_characters) == "issue\n\none\n\ntwo"
    assert render(read, question(), 14, by_characters) == "issue\n\ntwo"


@given(threads(), COUNTERS)
def test_everything_stands_there_when_there_is_room(read, count):
    shown = render(read, question(), 10**6, count)
    assert all(one.body.strip() in shown for one in read.posts)


@given(threads())
def test_the_order_is_the_threads(read):
    shown = render(read, question(), 10**6, by_characters)
    places = [shown.index(f"<{number}>") for number in range(len(read.posts) - 1)]
    assert places == sorted(places)


def test_the_issue_and_the_questions_neighbours_come_before_the_newest():
    comments = [post(i, f"comment {i} " + "x " * 30) for i in range(10, 40)]
    read = thread("the issue " + "y " * 30, *comments)
    shown = render(read, question(post_id=20), 400, by_characters)
    assert "the issue" in shown and "comment 19" in shown and "comment 18" in shown and "comment 21" in shown
    assert "comment 20" not in shown and "comment 30" not in shown
    assert "comment 39" in render(read, question(post_id=20), 500, by_characters)


def test_bots_and_we_come_last():
    noise = [post(i, f"noise {i} " + "x" * 60, BOT if i % 2 else US) for i in range(20, 26)]
    read = thread("issue", post(10, "a person " + "y" * 60), *noise)
    shown = render(read, question(), 105, by_characters)
    assert "a person" in shown and "noise" not in shown


def test_quotes_and_comments_give_way_first():
    quoting = post(11, "> " + "quoted " * 20 + "\n<!-- template " + "t" * 50 + " -->\nmy own words")
    shown = render(thread("issue", quoting), question(), 80, by_characters)
    assert "my own words" in shown and "quoted" not in shown and "template" not in shown


def test_our_own_comment_shows_its_answer_only():
    ours = post(10, "Use `nox`.\n\n<!-- thumbprint:end -->\n\nfold\n\n<!-- thumbprint:v1 {} -->", US)
    shown = render(thread("issue", ours), question(), 1000, by_characters)
    assert "Use `nox`." in shown and "fold" not in shown


def test_an_issue_that_asked_keeps_the_rest_of_its_body():
    read = thread("Some context.\n\n/ask How do I run the tests?")
    asked = replace(question(), post_kind=read.posts[0].kind, post_id=7)
    shown = render(read, asked, 1000, by_characters)
    assert "Some context." in shown and "How do I run" not in shown


@pytest.mark.parametrize(
    ("before", "asking"),
    [
        ("It fails.\r\nHere is why.", "/ask why"),
        ("It fails.\r\nHere is why.", "@thumbprint why?\r\n\r\nSays `why`:\r\n\r\n    a  \r\n"),
        ("It fails.", "/ask\r\n\r\nHow do I run it?"),
        ("It fails.", "/ask first\n/ask second\nand third"),
        ("", "/ask How?\r\nTell me."),
        ("why", "/ask"),
    ],
)
def test_an_issue_loses_its_asking_and_nothing_else(before, asking):
    text = question_in(f"{before}\r\n\r\n{asking}", "thumbprint")
    read = thread(f"{before}\r\n\r\n{asking}", title="")
    asked = replace(question(text), post_kind=read.posts[0].kind, post_id=7)
    shown = render(read, asked, 1000, by_characters)
    assert shown.removesuffix("/ask").split() == before.split()


def test_an_issue_that_was_rewritten_after_it_asked_is_shown_whole():
    read = thread("Here is why it fails, as I said.", title="")
    asked = replace(question("why"), post_kind=read.posts[0].kind, post_id=7)
    assert render(read, asked, 1000, by_characters) == "Here is why it fails, as I said."


@given(st.text(max_size=2000), st.integers(0, 400), COUNTERS)
def test_a_cut_text_fits_and_keeps_both_ends(text, tokens, count):
    short = cut(text, tokens, count)
    assert short == "" or count(short) <= tokens
    if count(text) <= tokens and len(text) <= 64 * tokens:
        assert short == text
    elif short:
        head, _, tail = short.partition(MARK)
        assert tokens >= LEAST and text.startswith(head) and text.endswith(tail)


def test_five_hundred_comments_of_any_length_take_no_time():
    comments = [post(i, "слово " * (10_000 if i % 50 == 0 else 40)) for i in range(10, 510)]
    with works_within(2.0):
        shown = render(thread("issue " * 10_000, *comments), question("что это? " * 6_000), 1200, by_quarters)
    assert 1100 < by_quarters(shown) <= 1200
