"""A paragraph of Markdown as its code spans and what is between them, and its links taken apart. Pure.

Whether our reading is GitHub's, `is_as` says; what may lead where is the sanitiser's (`bot/sanitise.py`).
Run: `pytest tests/unit/bot/test_sanitise.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

_URL = r"https?://[\w.~/%#+=?&:-]*(?:[\w/]|\([\w.,]*\))"
_ELSEWHERE = re.compile(
    rf"(?<!\\)!?\[(?P<label>[^\[\]\n]+)\]\((?P<url>{_URL})\)"
    rf"|(?<![^\s(])(?<!\]\()(?P<bare>{_URL})(?=[.,;:!?)]*(?:\s|$))",
    re.ASCII,
)
_BLOCK = re.compile(r"[ \t]*(?:[#>*+=-]|\d+[.)]|~~~)| {4}|\t")
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


def unlinked(pieces: Sequence[tuple[bool, str]], stays: Callable[[str], bool]) -> str:
    """The paragraph whose plain links are their labels, each address as code behind it; a bare one is code.

    An address that `stays` is left, and so is a link whose label would begin a list or a heading. Where a
    backtick is left over, all are, for ours would close it.
    """
    block = "".join(piece for _, piece in pieces)
    prose = "".join("\0" * len(piece) if code else piece for code, piece in pieces)
    done, out = 0, list[str]()
    for found in _ELSEWHERE.finditer("" if "`" in prose else prose):
        url = found["url"] or found["bare"]
        label = block[slice(*found.span("label"))] if found["url"] else url
        if stays(url) or _BLOCK.match(label):
            continue
        out += [block[done : found.start()], f"`{url}`" if label == url else f"{label} (`{url}`)"]
        done = found.end()
    return "".join((*out, block[done:]))


def _normal(span: str) -> str:
    return " ".join(span.strip("`").split())
