"""How specific a wording is: common phrases teach little, whoever says them. Pure.

Left out: learning the background from a repository's own answers by itself; `Background.of(texts)`
does it for whoever holds texts. Run: `pytest tests/unit/learning/memory/test_background.py`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from learning.memory.common import NAMES, RUNS, WORDS
from learning.memory.text import STOP, atoms, shaped

COMMON = 0.1
"""Share of documents from which on a wording says nothing."""

RARE = 0.001
"""Share of documents below which a wording is as specific as any."""


@dataclass(frozen=True)
class Background:
    """Document frequencies of wordings, in (0, 1]; what is not listed is RARE. Keys are folded, one space."""

    shares: dict[str, float] = field(repr=False)

    @classmethod
    def of(cls, texts: Iterable[str], least: int = 2) -> Background:
        """Count texts (such as a repository's own answers) on top of the shipped table.

        A wording's share is the greater of the two. Keeps counts only, of words seen in `least` texts.
        """
        counts: Counter[str] = Counter()
        total = 0
        for text in texts:
            total += 1
            counts.update({atom.casefold() for atom in atoms(text)})
        own = {word: count / total for word, count in counts.items() if count >= least and total >= 20}
        return cls({**DEFAULT.shares, **{w: max(s, DEFAULT.shares.get(w, 0.0)) for w, s in own.items()}})

    def specificity(self, words: Iterable[str]) -> float:
        """How much a run of folded words says, in [0, 1]: 0 for what everybody writes, 1 for a rare name.

        A run is as common as the table says, else as its rarest word, a little rarer for each more word.
        """
        said = [word for word in words if word not in STOP]
        if not said:
            return 0.0
        return self.run(said, min([self.shares.get(word, RARE) for word in said]), len(said))

    def run(self, words: Sequence[str], share: float, said: int) -> float:
        """The same for a run with `said` words beside stop-words, the rarest of them in `share` of texts."""
        if said > 1:
            known = self.shares.get(" ".join(words)) if words[0] in self.heads and share > RARE else None
            share = share * HALVES[said] if known is None else known
        return self.specificity_of(share)

    @cached_property
    def heads(self) -> frozenset[str]:
        """The first words of the runs that are listed: no other run need be looked up."""
        return frozenset(run.partition(" ")[0] for run in self.shares if " " in run)

    def single(self, word: str) -> float:
        """The same for one folded word: what questions are compared by."""
        return self._singles.get(word, 1.0)

    @cached_property
    def _singles(self) -> dict[str, float]:
        known = {word: self.specificity_of(share) for word, share in self.shares.items()}
        return known | dict.fromkeys(STOP, 0.0)

    @staticmethod
    @lru_cache(maxsize=4096)
    def specificity_of(share: float) -> float:
        """How much a wording says that this share of documents holds, in [0, 1]."""
        return min(1.0, max(0.0, math.log(COMMON / max(share, RARE)) / math.log(COMMON / RARE)))

    def ordinary(self, word: str) -> bool:
        """Whether a word is one of the language's own, so that prose may mean it and not a name."""
        return word.isalpha() and not shaped(word) and word.casefold() in self.shares and word not in _NAMES


HALVES = [0.5 ** max(0, words - 1) for words in range(64)]
"""What the share of a run's rarest word is multiplied by, for so many words beside stop-words."""

_NAMES = frozenset(NAMES.split())


def _table() -> dict[str, float]:
    table = {word: share for share, words in WORDS.items() for word in words.split()}
    table.update({run.replace("_", " "): share for share, runs in RUNS.items() for run in runs.split()})
    return table


DEFAULT = Background(_table())
"""The shipped table: answers about programming in general."""
