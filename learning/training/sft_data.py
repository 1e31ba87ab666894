"""Demonstrations as tokens: the prompt's as the server makes them, the answer's, and the end of the turn.

The loss is on the answer and its end only: every other token's label is -100. Rows under another template are
refused, for they would teach a wording that nobody asks in; rows that are too long are left out whole, for an
answer without its end teaches not to end. Left out: paraphrases (`paraphrase.py`), the trainer (`sft.py`).

    pytest tests/unit/learning/training/test_sft_data.py
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from learning import prompt
from learning.models.tokenizer import Tokens
from learning.training.rows import Demonstration, Judged, Origin, PreferencePair
from storage.errors import DataError, ModelError
from storage.records import Message

IGNORED = -100
"""The label of a token that is read and not learned: torch's and TRL's."""
POOL = 16
"""Batches among whose rows those of like length are put together."""


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Rows for a trainer, `input_ids` and `labels` of the same length, the prompt of each and where it is
    from, and how many more were too long."""

    rows: tuple[Mapping[str, list[int]], ...]
    prompts: tuple[tuple[Message, ...], ...]
    origins: tuple[Origin, ...]
    too_long: int

    @property
    def tokens(self) -> int:
        """Tokens that are read, and of them those that are learned."""
        return sum(len(row["input_ids"]) for row in self.rows)

    @property
    def learned(self) -> int:
        """Tokens that the loss is on: answers and their ends."""
        return sum(label != IGNORED for row in self.rows for label in row["labels"])


def refuse_other_templates(rows: Iterable[Demonstration | Judged | PreferencePair], where: str) -> None:
    """Raise DataError for prompts of another template than this version's."""
    found = Counter(row.origin.template for row in rows)
    odd = sorted(set(found) - {prompt.TEMPLATE})
    if odd:
        raise DataError(
            f"{where} has {sum(found[one] for one in odd)} prompts of template {', '.join(odd)}, but this "
            f"version asks with {prompt.TEMPLATE}: make the snapshot anew."
        )


def examples(rows: Iterable[Demonstration], tokens: Tokens, longest: int, most: int = 0) -> Examples:
    """Each row's tokens, in the rows' order; those of more than `longest` are left out and counted.

    `most`: no more rows are looked at once so many were taken; 0 takes all.
    """
    made: list[dict[str, list[int]]] = []
    prompts, origins, too_long = [], [], 0
    for row in rows:
        if most and len(made) == most:
            break
        said = [{"role": each.role, "content": each.content} for each in row.prompt]
        question, answer = tokens.chat(said), tokens.answer(row.completion.strip())
        if len(question) + len(answer) > longest:
            too_long += 1
            continue
        labels = [IGNORED] * len(question) + answer
        made.append({"input_ids": question + answer, "labels": labels})
        prompts.append(row.prompt)
        origins.append(row.origin)
    return Examples(rows=tuple(made), prompts=tuple(prompts), origins=tuple(origins), too_long=too_long)


def order(lengths: Sequence[int], count: int, batch: int, seed: int) -> list[int]:
    """The rows' numbers in the order of training: `count` of them, each once an epoch, drawn by the seed.

    Rows of like length stand in a batch together, so that little is padded; batches come in random order.
    It is made before training, whole, so that a run that goes on reads what it would have read.
    """
    drawn = random.Random(seed)  # noqa: S311 - an order, no secret
    found: list[int] = []
    while len(found) < count:
        numbers = list(range(len(lengths)))
        drawn.shuffle(numbers)
        batches = []
        for start in range(0, len(numbers), batch * POOL):
            pool = sorted(numbers[start : start + batch * POOL], key=lambda number: lengths[number])
            batches += [pool[at : at + batch] for at in range(0, len(pool), batch)]
        drawn.shuffle(batches)
        found += [number for each in batches for number in each]
    return found[:count]


def check_batch(batch: Mapping[str, Any], given: Sequence[Mapping[str, list[int]]], tokens: Tokens) -> None:
    """Raise ModelError unless what a trainer computes its loss on is the answers and their ends, and no more.

    `batch` holds `input_ids` and `labels`, (B, T), as the trainer's own loader made them of some of `given`.
    """
    known = {tuple(row["input_ids"]): row["labels"] for row in given}
    for ids, labels in zip(batch["input_ids"].tolist(), batch["labels"].tolist(), strict=True):
        learned = [place for place, label in enumerate(labels) if label != IGNORED]
        last = learned[-1] + 1 if learned else 0
        whole = known.get(tuple(ids[:last]))
        if (
            whole is None
            or labels[:last] != whole
            or any(labels[at] != ids[at] for at in learned)
            or ids[last - 1] != tokens.end
        ):
            raise ModelError(
                "The trainer's batch does not put the loss on the answers and their ends alone: "
                "the installed TRL differs from the one in constraints.txt, install that one."
            )
