"""A body holds the answer so that it is found again, whatever people did around it."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.acknowledgement import Learned, with_learned
from bot.reply import LONGEST, Marker, Why, answer_text, parse_marker, render_body
from bot.sanitise import sanitise
from bot.shorten import SHORTENED
from storage.records import Evidence, Permission, Phrase, PhraseKind, PhraseWeight, Repair
from tests.unit.bot.test_sanitise import TEXTS

NOW = datetime(2026, 11, 21, tzinfo=UTC)
MARKER = Marker(answer_id="a_1", template="t1", phrases=("p_1",), model="policy", tokens=12, seed=7)
LESSON = Phrase(
    id="p_1", repository_id=1, kind=PhraseKind.CORRECTION, text="config.ini", right="conf/tool.yaml"
)
WEIGHT = PhraseWeight(phrase=LESSON, ups=1, downs=0, weight=0.8, active=True, people=1, as_of=NOW)
PROVEN = Evidence(
    phrase_id="p_1",
    event_id="f_1",
    answer_id="a_0",
    actor_id=1,
    actor_login="anna",
    permission=Permission.WRITE,
    mass=1.0,
    at=NOW,
    url="https://github.com/o/r/issues/7#issuecomment-1",
)
WHY = Why(marker=MARKER, lessons=(WEIGHT,), evidence={"p_1": [PROVEN]})
CLEAN = TEXTS.map(sanitise).map(str.strip)


@given(CLEAN)
def test_the_answer_is_found_again(text):
    assert answer_text(render_body(text, WHY)) == text


@given(CLEAN)
def test_the_answer_is_found_again_after_githubs_line_ends(text):
    assert answer_text(render_body(text, WHY).replace("\n", "\r\n")) == text


@given(CLEAN)
def test_the_acknowledgement_is_no_part_of_the_answer(text):
    learned = with_learned(render_body(text, WHY), [Learned(phrase=LESSON, login="anna")])
    assert answer_text(learned) == text


@pytest.mark.parametrize(
    "cut",
    [
        r"<!-- thumbprint:end -->",
        r"<!-- thumbprint:v1 .*? -->",
        r"<details>.*?</details>",
        r"<sub>.*?</sub>",
        r"<!-- thumbprint:end -->.*",
        r"<!-- thumbprint:end -->\s*<details>.*?</details>",
    ],
)
def test_people_may_delete_any_part_of_ours(cut):
    body = re.sub(cut, "", render_body("Use `nox`.\n\nThat is all.", WHY), flags=re.DOTALL)
    assert answer_text(body) == "Use `nox`.\n\nThat is all."


def test_what_people_write_below_belongs_to_the_answer():
    body = render_body("Use `nox`.", WHY) + "\n\nAlso see docs/testing.md."
    assert answer_text(body) == "Use `nox`.\n\nAlso see docs/testing.md."


@given(st.text(max_size=80), st.lists(st.text(max_size=30), max_size=4), st.text(max_size=40))
def test_nothing_closes_the_metadata_early(answer_id, phrases, model):
    marker = Marker(answer_id=answer_id, phrases=tuple(phrases), model=model, seed=3)
    body = render_body("text", Why(marker=marker))
    assert parse_marker(body) == marker
    hidden = body[body.rindex("<!-- thumbprint:v1") :]
    assert hidden.count("-->") == 1 and hidden.count("<") == 1 and "--!>" not in hidden
    assert answer_text(body) == "text"


def test_hostile_metadata_is_escaped():
    marker = Marker(answer_id="--> <img src=x> --!> <!-- thumbprint:end -->")
    body = render_body("text", Why(marker=marker))
    assert parse_marker(body) == marker and "<img" not in body.partition("<!-- thumbprint:v1")[2]


def test_no_marker_and_a_broken_one_are_none():
    assert parse_marker("hello") is None
    assert parse_marker('<!-- thumbprint:v1 {"answer": } -->') is None
    assert parse_marker('<!-- thumbprint:v1 {"no":1} -->') is None


def test_the_fold_names_lessons_with_links_to_who_taught_them():
    body = render_body("Use it.", WHY)
    assert "Learned: write `conf/tool.yaml`, not `config.ini` (+0.80), taught by [anna](" in body
    assert "redirect.github.com/o/r/issues/7#issuecomment-1" in body


def test_the_fold_shows_repairs_and_sources():
    why = Why(
        marker=MARKER,
        repairs=(Repair(phrase_id="p_1", before="config.ini", after="conf/tool.yaml"),),
        sources=(("anna in this thread", "https://github.com/o/r/issues/7#issuecomment-9"),),
    )
    body = render_body("Use it.", why)
    assert "Repaired: `config.ini` → `conf/tool.yaml`" in body and "- Read: [anna in this thread](" in body


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=30))
def test_hostile_lessons_stay_inside_the_fold(wrong, right, login):
    phrase = Phrase(id="p_1", repository_id=1, kind=PhraseKind.CORRECTION, text=wrong, right=right)
    weight = PhraseWeight(phrase=phrase, ups=1, downs=0, weight=0.8, active=True, people=1, as_of=NOW)
    proof = replace(PROVEN, actor_login=login, url="https://x.example/" + login)
    body = render_body("text", Why(marker=MARKER, lessons=(weight,), evidence={"p_1": [proof]}))
    body = with_learned(body, [Learned(phrase=phrase, login=login)])
    assert answer_text(body) == "text"
    html = [t.content for t in MarkdownIt("commonmark", {"html": True}).parse(body) if t.type == "html_block"]
    assert (
        sum("<details>" in block for block in html) == 1 and sum("</details>" in block for block in html) == 1
    )


def test_a_body_never_exceeds_what_github_takes_and_says_what_it_left_out():
    body = render_body("```python\n" + "x = 1\n" * 30_000 + "```", WHY)
    assert LONGEST - 20 < len(body) <= LONGEST
    assert SHORTENED in body and answer_text(body).endswith("x = 1\n```")


def test_a_code_block_that_does_not_fit_is_left_out_whole_where_enough_is_left():
    block = "```python\n" + "y = 2\n" * 6_000 + "```"
    body = render_body("Words about it.\n" * 2_500 + "\n" + block, WHY)
    assert answer_text(body) == ("Words about it.\n" * 2_500).strip() and len(body) <= LONGEST
