"""The reward's bounded terms: what an encoder cannot see or is fooled by; each has a most, none is above 0.

Each is zero for ordinary answers (a dead band) and falls in a straight line to its bound, so that no term can
be climbed and none outweighs what the network says for ever. Pure. Left out: bonuses, which a policy would
collect; languages other than Python in "code that parses".
Run: pytest tests/unit/learning/training/test_reward_terms.py
"""

from __future__ import annotations

import ast
import math
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from storage.errors import ConfigurationError

_PYTHON = re.compile(r"^```[ \t]*(?:python3?|py3?)[ \t]*\n(.*?)^```[ \t]*$", re.DOTALL | re.MULTILINE)
_FENCE = re.compile(r"^```", re.MULTILINE)
_WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Where each term begins, and the most that it takes off."""

    shortest_words: int = 6
    """Fewer words than these cost; none at all cost `length`."""
    longest_words: int = 300
    """More words than these cost; twice as many cost `length`."""
    length: float = 0.4
    repeated_from: float = 0.5
    """Share of an answer's word triples that were there before, from which on it costs."""
    repetition: float = 0.5
    copied_from: float = 0.75
    """Share of an answer's word triples that the question has, from which on it costs; all of them cost
    `overlap`."""
    overlap: float = 0.8
    no_end: float = 0.3
    """For an answer that did not end by itself, or leaves a code block open."""
    broken_code: float = 0.1
    """For a block that calls itself Python and is none."""

    def check(self) -> None:
        """Raise ConfigurationError for bounds by which a term would earn something, or divide by nothing."""
        for name in ("shortest_words", "length", "repetition", "overlap", "no_end", "broken_code"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ConfigurationError(
                    f"The option {name} is {getattr(self, name)}: it must not be negative."
                )
        for name in ("repeated_from", "copied_from"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigurationError(
                    f"The option {name} is {getattr(self, name)}: it must be from 0 to under 1."
                )
        if not self.longest_words > 0:
            raise ConfigurationError(f"The option longest_words is {self.longest_words}: it must be over 0.")


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What each term takes off one answer: numbers in [-bound, 0]."""

    length: float = 0.0
    repetition: float = 0.0
    overlap: float = 0.0
    no_end: float = 0.0
    broken_code: float = 0.0

    @property
    def total(self) -> float:
        """Their sum."""
        return self.length + self.repetition + self.overlap + self.no_end + self.broken_code


def terms(question: str, answer: str, ended: bool | None, bounds: Bounds) -> Terms:
    """The terms of one answer. `ended`: whether the policy ended it by itself, None where nobody knows."""
    words = _WORD.findall(answer.lower())
    triples = list(_triples(words))
    asked = set(_triples(_WORD.findall(question.lower())))
    repeated = 1 - len(set(triples)) / len(triples) if triples else 0.0
    copied = sum(triple in asked for triple in triples) / len(triples) if triples else 0.0
    open_block = len(_FENCE.findall(answer)) % 2 == 1
    return Terms(
        length=-bounds.length * _outside(len(answer.split()), bounds),
        repetition=-bounds.repetition * _past(repeated, bounds.repeated_from),
        overlap=-bounds.overlap * _past(copied, bounds.copied_from),
        no_end=-bounds.no_end if ended is False or open_block else 0.0,
        broken_code=-bounds.broken_code
        if any(not _parses(code) for code in _PYTHON.findall(answer))
        else 0.0,
    )


def _triples(words: list[str]) -> Iterator[tuple[str, ...]]:
    """Three words in a row; all of them where there are fewer."""
    if 0 < len(words) < 3:
        yield tuple(words)
    for at in range(len(words) - 2):
        yield tuple(words[at : at + 3])


def _past(share: float, start: float) -> float:
    """0 up to `start`, then in a straight line to 1 at a share of 1."""
    return max(0.0, (share - start) / (1 - start))


def _outside(words: int, bounds: Bounds) -> float:
    """How far a length is outside its dead band: 0 within, 1 for nothing and for twice the longest."""
    if words < bounds.shortest_words:
        return 1 - words / bounds.shortest_words
    return min(1.0, max(0.0, words / bounds.longest_words - 1))


def _parses(code: str) -> bool:
    """Whether it is Python. Never runs it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
