"""Which part of the data a group is in: train, validation or test. Pure.

A group is a thread, or a corpus's question: all its rows are in one part, so that nothing is tested on what
it was trained on. The part follows from the group's name alone, and stays the same from night to night and on
every machine. Left out: what two groups ask in nearly the same words (`learning/training/hygiene.py`).
Run: `pytest tests/unit/learning/training/test_splitting.py`.
"""

from __future__ import annotations

import hashlib

from learning.training.rows import Split

PARTS = ((80, Split.TRAIN), (90, Split.VALIDATION), (100, Split.TEST))
"""Of a hundred groups the first eighty train; the next ten choose among runs; the last ten judge."""


FOLDS = 10


def split_of(group: str, fold: int = 0) -> Split:
    """The part that a group is in, by SHA-256 of its name.

    Of `FOLDS` folds each has another tenth for its test part. Raises ValueError for a group without a name,
    and for no such fold.
    """
    if not group:
        raise ValueError("a group without a name cannot be split")
    if not 0 <= fold < FOLDS:
        raise ValueError(f"there is no fold {fold}: choose one of 0 to {FOLDS - 1}")
    number = (int.from_bytes(hashlib.sha256(group.encode()).digest()[:8]) + 100 // FOLDS * fold) % 100
    return next(part for end, part in PARTS if number < end)


def thread_group(repository_id: int, number: int) -> str:
    """The group of everything that was asked in one thread of one repository."""
    return f"github/{repository_id}/{number}"
