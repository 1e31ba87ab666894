"""Answers drawn from the policy in batches: prompts padded left, keys and values kept, ended rows dropped.

Each answer's random numbers follow from (seed, step, its number in the batch) alone, so that batches may be
cut in any way, over any number of processes, and a run that is resumed draws what it would have drawn. Drawn
from softmax(logits / temperature) over the whole vocabulary: `ppo_math.py` says why.

Left out: stop strings, nucleus and top-k, continuous batching.
Run: `pytest tests/unit/learning/training/test_rollouts.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import DynamicCache

from learning.training.roles import Roles


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer: its tokens, the end token among them where it `ended` by itself, and its text without."""

    ids: tuple[int, ...]
    ended: bool
    text: str


def seed_of(*parts: int | str) -> int:
    """A seed for torch (63 bits) from what it is for: the same on every machine."""
    digest = hashlib.sha256(":".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def draws(seed: int, step: int | str, numbers: Sequence[int], length: int) -> Tensor:
    """Uniform random numbers (rows, length) in [0, 1): each row's follow from its own number."""
    rows = [
        torch.rand(
            length, dtype=torch.float64, generator=torch.Generator().manual_seed(seed_of(seed, step, number))
        )
        for number in numbers
    ]
    return torch.stack(rows)


def pick(logits: Tensor, draw: Tensor, temperature: float) -> Tensor:
    """Token ids (B): where `draw` (B) falls in the cumulated chances of softmax(logits / temperature).

    `logits` (B, V). Temperature 0 takes the likeliest.
    """
    if temperature == 0:
        return logits.argmax(-1)
    reach = (logits.float() / temperature).softmax(-1).double().cumsum(-1)
    place = torch.searchsorted(reach, draw.unsqueeze(1) * reach[:, -1:], right=True).squeeze(1)
    return place.clamp_max(logits.shape[1] - 1)


@torch.no_grad()
def write(
    roles: Roles, prompts: Sequence[Sequence[int]], chances: Tensor, *, temperature: float, at_once: int
) -> list[Answer]:
    """An answer of the policy to each prompt (token ids), of at most `chances.shape[1]` tokens.

    `chances` (prompts, T) are the random numbers; `at_once` prompts, of like length, share a batch.
    """
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
    found: dict[int, Answer] = {}
    for start in range(0, len(order), at_once):
        chosen = order[start : start + at_once]
        batch = _batch(roles, [prompts[index] for index in chosen], chances[chosen], temperature)
        found.update(zip(chosen, batch, strict=True))
    return [found[index] for index in range(len(prompts))]


def _batch(
    roles: Roles, prompts: Sequence[Sequence[int]], chances: Tensor, temperature: float
) -> list[Answer]:
    start = roles.sequences(prompts, [[roles.pad]] * len(prompts))
    ids, attention = start.ids[:, :-1], start.attention[:, :-1]
    chances = chances.to(roles.device)
    ends = torch.tensor(sorted(roles.ends), device=roles.device)
    written: list[list[int]] = [[] for _ in prompts]
    rows = list(range(len(prompts)))  # which answer each row of the batch writes
    cache = DynamicCache()
    for place in range(chances.shape[1]):
        logits = roles.step(ids, attention, cache)
        chosen = pick(logits, chances[:, place], temperature)
        for row, token in zip(rows, chosen.tolist(), strict=True):
            written[row].append(token)
        alive = (~torch.isin(chosen, ends)).nonzero().squeeze(1)
        if not len(alive):
            break
        if len(alive) < len(rows):
            cache.batch_select_indices(alive)
            rows = [rows[index] for index in alive.tolist()]
            attention, chances, chosen = attention[alive], chances[alive], chosen[alive]
        ids = chosen.unsqueeze(1)
        attention = torch.cat((attention, torch.ones_like(ids)), dim=1)
    return [_answer(roles, each) for each in written]


def _answer(roles: Roles, ids: list[int]) -> Answer:
    ended = ids[-1] in roles.ends
    text = roles.tokens.decode(ids[:-1] if ended else ids)
    return Answer(ids=tuple(ids), ended=ended, text=text.strip())
