"""A small world of questions with right answers, for what needs many of them and no people. Pure.

How to do ten things to many kinds of thing; an answer follows from the deed alone, so that a tiny policy can
learn it in seconds, and whether a text is right can be seen by its words. Left out: the policy that is taught
it (`learning/training/taught_policy.py`), and any other knowledge.
Run: `pytest tests/unit/learning/training/test_small_world.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

THINGS = (
    *("list", "dict", "file", "table", "queue", "string"),
    *("image", "socket", "branch", "commit", "matrix", "buffer"),
)
"""What the policy was asked of."""
MORE = (
    *("crate", "tensor", "schema", "thread", "widget", "cursor", "packet", "ledger", "handle"),
    *("record", "stream", "bucket", "folder", "header", "script", "signal", "vector", "window"),
    *("button", "canvas", "cookie", "domain", "filter", "module", "parser"),
)
"""What it never was asked of."""
DEEDS = {
    "sort": "Call `sort` on the thing, which puts its parts in order in place.",
    "copy": "Use `copy` from the standard library; a second thing comes out of it.",
    "print": "Write the thing with `print` and give it `sep` for the signs between.",
    "merge": "Join one thing with another by `merge`, where the later one wins.",
    "close": "Leave the `with` block and every open thing is closed for you.",
    "count": "Take `len` of the thing unless you want each part by itself.",
    "split": "Cut it with `split`, and then each piece is a smaller thing.",
    "check": "Compare the thing by `==` in an `assert` before you go on.",
    "search": "Look through the thing using `find`, that gives -1 for nothing.",
    "empty": "Set a new thing instead, or say `clear` if others hold it.",
}
"""The right answer to each deed."""
VAGUE = "Read the manual of it, where all of this stands in more words."
"""What somebody says who does not know."""

_DEED = re.compile(r"\bHow do I (\w+) an? \w+")


def asked(deed: str, thing: str) -> str:
    """The question."""
    return f"How do I {deed} a {thing}?"


def right(question: str) -> str:
    """The right answer. Raises ValueError for a question of another world."""
    found = _DEED.search(question)
    if found is None or found[1] not in DEEDS:
        raise ValueError(f"nobody knows the answer to {question!r} in this small world")
    return DEEDS[found[1]]


def judge(questions: Sequence[str], answers: Sequence[str]) -> list[float]:
    """How many of the right answer's words an answer has, less the words that it has too many: at most 1."""
    found = []
    for question, text in zip(questions, answers, strict=True):
        wanted, said = set(right(question).split()), text.split()
        found.append((len(wanted & set(said)) - max(0, len(said) - len(wanted))) / len(wanted))
    return found
