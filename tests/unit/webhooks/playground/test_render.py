"""Untrusted text never becomes markup of ours; the bot's fold does."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhooks.playground.render import ATTRIBUTES, TAGS, avatar, difference, markdown


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        '<img src=x onerror="alert(1)">',
        "[x](javascript:alert(1))",
        '<a href="javascript:alert(1)">x</a>',
        "<svg/onload=alert(1)>",
        '<details open ontoggle="alert(1)">x</details>',
        '@ada"><script>alert(1)</script>',
        "<style>*{display:none}</style>",
        '<form action="/playground/act"><button>x</button></form>',
        "![x](http://example.com/track.png)",
        "```html\n<script>alert(1)</script>\n```",
        "<!-- --!><script>alert(1)</script> -->",
    ],
)
def test_hostile_text_is_shown_and_not_run(text: str) -> None:
    shown = markdown(text, "o/r")
    assert not re.search(r"<(script|img|svg|style|form|button|iframe)|<[^>]*\son\w+=", shown)
    assert 'href="javascript' not in shown


@given(st.text(alphabet=st.sampled_from("<>/\"'=`*_[]()!-#@ \nadetilsumrycpon:"), max_size=80))
def test_only_allowed_tags_and_attributes_come_out(text: str) -> None:
    for tag, attributes in re.findall(r"<([a-z0-9]+)((?:\s[^>]*)?)>", markdown(text, "o/r")):
        assert tag in TAGS
        for name in re.findall(r'\s([a-z-]+)="', attributes):
            assert name in ATTRIBUTES.get(tag, set()) | {"rel"}


def test_the_bots_fold_stays_and_its_marker_vanishes() -> None:
    fold = "<details><summary>Why this answer</summary>\n\n- **a**\n\n</details>"
    body = f"Run `x`.\n\n<!-- thumbprint {{}} -->\n\n{fold}"
    shown = markdown(body)
    assert "<details><summary>Why this answer</summary>" in shown
    assert "<strong>a</strong>" in shown
    assert "thumbprint {}" not in shown


def test_people_and_issues_become_links_but_not_within_code() -> None:
    shown = markdown("@ada-brandt see #12 and `#13 @ben`", "paperboat/inkwell")
    assert 'href="/paperboat/inkwell/issues/12"' in shown
    assert "<code>#13 @ben</code>" in shown
    assert shown.count('class="mention"') == 2


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_diff_holds_both_texts_whole(before: str, after: str) -> None:
    shown = difference(before, after)
    assert html.unescape(re.sub(r"<ins>.*?</ins>|</?del>", "", shown, flags=re.DOTALL)) == html.unescape(
        html.escape(before)
    )
    assert html.unescape(re.sub(r"<del>.*?</del>|</?ins>", "", shown, flags=re.DOTALL)) == after


def test_avatars_escape_names() -> None:
    assert "<b" not in avatar("x", "<b> <i>", False, False).replace("<rect", "")


def test_a_task_list_has_boxes_numbered_in_the_order_of_the_text() -> None:
    shown = markdown("<details>\n\n- [ ] one\n- [x] two\n- three [ ] \n\n</details>\n\n1. [ ] four")
    assert [shown.count(f'data-tick="{n}"') for n in range(4)] == [1, 1, 1, 0]
    assert shown.count('aria-checked="true"') == 1 and "[ ] one" not in shown and "three [ ]" in shown
    assert "<button" not in markdown('<button data-forget="p_1">x</button> <input type="checkbox">')
