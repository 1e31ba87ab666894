"""A text that is too long for a comment, cut at a line, and no code block with it where that can be helped.

What is a code block is read from the tree that GitHub makes of the text, for in a list or a quote a fence
does not stand where its line begins. Pure. Left out: making the rest inert (`bot/sanitise.py`).
Run: `pytest tests/unit/bot/test_shorten.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.gfm import parse
from bot.sanitise import fenced

SHORTENED = "*Shortened: GitHub takes no more than 65,536 characters in one comment.*"
"""What stands at the end of a text that was cut; no part of the answer."""

NOTHING = fenced("…")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


def shorten(text: str, characters: int) -> str:
    """`text` itself if it is short enough, else as many whole lines as fit, and a sentence that says so.

    A code block is not cut where half of the room is filled without it; else it is cut and closed.
    """
    if len(text) <= characters:
        return text
    room = characters - len(SHORTENED) - 2
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return f"{_cut(lines, room) or _of_a_line(lines[0], room)}\n\n{SHORTENED}"


def _cut(lines: Sequence[str], room: int) -> str:
    """The lines that fit; "" where not even the first one does."""
    root = parse("\n".join(lines))
    count = _fitting(lines, room)
    block = next((n for n in root.walk() if n.kind == "code_block" and n.first < count < n.last), None)
    if block is None:
        return _joined(lines[:count])
    opened = _FENCE.match(lines[block.first]) if block in root.children else None
    fence = f"\n{opened[1]}" if opened else ""  # in a list or a quote it ends with that
    count = max(_fitting(lines, room - len(fence)), block.first + 1)
    before = _joined(lines[: block.first])
    if 2 * len(before) >= room or count == block.first + 1:
        return before or NOTHING
    return _joined(lines[:count]) + fence


def _fitting(lines: Sequence[str], room: int) -> int:
    """How many of the lines, the first ones, take no more than the room."""
    for count, line in enumerate(lines):
        room -= len(line) + 1
        if room < 0:
            return count
    return len(lines)


def _joined(lines: Sequence[str]) -> str:
    return "\n".join(lines).rstrip()


def _of_a_line(line: str, room: int) -> str:
    """The beginning of one line, which is no fence's: what would come behind that would be code."""
    begins = line[: max(0, room)]
    return NOTHING if _FENCE.match(begins) else begins
