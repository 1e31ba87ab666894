"""When a lesson applies: what the questions that taught it have in common. Pure.

One question cannot tell a habit of the whole repository from a rule about its topic. Two that share
a word which chance would hardly put into both can; three that share none say: always. Left out: conditions
of several words that hold only together. Run: `pytest tests/unit/learning/memory/test_conditions.py`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from learning.memory.background import Background
from learning.memory.common import ASKING
from learning.memory.text import STOP, atoms, stem

CHANCE = 0.01
"""A shared word is a condition when chance would put it into all of the questions at most this often."""

DELETED = 0.8
"""Share of the questions with a word whose answers were deleted, from which the word is a topic to leave."""

SURE = 0.001
"""How seldom chance would put a word into so many of the deleted ones: the rarer, the fewer it takes."""

_PARTS = re.compile(r"[\W_]+")
_ASKING = frozenset(ASKING.split())


@dataclass(frozen=True)
class Condition:
    """`terms` with the part that each has in meeting it (together 1.0); `always`: whatever is asked."""

    terms: tuple[tuple[str, float], ...]
    always: bool


def condition(contexts: Sequence[str], said: str, background: Background) -> Condition:
    """The condition that the questions `contexts` suggest for a lesson that says `said`.

    Words that the lesson repeats ("for CSV files see …") are its condition; of one question, only they.
    """
    unique = list(dict.fromkeys(context for context in contexts if context))
    if not unique:
        return Condition((), False)
    held = [shares_of(context, background) for context in unique]
    counts = Counter(chain.from_iterable(held))
    shares = _greatest(held)
    size = len(unique)
    if size == 1:
        own = shares_of(said, background)
        kept = [t for t in counts if t in own and shares[t] <= 0.1]
        return _weighed(kept, shares, False)
    needed = size if size < 5 else round(0.8 * size)
    common = [t for t, count in counts.items() if count >= needed and t not in _ASKING]
    kept = [t for t in common if shares[t] ** size <= CHANCE]
    own = shares_of(said, background)
    kept = [t for t in kept if t in own] or kept
    return _weighed(kept, shares, not (kept if size > 2 else common))


def topics(deleted: Iterable[Mapping[str, float]], said: Mapping[str, int]) -> tuple[str, ...]:
    """The words that mark questions to leave alone, each enough by itself.

    `deleted` are the words (`shares_of`) of the questions whose answers were deleted; `said` counts, by word,
    all that taught anything, the deleted included. The word that most of them share comes first, then that of
    those without it: topics stand side by side.
    """
    left = list(deleted)
    shares = _greatest(left)
    counts = Counter(chain.from_iterable(left))
    spared = {term: said.get(term, 0) - count for term, count in counts.items()}
    marks = [term for term in counts if term not in _ASKING and _marks(counts[term], spared[term])]
    found: list[str] = []
    while left:
        kept = [
            (-counts[term], shares[term], term)
            for term in marks
            if _marks(counts[term], spared[term]) and _chance(len(left), counts[term], shares[term]) <= SURE
        ]
        if not kept:
            break
        found.append(min(kept)[-1])
        counts.subtract(chain.from_iterable(terms for terms in left if found[-1] in terms))
        left = [terms for terms in left if found[-1] not in terms]
    return tuple(found)


def topic_terms(chunk: str) -> frozenset[str]:
    """The words of a text without white space that `topics` looks at."""
    return frozenset(term for _, term in _words(chunk))


def shares_of(text: str, background: Background) -> dict[str, float]:
    """The words of a text that may be a condition, each with the share of texts that chance puts it into."""
    found: dict[str, float] = {}
    for chunk in text.split():
        for word, term in _words(chunk):
            share = background.shares.get(word, 0.001)
            found[term] = max(found.get(term, 0.0), 0.2 if share >= 0.1 else 2 * share)
    return found


def _greatest(held: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Of each word the greatest share: a word is as common as the most common of its forms."""
    found: dict[str, float] = {}
    for shares in held:
        for term, share in shares.items():
            if share > found.get(term, 0.0):
                found[term] = share
    return found


def _marks(count: int, spared: int) -> bool:
    """Whether a word stands in several deleted questions and in hardly any other."""
    return count > 1 and count >= DELETED * (count + spared)


def _chance(size: int, count: int, share: float) -> float:
    """How often, at most, chance puts a word of this share into `count` of `size` questions."""
    # In logarithms, for of a thousand questions the ways alone are no float any more.
    ways = math.lgamma(size + 1) - math.lgamma(count + 1) - math.lgamma(size - count + 1)
    return math.exp(min(0.0, ways + count * math.log(share)))


@lru_cache(maxsize=65536)
def _words(chunk: str) -> tuple[tuple[str, str], ...]:
    """The words of a text without white space that may be a condition, each with its term."""
    words = {part.casefold() for atom in atoms(chunk) for part in (atom, *_PARTS.split(atom))}
    return tuple((word, stem(word)) for word in words if _says(word))


def _says(word: str) -> bool:
    return word not in STOP and len(word) > 1 and not word.isdigit()


def _weighed(kept: Sequence[str], shares: dict[str, float], always: bool) -> Condition:
    """The rarest three words; one of them alone may meet the condition when it is the only one."""
    best = sorted(kept, key=lambda t: (shares[t], t))[:3]
    return Condition(tuple((t, max(0.5, 1.0 / len(best)) if len(best) < 3 else 1 / 3) for t in best), always)
