"""An answer that was cut off ends after its last whole block."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from learning.training.blocks import whole_blocks

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
