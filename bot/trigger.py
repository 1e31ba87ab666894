"""Where a post asks the bot: `/ask …` or `@slug …` at the start of a line of plain text. Pure.

Markdown decides what plain text is, not a regular expression: quotes, code blocks and spans, HTML and
comments do not ask. Left out: asking in lists and tables, whose lines are items and rows; links and emphasis,
which change no line's start, and which take seconds on a comment made of 65,536 brackets.
"""

from __future__ import annotations

import re
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

_MARKDOWN = (
    MarkdownIt("commonmark").enable("table").disable(["link", "image", "emphasis", "autolink", "entity"])
)
_MARK = "\ue000\ue001{}\ue002"  # private use: says where a line's start ends up once inline Markdown is read
_MARKED = re.compile(_MARK.format("([0-9]+)"))


def question_in(text: str, slug: str) -> str | None:
    """What a post asks: all from its first trigger on, triggers taken off. None if it does not ask.

    An empty string is a question without words: the bot says how to ask.
    """
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    trigger = re.compile(rf" {{0,3}}(?:/ask|@{re.escape(slug)}(?:\[bot\])?[,:]?)(?=\s|$)", re.IGNORECASE)
    found = {number: match.end() for number, line in enumerate(lines) if (match := trigger.match(line))}
    if not found:
        return None
    asking = _plain_lines(lines, found)
    if not asking:
        return None
    for number in asking:
        lines[number] = lines[number][found[number] :].lstrip()
    return "\n".join(lines[asking[0] :]).strip()


def _plain_lines(lines: list[str], found: dict[int, int]) -> list[int]:
    """Those of the found lines whose start is plain text of a paragraph that is in nothing else."""
    marked = list(lines)
    for number, end in found.items():
        marked[number] = _MARK.format(number) + lines[number][end:]
    plain = "".join(_plain_text(token) for token in _paragraphs(_MARKDOWN.parse("\n".join(marked))))
    kept = {int(number) for number in _MARKED.findall(plain)}
    return [number for number in found if number in kept]


def _paragraphs(tokens: list[Token]) -> list[Token]:
    """The inline parts of paragraphs at the top level, and of text that a line of dashes made a heading."""
    return [
        token
        for before, token in pairwise(tokens)
        if token.type == "inline" and token.level == 1 and (before.type, before.markup) in _TOP
    ]


_TOP = {("paragraph_open", ""), ("heading_open", "-"), ("heading_open", "=")}


def _plain_text(token: Token) -> str:
    """An inline part's words; a code span or a tag separates them."""
    return "".join(
        child.content if child.type == "text" else "\n" if child.type.endswith("break") else "\x00"
        for child in token.children or ()
    )
