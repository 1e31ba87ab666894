"""Where an answer may end: one that was cut off after its last whole block, any after each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from learning.training.blocks import beginnings, whole_blocks

CODE = "```python\nsorted(names)\n```"


@pytest.mark.parametrize(
    ("cut_off", "whole"),
    [
        (f"Use `sorted`.\n\n{CODE}\n\nThis will pri", f"Use `sorted`.\n\n{CODE}"),
        (f"Use `sorted`.\n\n{CODE}", f"Use `sorted`.\n\n{CODE}"),
        (f"Use `sorted`.\n\n{CODE}\n\n```python\nnames.so", f"Use `sorted`.\n\n{CODE}"),
        ("Use `sorted`. Here is how:\n\n```python\nsorted(na", ""),
        ("Use `sorted`.\n\nHere is how:\n\n```python\nsorted(na", "Use `sorted`."),
        ("Use `sorted`.\n\n## An example\n\nFirst, you", "Use `sorted`."),
        ("Use `sorted`.\n\n**An example**\n\nFirst, you", "Use `sorted`."),
        ("Use `sorted`. It takes a `key`. And then, for ex", "Use `sorted`. It takes a `key`."),
        ("Call `names.sort()`. `names` is then sor", "Call `names.sort()`."),
        ("See e.g. what the version 3.12 does, and what", ""),
        ("Two ways:\n\n- `sorted`\n- `list.so", "Two ways:\n\n- `sorted`"),
        ("Two ways:\n\n1. `sorted` whi", ""),
        ("Use it.\n\n| a | b |\n| --- | --- |\n| 1 | 2", "Use it."),
        (
            f"- First:\n\n  {CODE.replace(chr(10), chr(10) + '  ')}\n- Then",
            f"- First:\n\n  {CODE.replace(chr(10), chr(10) + '  ')}",
        ),
        ("~~~~\na\n~~~\nb\n~~~", ""),
        ("Use it.\n\n```", "Use it."),
        ("Use it.\n\n```\na\n    ```", "Use it."),
        ("sorted", ""),
        ("", ""),
    ],
)
def test_it_ends_after_its_last_whole_block(cut_off: str, whole: str) -> None:
    assert whole_blocks(cut_off) == whole


@given(st.text(alphabet="ab.:*#`~-|1 \n\r\u2028", max_size=60))
def test_it_is_a_beginning_of_the_text_and_leaves_no_block_of_code_open(text: str) -> None:
    whole = whole_blocks(text)
    assert text.replace("\r\n", "\n").replace("\r", "\n").strip().startswith(whole)
    last = MarkdownIt("commonmark").parse(f"{whole}\n\nThe end")[-1]
    assert (last.type, last.level) == ("paragraph_close", 0)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Use `sorted`.", ["Use `sorted`."]),
        ("Use it.\n\nIt sorts.\n", ["Use it.", "Use it.\n\nIt sorts."]),
        (f"Use it. So:\n\n{CODE}\n\nDone.", [f"Use it. So:\n\n{CODE}", f"Use it. So:\n\n{CODE}\n\nDone."]),
        ("Use it.\n\n## Why\n\nIt sorts.", ["Use it.", "Use it.\n\n## Why\n\nIt sorts."]),
        ("- a\n- b\n\nDone.\n\nThat is:", ["- a\n- b", "- a\n- b\n\nDone.", "- a\n- b\n\nDone.\n\nThat is:"]),
        (f"{CODE}\n\n> as\n> said", [CODE, f"{CODE}\n\n> as\n> said"]),
        (" \n", []),
    ],
)
def test_an_answer_may_end_after_each_block_that_leads_on_to_no_other(text: str, found: list[str]) -> None:
    assert list(beginnings(text)) == found


@given(st.text(alphabet="ab.:*#`~-|1 \n\r\u2028", max_size=60))
def test_each_beginning_is_one_and_longer_than_the_one_before(text: str) -> None:
    found = beginnings(text)
    plain = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    assert all(plain.startswith(one) for one in found[:-1]) and found[-1:] == (
        (text.strip(),) if text.strip() else ()
    )
    assert [len(one) for one in found] == sorted({len(one) for one in found})
