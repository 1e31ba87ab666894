"""A shortened text says that it is, and leaves code blocks whole, wherever they stand."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.gfm import parse
from bot.sanitise import sanitise
from bot.shorten import SHORTENED, shorten

CODE = "\n".join(f"line {n} of code" for n in range(6))


def indented(by: str, text: str) -> str:
    return "\n".join(by + line for line in text.split("\n"))


PLACES = {
    "of its own": f"```sh\n{CODE}\n```\nprose\n",
    "in a list": f"- ```sh\n{indented('  ', CODE)}\n  ```\n- more\n",
    "in an item, behind words": f"10. first this\n\n    ```py\n{indented('    ', CODE)}\n    ```\n\n",
    "in a quote": f"> ~~~\n{indented('> ', CODE)}\n> ~~~\n\n",
    "in a list in a quote": f"> 1. x\n>\n>    ```\n{indented('>    ', CODE)}\n>    ```\n\n",
    "now here, now there": f"- ```sh\n{indented('  ', CODE)}\n  ```\n\n```py\na = 1\nb = 2\n```\n\nprose\n\n",
    "without a fence": f"prose\n\n    ```\n{indented('    ', CODE)}\n\nprose\n\n```py\na\nb\nc\n```\n\n",
}


def code_in(text: str) -> list[str]:
    return [node.literal.strip() for node in parse(text).walk() if node.kind == "code_block"]


def says_so(text: str) -> bool:
    """Whether a text ends with a paragraph of its own that says that it was shortened."""
    last = parse(text).children[-1]
    return last.kind == "paragraph" and SHORTENED.strip("*") == "".join(one.literal for one in last.walk())


@pytest.mark.parametrize("place", PLACES)
def test_wherever_a_text_is_cut_no_code_block_is_cut_with_it(place: str) -> None:
    text = "Some words.\n\n" + PLACES[place] * 60
    whole = set(code_in(text))
    for characters in range(500, 1500):
        short = shorten(text, characters)
        assert len(short) <= characters and says_so(short), characters
        assert set(code_in(short)) <= whole, characters


@given(
    st.lists(
        st.sampled_from(
            [
                *("words here", "```", "~~~", "```py", "", "x" * 50, "```in``` it", "~~~ a`b"),
                *("- ```", "  ```", "  words", "> ```", "> words", ">   ~~~", "1. words", "    ```"),
            ]
        ),
        max_size=40,
    ),
    st.integers(120, 900),
)
@example(["```pip install x``` does it.", "", *["word word word"] * 50], 400)
def test_a_shortened_text_is_short_and_leaves_no_fence_open(lines: list[str], characters: int) -> None:
    text = sanitise("\n".join(lines))
    short = shorten(text, characters)
    assert len(short) <= characters
    assert MarkdownIt("commonmark").parse(short + "\n\n<!-- end -->")[-1].type in (
        "html_block",
        "paragraph_close",
    )
    code = [t for t in MarkdownIt("commonmark").parse(short) if t.type in ("fence", "code_block")]
    assert not any(SHORTENED in block.content for block in code)
    assert (SHORTENED in short) == (short != text), "what was left out is said"


@pytest.mark.parametrize("begins", ["```", "~~~py ", "", "> ```", "- ", "    "])
def test_one_line_that_is_too_long_is_cut_and_hides_nothing(begins: str) -> None:
    for text in (begins + "x" * 900, f"{begins}{'x' * 900}\ny\n```", f"```\n{'x' * 900}\n```"):
        short = shorten(text, 400)
        assert len(short) <= 400 and says_so(short)


def test_a_code_block_that_fills_the_room_is_cut_and_closed() -> None:
    text = "Words.\n\n```py\n" + "x = 1\n" * 500 + "```\nMore words."
    short = shorten(text, 1000)
    assert says_so(short) and code_in(short) == [code_in(short)[0]] and len(short) > 980
    assert set(code_in(short)[0].split("\n")) == {"x = 1"}
