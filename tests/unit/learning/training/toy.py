"""A preference that a tiny random model can learn in seconds: letters, rather than all the other bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from learning.training import snapshot
from learning.training.alarms import Limits
from learning.training.ppo_options import Options
from learning.training.rows import Rows
from storage.records import Message
from tests.unit.learning.training.made import demonstration

ANYTHING = Limits(kl=1e9, yes_no=1.0, echo=1.0, distinct=0.0, never_ends=1.0)


def letters(questions: Sequence[str], answers: Sequence[str]) -> list[float]:
    """The share of an answer that is ASCII letters."""
    return [sum(c.isascii() and c.isalpha() for c in text) / max(len(text), 1) for text in answers]


def asked(number: int) -> tuple[Message, ...]:
    """A prompt of few tokens, each of which costs time."""
    return (Message(role="user", content=f"Question: {number}?"),)


def write_snapshot(into: Path, threads: int = 100, *, private: bool = False) -> Path:
    """A snapshot with a question a thread; about four fifths of them train."""
    made = [
        replace(one, prompt=asked(n), origin=replace(one.origin, private=private))
        for n, one in ((n, demonstration(n)) for n in range(1, threads + 1))
    ]
    return snapshot.write(Rows(demonstrations=tuple(made)), into, about={}).folder


def options(base: Path, data: Path, out: Path, **changes: Any) -> Options:
    """A run of a few seconds."""
    made = Options(
        model=base,
        data=data,
        out=out,
        steps=9,
        batch=64,
        minibatch=32,
        part=32,
        rollout=64,
        epochs=2,
        learning_rate=0.02,
        rank=4,
        alpha=16,
        max_prompt=100,
        max_answer=8,
        kl_coefficient=0.01,
        kl_target=0.0,
        missing_eos=0.0,
        shortest=0,
        validate_every=3,
        validation=4,
        checkpoint_every=3,
        cpu=True,
        limits=ANYTHING,
    )
    return replace(made, **changes)
