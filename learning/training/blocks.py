"""Where an answer may end: after a whole block of Markdown, of one that was cut off after its last. Pure.

Blocks are CommonMark's, with tables (https://spec.commonmark.org/0.31.2/#blocks). Left out: whether what is
left answers anything, which a reward model is asked.

    pytest tests/unit/learning/training/test_blocks.py
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

_MARKDOWN = MarkdownIt("commonmark").enable("table").disable("inline")  # blocks alone
_SENTENCE = re.compile(r"[.!?][\"')*_`]*(?=\s+[A-Z`*_\"(]|\s*\Z)")
_LEADS_ON = re.compile(r":[*_]*\Z|\A(\*\*|__)[^\n]*\1\Z")
"""Of a paragraph: `Such as:`, and a line in bold that stands for a heading."""


def whole_blocks(text: str) -> str:
    """As much of a text that was cut off as surely is whole; nothing, if nothing is.

    Its last block goes, but for a closed block of code, a paragraph's whole sentences and a list's items
    before the last one; then what leads on to a block that is no longer there.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    tokens = [one for one in _MARKDOWN.parse("\n".join(lines)) if one.map and one.nesting >= 0]
    blocks = [one for one in tokens if one.level == 0]
    bounds = [*(_start(one) for one in blocks), len(lines)]
    kept = [
        (block, "\n".join(lines[begin:end]))
        for block, (begin, end) in zip(blocks, pairwise(bounds), strict=True)
    ]
    if kept:
        last, _ = kept.pop()
        if whole := _whole(last, lines, tokens):
            kept.append((last, whole))
    while kept and _leads_on(*kept[-1]):
        kept.pop()
    return "\n".join(piece for _, piece in kept).strip()


def beginnings(text: str) -> tuple[str, ...]:
    """Each beginning of a whole text that could be one, shortest first, itself the last; none of nothing.

    Each ends with a block that leads on to no other.
    """
    whole = text.strip()
    lines = whole.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    blocks = [
        one for one in _MARKDOWN.parse("\n".join(lines)) if one.map and not one.level and one.nesting >= 0
    ]
    starts = [*(_start(one) for one in blocks), len(lines)]
    earlier = (
        "\n".join(lines[:end]).strip()
        for block, (begin, end) in zip(blocks[:-1], pairwise(starts), strict=False)
        if not _leads_on(block, "\n".join(lines[begin:end]))
    )
    return (*(one for one in earlier if one), whole) if whole else ()


def _whole(last: Token, lines: Sequence[str], tokens: Sequence[Token]) -> str:
    """What is whole of the block that may have been cut."""
    own = lines[_start(last) :]
    match last.type:
        case "fence":
            inside = "\n".join(own[1:]).rstrip()
            closing = rf"(?:\A|\n) {{0,3}}{re.escape(last.markup)}{re.escape(last.markup[0])}*\Z"
            return "\n".join(own) if re.search(closing, inside) else ""
        case "paragraph_open":
            said = "\n".join(own)
            ends = [one.end() for one in _SENTENCE.finditer(said)]
            return said[: ends[-1]] if ends else ""
        case "bullet_list_open" | "ordered_list_open":
            items = [one for one in tokens if one.type == "list_item_open" and one.level == 1]
            return "\n".join(lines[_start(last) : _start(items[-1])])
        case _:
            return ""


def _leads_on(block: Token, piece: str) -> bool:
    return block.type == "heading_open" or (
        block.type == "paragraph_open" and _LEADS_ON.search(piece.strip()) is not None
    )


def _start(block: Token) -> int:
    return block.map[0] if block.map else 0
