"""Pairs and judged answers as tokens, the same as serving's, and which of them teach nothing. Pure but for
the tokenizer.

What is left out is counted by reason: a pair that is judged both ways, an edit of blanks alone, an edit that
wrote another answer, an answer that as many people found good as bad, a row that is too long (cut, it would
teach not to end). Left out: RLOO's prompts, which are PPO's (`ppo_batch.py`).

    pytest tests/unit/learning/training/test_alternatives_data.py
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from learning.models.tokenizer import Tokens
from learning.training.rows import Judged, Origin, PreferencePair, Source
from storage.errors import ModelError
from storage.records import Message


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Rows for a trainer, the prompt of each and where it is from, and how many were left out, by reason."""

    rows: tuple[Mapping[str, Any], ...]
    prompts: tuple[tuple[Message, ...], ...]
    origins: tuple[Origin, ...]
    left_out: Mapping[str, int]

    @property
    def lengths(self) -> list[int]:
        """Of each row the tokens of its longest text."""
        return [
            len(row["prompt_ids"])
            + max(len(row[name]) for name in ("chosen_ids", "rejected_ids", "completion_ids") if name in row)
            for row in self.rows
        ]


def edited(before: str, after: str) -> float:
    """The share of words that an edit changed: 0 for none, 1 for all (1 - difflib's ratio)."""
    return 1.0 - SequenceMatcher(None, before.split(), after.split(), autojunk=False).ratio()


def pairs(rows: Sequence[PreferencePair], tokens: Tokens, *, longest: int, most_edited: float) -> Chosen:
    """TRL's preference columns as tokens: prompt_ids, chosen_ids, rejected_ids; ends of turns included."""
    known = {(row.prompt, row.chosen.strip(), row.rejected.strip()) for row in rows}
    left, made, prompts, origins = Counter[str](), [], [], []
    for row in rows:
        better, worse = row.chosen.strip(), row.rejected.strip()
        if (row.prompt, worse, better) in known:
            left["contradictory"] += 1
        elif better.split() == worse.split():
            left["whitespace"] += 1
        elif row.origin.source is Source.EDIT and edited(worse, better) > most_edited:
            left["rewritten"] += 1
        else:
            question = tokens.chat(_said(row.prompt))
            chosen, rejected = tokens.answer(better), tokens.answer(worse)
            if len(question) + max(len(chosen), len(rejected)) > longest:
                left["too_long"] += 1
                continue
            made.append({"prompt_ids": question, "chosen_ids": chosen, "rejected_ids": rejected})
            prompts.append(row.prompt)
            origins.append(row.origin)
    return Chosen(
        rows=tuple(made),
        prompts=tuple(prompts),
        origins=tuple(origins),
        left_out=dict(sorted(left.items())),
    )


def judged(rows: Sequence[Judged], tokens: Tokens, *, longest: int) -> Chosen:
    """TRL's unpaired preference columns as tokens: prompt_ids, completion_ids, label; each thumb a row."""
    votes: dict[tuple[tuple[Message, ...], str], list[bool]] = {}
    for row in rows:
        votes.setdefault((row.prompt, row.completion.strip()), []).append(row.label)
    left, made, prompts, origins = Counter[str](), [], [], []
    for row in rows:
        given = votes[row.prompt, row.completion.strip()]
        if 2 * sum(given) == len(given):
            left["contradictory"] += 1
            continue
        question, answer = tokens.chat(_said(row.prompt)), tokens.answer(row.completion.strip())
        if len(question) + len(answer) > longest:
            left["too_long"] += 1
            continue
        made.append({"prompt_ids": question, "completion_ids": answer, "label": row.label})
        prompts.append(row.prompt)
        origins.append(row.origin)
    return Chosen(
        rows=tuple(made),
        prompts=tuple(prompts),
        origins=tuple(origins),
        left_out=dict(sorted(left.items())),
    )


def weights(good: int, bad: int) -> tuple[float, float]:
    """KTO's weights of a good and of a bad answer, so that both kinds weigh the same in all.

    The more frequent kind has 1; eq. 8 of arXiv 2402.01306 allows up to a third more for the good ones.
    """
    return (1.0, good / bad) if good > bad else (bad / good, 1.0)


def mismatched(rows: Iterable[Mapping[str, Any]], batch: int) -> list[dict[str, Any]]:
    """KTO's rows with the answers of the batch turned round by one, of which it estimates the KL."""
    found = [dict(row) for row in rows]
    for start in range(0, len(found), batch):
        part = found[start : start + batch]
        for row, before in zip(part, [part[-1], *part[:-1]], strict=True):
            row["KL_completion_ids"] = before["completion_ids"]
    return found


def check_batch(batch: Mapping[str, Any], given: Iterable[Mapping[str, Any]], end: int) -> None:
    """Raise ModelError unless a trainer's batch is made of the rows' tokens, the loss on the answers alone.

    `batch` holds `input_ids`, `attention_mask`, `completion_mask`, (B, T), as the trainer's loader made them.
    """
    known = set()
    for row in given:
        for name in ("chosen_ids", "rejected_ids", "completion_ids"):
            if name in row:
                known.add((tuple(row["prompt_ids"]), tuple(row[name])))
    columns = (batch[name].tolist() for name in ("input_ids", "attention_mask", "completion_mask"))
    for ids, attention, learned in zip(*columns, strict=True):
        read = [token for token, seen in zip(ids, attention, strict=True) if seen]
        answer = [token for token, seen in zip(ids, learned, strict=True) if seen]
        prompt = read[: len(read) - len(answer)]
        if (tuple(prompt), tuple(answer)) not in known or read[-1] != end:
            raise ModelError(
                "The trainer's batch does not put the loss on the answers and their ends alone: "
                "the installed TRL differs from the one in constraints.txt, install that one."
            )


def _said(prompt: Iterable[Message]) -> list[dict[str, str]]:
    return [{"role": each.role, "content": each.content} for each in prompt]
