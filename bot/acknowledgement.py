"""What a comment of ours says of the lessons that its edits taught: one marked section, written anew. Pure.

Left out: which lessons they are, and writing the comment (`bot/feedback.py`).
Run: `pytest tests/unit/bot/test_acknowledgement.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.reply import END, LEARNED, directed
from bot.sanitise import code_span
from learning.memory.text import code_ranges
from storage.records import Phrase

AGAIN = "a new correction teaches it again"

_SECTION = re.compile(rf"\n*{re.escape(LEARNED[0])}.*?{re.escape(LEARNED[1])}\n*", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Learned:
    """One line of the acknowledgement: the lesson, and whose edit taught it.

    `weight` tells whether a wording is preferred or avoided. An `undone` lesson was forgotten since. One that
    was `said` in a reply is taught by who confirmed it.
    """

    phrase: Phrase
    login: str
    weight: float = 0.0
    undone: bool = False
    said: bool = False


def with_learned(
    body: str,
    lessons: Sequence[Learned],
    taken_back_by: str = "",
    pages_url: str = "",
    proposed: Sequence[str] = (),
) -> str:
    """The body with the acknowledgement of `lessons` in place of a former one; without any, without it.

    `proposed` are the logins of whose replies propose something in the fold. `taken_back_by` is the login of
    who restored the text: then it says that its lessons are gone. `pages_url` is where our pages are, to link
    the memory page; without it the command that forgets is named.
    """
    body = body.replace("\r\n", "\n")
    bare = _SECTION.sub("\n\n", body)
    bare = bare.lstrip("\n") if body.startswith(LEARNED[0]) else bare
    lines = [_line(lesson, pages_url) for lesson in lessons]
    if taken_back_by:
        back = code_span("@" + taken_back_by)
        lines.append(f"↩️ Taken back by {back}: what the edit of this answer taught no longer counts")
    if proposed:
        who = ", ".join(code_span("@" + login) for login in dict.fromkeys(proposed))
        lines.append(f"💡 Proposed in a reply by {who}: it counts once it is ticked in the fold below")
    if not lines:
        return bare
    section = "\n".join((LEARNED[0], "", *(f"> {line}  " for line in lines), "", LEARNED[1]))
    head, mark, tail = bare.partition(END)
    if _open(head):
        return f"{section}\n\n{bare}"
    if not mark:
        return f"{bare.rstrip()}\n\n{section}"
    return f"{head.rstrip()}\n\n{section}\n\n{mark}{tail}"


def _open(text: str) -> bool:
    """Whether a fence is open at the end of a text, so that whatever comes behind it is shown as code."""
    return any(fence and end > len(text) for _, end, fence in code_ranges(f"{text}\n\n."))


def _line(lesson: Learned, pages_url: str) -> str:
    words = directed(lesson.phrase, lesson.weight)
    if lesson.undone:
        return f"↩️ Undone: {words} — it no longer counts; {AGAIN}"
    restored = "untick it below" if lesson.said else "restore the line"
    undo = f"{restored}, or {_undo(lesson, pages_url)}"
    return f"✅ Learned from {code_span('@' + lesson.login)}: {words} — undo: {undo}"


def _undo(lesson: Learned, pages_url: str) -> str:
    if pages_url:
        return f"forget it on the [memory page]({pages_url}/memory/{lesson.phrase.repository_id})"
    return code_span(f"thumbprint phrases forget {lesson.phrase.id}")
