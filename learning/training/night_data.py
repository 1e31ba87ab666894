"""What a night learns from: one scope's snapshot, and published questions beside it where some are. Pure.

    lacking(rows, least)      why there is too little to learn from yet, or ""
    joined(own, corpus, …)    both together, a question whole or not at all

Left out: reading and writing snapshots. Run: `pytest tests/unit/learning/training/test_night_data.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Any

from learning.training.rows import Rows, Split


def every(rows: Rows) -> Iterable[Any]:
    """The rows of every kind."""
    for one in fields(rows):
        yield from getattr(rows, one.name)


def groups(rows: Rows, split: Split) -> set[str]:
    """The threads, or published questions, in one part of the data."""
    return {row.origin.group for row in every(rows) if row.origin.split is split}


def lacking(rows: Rows, least: int) -> str:
    """One sentence that says what is missing before anything can be learned, or ""."""
    found = len(groups(rows, Split.TRAIN))
    if found >= least:
        return ""
    threads = "1 thread" if found == 1 else f"{found or 'no'} threads"
    return (
        f"There are {threads} with a correction or a judgement to learn from, and {least} are needed: the "
        "night waits for more feedback."
    )


def joined(own: Rows, corpus: Rows, questions: int, seed: int) -> Rows:
    """All of `own`, and of the corpus so many questions (0: all), drawn by the seed, with all their rows."""

    def drawn(group: str) -> bytes:
        return hashlib.sha256(f"{seed} {group}".encode()).digest()

    known = {row.origin.group for row in every(own)}
    order = sorted({row.origin.group for row in every(corpus)} - known, key=drawn)
    chosen = set(order[:questions] if questions else order)
    both = {
        one.name: (
            *getattr(own, one.name),
            *(row for row in getattr(corpus, one.name) if row.origin.group in chosen),
        )
        for one in fields(own)
    }
    return replace(own, **both)
