"""Rows for the tests of training, each valid, each changed by keyword."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from learning.prompt import TEMPLATE, build
from learning.training.rows import (
    Demonstration,
    Judged,
    Origin,
    PreferencePair,
    Rows,
    Source,
    Triplet,
)
from learning.training.splitting import split_of, thread_group

NOW = datetime(2026, 11, 21, 3, 4, 5, 678901, tzinfo=UTC)
PROMPT = build("How do I run the tests?", "")


def origin(number: int = 1, **changes: Any) -> Origin:
    group = thread_group(7, number)
    made = Origin(
        source=Source.EDIT,
        group=group,
        split=split_of(group),
        template=TEMPLATE,
        repository_id=7,
        people=(8,),
        trust="write",
        asked_at=NOW,
        judged_at=NOW,
        adapter="base",
        is_generated=True,
        url="https://github.com/octo/inkwell/issues/1#issuecomment-1",
    )
    return replace(made, **changes)


def pair(number: int = 1, chosen: str = "Run `make check`.", **changes: Any) -> PreferencePair:
    made = PreferencePair(
        prompt=PROMPT, chosen=chosen, rejected="Run `npm test`.", margin=0.5, origin=origin(number)
    )
    return replace(made, **changes)


def judged(number: int = 1, label: bool = True, **changes: Any) -> Judged:
    made = Judged(
        prompt=PROMPT,
        completion="Run `make check`.",
        label=label,
        origin=origin(number, source=Source.THUMB),
    )
    return replace(made, **changes)


def demonstration(number: int = 1, **changes: Any) -> Demonstration:
    made = Demonstration(
        prompt=PROMPT, completion="Run `make check`.", origin=origin(number, source=Source.EXAMPLE)
    )
    return replace(made, **changes)


def triplet(number: int = 1, **changes: Any) -> Triplet:
    made = Triplet(
        question="How do I run the tests?",
        better="Run `make check`.",
        worse="Run `npm test`.",
        margin=0.5,
        origin=origin(number),
    )
    return replace(made, **changes)


def rows(threads: int = 40) -> Rows:
    """Rows of every kind, in enough threads that each part of the data has some."""
    numbers = range(1, threads + 1)
    return Rows(
        pairs=tuple(pair(n, chosen=f"Run `make check-{n}`.") for n in numbers),
        judged=tuple(judged(n, label=bool(n % 2)) for n in numbers),
        demonstrations=tuple(demonstration(n) for n in numbers),
        triplets=tuple(triplet(n) for n in numbers),
    )
