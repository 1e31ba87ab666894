"""Whether two texts are nearly the same: runs of words, MinHash to propose, Jaccard's index to decide. Pure.

MinHash and its bands are datasketch's (Broder 1997; Leskovec, Rajaraman, Ullman, chapter 3): the same texts
make the same sketches in every process. Left out: what follows (`learning/training/hygiene.py`), and meaning.
Run: `pytest tests/unit/learning/training/test_hygiene.py`.
"""

from __future__ import annotations

import re
from functools import lru_cache

from datasketch import MinHash, MinHashLSH

Runs = frozenset[str]
"""The runs of words of a text."""

NEAR = 0.8
"""The share of runs of words in common (Jaccard) from which on two texts are nearly one."""

RUN = 3
"""Words of a run of an answer that is compared; of questions, which are short, it is each word."""

_PERMUTATIONS = 128
_BANDS = (25, 5)
"""Bands and hashes of each: of texts with `NEAR` in common all but 1 in 20,000 are proposed, with .5 half."""

_EMPTY = MinHash(num_perm=_PERMUTATIONS, seed=1)
"""Its permutations are those of all."""


def runs(text: str, length: int = RUN) -> Runs:
    """The runs of so many words of a text, in any case and whatever stands between the words."""
    words = re.findall(r"\w+", text.casefold())
    words += [""] * (length - len(words))
    return frozenset(" ".join(words[at : at + length]) for at in range(len(words) - length + 1))


class Likes:
    """Texts that were met, each a few sets of runs, and whether one that is nearly the same is among them."""

    def __init__(self) -> None:
        self._index = MinHashLSH(num_perm=_PERMUTATIONS, params=_BANDS)
        self._met: set[tuple[Runs, ...]] = set()
        self._texts: list[tuple[Runs, ...]] = []

    def add(self, texts: tuple[Runs, ...]) -> None:
        """Note a text."""
        if texts not in self._met:
            self._met.add(texts)
            self._index.insert(len(self._texts), _sketch(texts))
            self._texts.append(texts)

    def has(self, texts: tuple[Runs, ...]) -> bool:
        """Whether one like it was noted."""
        if texts in self._met:
            return True
        near = (self._texts[at] for at in self._index.query(_sketch(texts)))
        return any(
            len(met) == len(texts)
            and all(_likeness(one, two) >= NEAR for one, two in zip(met, texts, strict=True))
            for met in near
        )


@lru_cache(2_000)
def _sketch(texts: tuple[Runs, ...]) -> MinHash:
    """One MinHash of all sets, the runs of each told apart by its place; looked for, then noted."""
    sketch = _EMPTY.copy()
    sketch.update_batch(
        [f"{place} {run}".encode() for place, some in enumerate(texts) for run in sorted(some)]
    )
    return sketch


def _likeness(one: Runs, two: Runs) -> float:
    """Jaccard's: 1 for the same runs, 0 for none in common."""
    return len(one & two) / len(one | two) if one or two else 1.0
