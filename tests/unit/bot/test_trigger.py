"""A post asks at the start of a line of plain text, and nowhere else."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.trigger import ANY, may_ask, question_in

ASKS = {
    "/ask How do I build it?": "How do I build it?",
    "   /ask indented by three": "indented by three",
    "/ASK loudly": "loudly",
    "/ask\tafter a tab": "after a tab",
    "/ask": "",
    "  /ask   \r\n": "",
    "\ufeff/ask after a byte order mark": "after a byte order mark",
    "@thumbprint how?": "how?",
    "@Thumbprint, how?": "how?",
    "@thumbprint[bot]: how?": "how?",
    "Hello all,\n/ask on the second line\nand the third": "on the second line\nand the third",
    "Hello all,\r\n/ask on the second line\r\nand the third": "on the second line\nand the third",
    "/ask why?\n```py\nprint()\n```": "why?\n```py\nprint()\n```",
    "> a quote\n\n/ask about it": "about it",
    "/ask first\n/ask second": "first\nsecond",
    "/ask what does `/ask` do?": "what does `/ask` do?",
    "/ask signed\n---\nMona": "signed\n---\nMona",
    "~~~\n/ask in code\n~~~\n/ask outside": "outside",
    "<details>\n\n/ask inside\n\n</details>": "inside\n\n</details>",
    "*before\n/ask in emphasis*": "in emphasis*",
    "/ask 質問は何ですか": "質問は何ですか",
}

SILENT = [
    "",
    "please /ask somebody",
    "/asking for a friend",
    "/ask-me",
    "@thumbprinter hi",
    "@thumbprint-x hi",
    "mail@thumbprint hi",
    "\\/ask escaped",
    "> /ask quoted",
    "> quoted\n/ask continues the quote",
    "```\n/ask in a fence\n```",
    "```\n/ask in an open fence",
    "~~~text\n/ask in tildes\n~~~",
    "    /ask in indented code",
    "words\n\n    /ask in indented code",
    "\t/ask after a tab",
    "words\n      /ask too far in",
    "a `code span\n/ask inside` it",
    "``/ask`` it",
    "<!-- a comment\n/ask inside\n-->",
    "words <!-- a comment\n/ask inside --> words",
    '<a title="\n/ask in a tag">x</a>',
    "<pre>\n/ask in pre\n</pre>",
    "- /ask in a list",
    "- item\n/ask continues the item",
    "# /ask in a heading",
    "a | b\n--- | ---\n/ask in a table | x",
    "a | b\n--- | ---\n/ask in a table without its marks",
    "\u2028/ask after a line separator",
    "[x]: http://example.test '\n/ask in a title'",
]


@pytest.mark.parametrize("text", ASKS)
def test_plain_text_at_the_start_of_a_line_asks(text: str) -> None:
    assert question_in(text, "thumbprint") == ASKS[text]


@pytest.mark.parametrize("text", SILENT)
def test_quotes_code_and_html_do_not_ask(text: str) -> None:
    assert question_in(text, "thumbprint") is None


def test_a_slug_is_taken_literally() -> None:
    assert question_in("@axb hi", "a.b") is None
    assert question_in("@a.b hi", "a.b") == "hi"


def test_sixty_thousand_characters_are_a_question() -> None:
    text = "word " * 12_000
    assert question_in(f"/ask {text}", "thumbprint") == text.strip()


@pytest.mark.parametrize(
    "piece", ["[", "[x][", "`a", "*a_", "<", "> ", "![[](", "/ask \n", "&amp;", "- ", "<!--", "[a]: b\n"]
)
def test_no_comment_keeps_the_receiver_busy(piece: str) -> None:
    began = time.thread_time()
    question_in("/ask " + piece * (65_530 // len(piece)), "thumbprint")
    assert time.thread_time() - began < 2


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=300))
def test_no_text_is_an_error(text: str) -> None:
    question_in(text, "thumbprint")
    question_in(f"{text}\n/ask {text}", "thumbprint")


@given(st.text(max_size=200))
def test_what_is_quoted_line_by_line_never_asks(text: str) -> None:
    quoted = "\n".join(f"> {line}" for line in f"/ask {text}".split("\n"))
    if "\r" not in text:
        assert question_in(quoted, "thumbprint") is None


@given(st.text(alphabet="/@ask thumbpri[]\n\r\t \ufeff>`-", max_size=40))
def test_the_quick_look_is_never_wrong_about_a_post_that_asks(text: str) -> None:
    if question_in(text, "thumbprint") is not None or question_in(text, "thumbprint", ANY) is not None:
        assert may_ask(text)
