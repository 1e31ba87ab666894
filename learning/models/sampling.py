"""From logits to tokens, a row a candidate: temperature, top-k, nucleus, seeds, token and phrase biases.

`generate(sequence_bias=...)` of transformers biases a phrase only on its last token, which never gets it
started; here its prefixes are ramped up, at word borders, in the spellings that text needs, and let go
after the first hit. Left out: repetition penalties, beams.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

CLAMP = 4.0  # a bias of +50 repeats its phrase for ever; ±4 persuades
_HEAD = 256  # the nucleus is looked for among so many of the likeliest tokens before all are sorted


class Picker:
    """Draws one token a row. Row i of seed s sees the same random numbers, whatever the other rows do."""

    def __init__(
        self,
        *,
        rows: int,
        seed: int,
        temperature: float,
        top_p: float,
        length: int,
        top_k: int = 0,
        also: Sequence[int] = (),
    ) -> None:
        """`top_k` likeliest tokens are drawn from (0: all), and of their chances the nucleus is taken.

        There are `rows` of `seed`, then as many of each seed in `also`.
        """
        self._temperature, self._top_p, self._top_k = temperature, top_p, top_k
        draws = []
        for each, row in itertools.product((seed, *also), range(rows)):
            generator = torch.Generator().manual_seed((each * 1_000_003 + row) % 2**63)
            draws.append(torch.rand(length, generator=generator, dtype=torch.float64))
        self._draws = torch.stack(draws)  # (B, length)

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these rows alone, in their order."""
        self._draws = self._draws[list(rows)]

    def pick(self, logits: Tensor, step: int) -> Tensor:
        """Token ids (B) from biased `logits` (B, V). Temperature 0 takes the likeliest."""
        if self._temperature == 0.0:
            return logits.argmax(-1)
        chances = (logits / self._temperature).softmax(-1)  # (B, V)
        draw = self._draws[:, step, None]  # (B, 1)
        if self._top_k:
            top, ids = chances.topk(min(self._top_k, chances.shape[1]), dim=-1)
            return self._nucleus(top / top.sum(-1, keepdim=True), ids, draw)
        if self._top_p >= 1.0:
            reach = chances.double().cumsum(-1)
            return torch.searchsorted(reach, draw * reach[:, -1:]).squeeze(-1).clamp_max(logits.shape[1] - 1)
        top, ids = chances.topk(min(_HEAD, chances.shape[1]), dim=-1)
        if bool((top.sum(-1) < self._top_p).any()):
            top, ids = chances.sort(dim=-1, descending=True)
        return self._nucleus(top, ids, draw)

    def _nucleus(self, top: Tensor, ids: Tensor, draw: Tensor) -> Tensor:
        """Of chances that fall from left to right, and their tokens (B, K): those up to top_p, one drawn."""
        reach = top.double().cumsum(-1)
        top = torch.where(reach - top < self._top_p, top, 0.0)  # the token that crosses top_p is still in
        reach = top.double().cumsum(-1)
        place = torch.searchsorted(reach, draw * reach[:, -1:], right=True).clamp_max(top.shape[1] - 1)
        return ids.gather(1, place).squeeze(-1)


@dataclass(frozen=True)
class _Spelling:
    """One token sequence of a phrase. `glued` has no space before it and so starts only at a word border."""

    phrase: int
    ids: tuple[int, ...]
    value: float
    glued: bool

    def push(self, place: int) -> float:
        """The bias on token `place`, ramped. A phrase to avoid may start: other words start like it."""
        if self.value < 0 and place == 0 and len(self.ids) > 1:
            return 0.0
        reach = place / (len(self.ids) - 1) if len(self.ids) > 1 else 1.0
        return self.value * (0.5 + 0.5 * reach)


class PhraseBiases:
    """Follows each row's text and says which next tokens to push, and by how much.

    `phrases` are (text, value), value in logits, clamped to ±4; `encode` gives token ids without special
    tokens; `piece` the text of one token.
    """

    def __init__(
        self,
        phrases: Sequence[tuple[str, float]],
        rows: int,
        encode: Callable[[str], list[int]],
        piece: Callable[[int], str],
    ) -> None:
        self._piece = piece
        self._spellings = _spellings(phrases, encode)
        self._begin: dict[int, list[_Spelling]] = {}
        for spelling in self._spellings:
            self._begin.setdefault(spelling.ids[0], []).append(spelling)
        self._open: list[list[tuple[_Spelling, int]]] = [[] for _ in range(rows)]
        self._done: list[set[int]] = [set() for _ in range(rows)]
        self._border = [True] * rows

    def add_to(self, logits: Tensor) -> None:
        """Add this step's biases to `logits` (B, V) in place."""
        for row in range(len(self._open) if self._spellings else 0):
            push = self._pushes(row)
            if push:
                ids = torch.tensor(list(push))
                values = torch.tensor([max(-CLAMP, min(CLAMP, value)) for value in push.values()])
                logits[row].index_add_(0, ids, values.to(logits.dtype))

    def _pushes(self, row: int) -> dict[int, float]:
        done, push = self._done[row], dict[int, float]()
        starts = ((each, 0) for each in self._spellings if self._border[row] or not each.glued)
        for spelling, place in (*self._open[row], *starts):
            if spelling.phrase in done:
                continue
            token, value = spelling.ids[place], spelling.push(place)
            former = push.get(token, 0.0)
            if value * former < 0:
                push[token] = former + value
            else:  # spellings share beginnings: the strongest counts, they do not add up
                push[token] = max(former, value, key=abs)
        return {token: value for token, value in push.items() if value}

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these rows alone, in their order."""
        self._open, self._done = [self._open[row] for row in rows], [self._done[row] for row in rows]
        self._border = [self._border[row] for row in rows]

    def saw(self, row: int, token: int) -> None:
        """Tell that `row` now ends with `token`."""
        if not self._spellings:
            return
        places = self._open[row] + [
            (each, 0) for each in self._begin.get(token, ()) if self._border[row] or not each.glued
        ]
        still = []
        for spelling, place in places:
            if spelling.ids[place] != token:
                continue
            if place + 1 < len(spelling.ids):
                still.append((spelling, place + 1))
            elif spelling.value > 0:
                self._done[row].add(spelling.phrase)
        self._open[row] = still
        text = self._piece(token)
        self._border[row] = not (text[-1:].isalnum() or text[-1:] == "_")


def _spellings(phrases: Sequence[tuple[str, float]], encode: Callable[[str], list[int]]) -> list[_Spelling]:
    found = []
    for index, (text, value) in enumerate(phrases):
        text = text.strip()
        if not text or not value:
            continue
        value = max(-CLAMP, min(CLAMP, value))
        forms = [text]
        if re.fullmatch(r"[a-z][a-z' -]*", text):
            forms.append(text[0].upper() + text[1:])
        for form in forms:
            for spaced in (" " + form, form):
                ids = tuple(encode(spaced))
                if ids:
                    found.append(_Spelling(index, ids, value, spaced == form))
    return found


def dense(biases: Mapping[int, float], vocab: int) -> Tensor | None:
    """OpenAI's `logit_bias` as a row (V) to add; None when empty. Raises ValueError for an unknown token."""
    if not biases:
        return None
    row = torch.zeros(vocab)
    for token, value in biases.items():
        if not 0 <= token < vocab:
            raise ValueError(f"logit_bias names token {token}, but the vocabulary has {vocab}")
        row[token] = max(-100.0, min(100.0, value))
    return row
