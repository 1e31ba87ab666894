"""A night of seconds: a snapshot of short threads, tiny random networks, and few steps of each stage."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from learning.training import snapshot
from learning.training.arguments import parse
from learning.training.night_options import Recipe
from learning.training.rows import Rows
from storage.records import Message
from tests.unit.learning.training.made import demonstration, pair, triplet

TOPICS = ("list", "dict", "file", "loop", "key", "value", "order", "item")


def asked(number: int) -> str:
    """A question of its own words."""
    return f"how do i sort a {TOPICS[number % 8]} {number}"


def rows(threads: int) -> Rows:
    """A correction in each thread: the better answer names an example, the worse one gives up."""
    numbers = range(1, threads + 1)
    prompts = {n: (Message(role="user", content=f"/ask {asked(n)}"),) for n in numbers}
    better = {n: f"use the sort of {TOPICS[n % 8]} {n} it is a good clear example" for n in numbers}
    worse = {n: f"never mind the {TOPICS[n % 8]} {n}" for n in numbers}
    return Rows(
        pairs=tuple(
            replace(pair(n), prompt=prompts[n], chosen=better[n], rejected=worse[n]) for n in numbers
        ),
        demonstrations=tuple(
            replace(demonstration(n), prompt=prompts[n], completion=better[n]) for n in numbers
        ),
        triplets=tuple(
            replace(triplet(n), question=asked(n), better=better[n], worse=worse[n]) for n in numbers
        ),
    )


def write_data(into: Path, threads: int = 60, made: Rows | None = None) -> Path:
    """The snapshot of so many threads, or of these rows."""
    return snapshot.write(made or rows(threads), into, about={"scope": "shared"}).folder


OPTIONS = (
    *(
        "--least",
        "20",
        "--rank",
        "4",
        "--sft-steps",
        "4",
        "--sft-batch",
        "2",
        "--steps",
        "2",
        "--batch",
        "16",
    ),
    *("--minibatch", "8", "--ppo-epochs", "1", "--max-prompt", "150", "--max-answer", "8"),
    *(
        "--checkpoint-every",
        "1",
        "--questions",
        "4",
        "--attempts",
        "1",
        "--best-of",
        "0",
        "--threads",
        "1",
        "--cpu",
    ),
)
"""What each stage does in a few steps."""


def recipe(base: Path, encoder: Path, data: Path, out: Path, **changes: Any) -> Recipe:
    """The same as options of the process itself."""
    where = {
        "--data": data,
        "--out": out,
        "--model": base,
        "--encoder": encoder,
        "--cache": out.parent / "cache",
    }
    flags = [str(word) for pair in where.items() for word in pair]
    return replace(parse(Recipe, "", [*flags, *OPTIONS]), **changes)
