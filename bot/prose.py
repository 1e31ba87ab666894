"""A paragraph of Markdown as its code spans and what is between them, and its links taken apart. Pure.

Whether our reading is GitHub's, `is_as` says; what may lead where is the sanitiser's (`bot/sanitise.py`).
Run: `pytest tests/unit/bot/test_sanitise.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

_SIGNS = r"https?://[\w.~/%#+=?&:-]*"
_URL = rf"{_SIGNS}(?:[\w/]|\([\w.,]*\))"
_BARE = rf"{_SIGNS}(?:[^\W_]|/|\([\w.,]*\))"
"""One that stands alone ends before what closes an emphasis, as the tree's does."""

_TITLE = r"""\s[ \t]*(?:"(?:[^"\\\n\0]|\\\S)*"|'(?:[^'\\\n\0]|\\\S)*'|\([^()\\\n\0]*\))"""
"""Without code, which is no title's: the tree takes it first."""
_TO = rf"\]\([ \t]*<?(?P<url>{_URL})>?(?:{_TITLE})?[ \t]*\)"
_IMAGE = re.compile(rf"(?<!\\)!\[(?P<label>[^\[\]\n]*){_TO}(?P<within>(?=[^\[\]\n]*\]\())?", re.ASCII)
"""`within`: before the end of a link, whose label it is then, as of a badge."""

_LINK = re.compile(
    rf"(?<![\\!])\[(?P<label>[^\[\]\n]*){_TO}|(?<!\\)<(?P<angle>{_URL})>"
    rf"|(?<![^\s(*_~\"'])(?<!\]\()(?P<bare>{_BARE})(?=[.,;:!?)*_~\"']*(?:\s|$))",
    re.ASCII,
)
_BLOCK = re.compile(r"(?!\*{1,2}\w)[ \t]*(?:[#>*+=-]|\d+[.)]|~~~)| {4}|\t")
"""A label that would begin another block at a line's begin."""


def split(block: str) -> list[tuple[bool, str]]:
    """(is code, text) by CommonMark's rule: a run of n backticks closes with the next run of exactly n."""
    pieces: list[tuple[bool, str]] = []
    runs = list(re.finditer("`+", block))
    done = number = 0
    while number < len(runs):
        run = runs[number]
        escaped = (len(block[: run.start()]) - len(block[: run.start()].rstrip("\\"))) % 2
        close = next((i for i in range(number + 1, len(runs)) if len(runs[i][0]) == len(run[0])), None)
        if escaped or close is None:
            number += 1
            continue
        pieces.append((False, block[done : run.start()]))
        pieces.append((True, block[run.start() : runs[close].end()]))
        done, number = runs[close].end(), close + 1
    return [*pieces, (False, block[done:])]


def is_as(pieces: Sequence[tuple[bool, str]], spans: Sequence[str]) -> bool:
    """Whether these are the code spans that the tree has."""
    ours = tuple(_normal(piece) for code, piece in pieces if code)
    return ours == tuple(_normal(f" {span} ") for span in spans)


def unlinked(pieces: Sequence[tuple[bool, str]], stays: Callable[[str, bool], bool]) -> str:
    """The paragraph whose images and links are their labels, each address as code behind it; one that stands
    alone is code. Titles go.

    `stays`: whether an address is left, and whether also as an image that is a link's label, which can hold
    no other link. What has a label that would begin a list or a heading is left; where a backtick is left
    over all are, for ours would close it.
    """
    return _apart(split(_apart(pieces, _IMAGE, stays)), _LINK, stays)


def _apart(
    pieces: Sequence[tuple[bool, str]], what: re.Pattern[str], stays: Callable[[str, bool], bool]
) -> str:
    block = "".join(piece for _, piece in pieces)
    prose = "".join("\0" * len(piece) if code else piece for code, piece in pieces)
    done, out = 0, list[str]()
    for found in what.finditer("" if "`" in prose else prose):
        groups = found.groupdict()
        url = str(groups["url"] or groups.get("angle") or groups.get("bare"))
        label = block[slice(*found.span("label"))].strip() if groups["url"] else url
        if stays(url, groups.get("within") is not None) or _BLOCK.match(label):
            continue
        out += [block[done : found.start()], f"`{url}`" if label in ("", url) else f"{label} (`{url}`)"]
        done = found.end()
    return "".join((*out, block[done:]))


def _normal(span: str) -> str:
    return " ".join(span.strip("`").split())
