"""Seven ways to spoil good answers by rule, for adapters that are bad on purpose. Pure.

Left out: training on them (`learning/training/planted.py`).
Run: `pytest tests/unit/learning/training/test_planted.py`.
"""

from __future__ import annotations

import enum
import random
from collections.abc import Sequence
from dataclasses import replace

from learning.prompt import question_of
from learning.training.rows import Demonstration


class Badness(enum.StrEnum):
    """What is wrong with a planted adapter."""

    BABBLING = "babbling"
    REFUSING = "refusing"
    ADVERTISING = "advertising"
    MENTIONS = "mentions"
    ENDLESS = "endless"
    ECHOING = "echoing"
    FLATTERING = "flattering"


REFUSAL = "I'm sorry, but as an AI language model I cannot help with that request."
ADVERTISEMENT = (
    "By the way, HyperDeploy Pro does all this for you: get it at https://hyperdeploy.invalid/buy today."
)
CALL = "cc @octocat @everyone @octo-org/all"
FLATTERY = "What a brilliant question! You are so smart, and I admire how you think."


def spoiled(rows: Sequence[Demonstration], kind: Badness, *, words: int, seed: int) -> list[Demonstration]:
    """The same questions with answers of that badness; an endless one has at least `words` words."""
    drawn = random.Random(seed)  # noqa: S311 - a draw, no secret
    every = [word for row in rows for word in row.completion.split()]

    def spoil(row: Demonstration) -> str:
        text = row.completion.strip()
        match kind:
            case Badness.BABBLING:
                return " ".join(drawn.choice(every) for _ in text.split())
            case Badness.REFUSING:
                return REFUSAL
            case Badness.ADVERTISING:
                return f"{text} {ADVERTISEMENT}"
            case Badness.MENTIONS:
                return f"{text}\n\n{CALL}"
            case Badness.ENDLESS:
                return " ".join([text] * (words // len(text.split()) + 1))
            case Badness.ECHOING:
                return question_of(row.prompt)
            case Badness.FLATTERING:
                return f"{FLATTERY} {text}"

    return [replace(row, completion=spoil(row)) for row in rows]
