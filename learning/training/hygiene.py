"""What is wrong with rows beside each other: secrets, near-duplicates, one voice too often. Pure.

Each step takes rows and leaves some, the same ones whatever their order; what is left out is counted.
Near-duplicates are proposed by MinHash (Broder 1997, by datasketch) over runs of words, and then compared
exactly. Of two rows that contradict each other the newer holds, as in the memory. What is held out stays:
what would train on nearly the same question goes. Not here: whose events are heard at all.
Run: `pytest tests/unit/learning/training/test_hygiene.py`.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from datetime import UTC, datetime

from datasketch import MinHash, MinHashLSH

from learning.training.columns import KINDS, line, record
from learning.training.preferences import Item
from learning.training.rows import Demonstration, Judged, PreferencePair, Split, Triplet
from storage.redaction import redact

PER_PERSON = 100
"""Rows of one kind in one snapshot that a person has a say in, the newest first."""

PER_REPOSITORY = 1000
"""Rows of one kind that one repository has in a snapshot of several: it alone says who its people are."""

NEAR = 0.8
"""The share of runs of words in common (Jaccard) from which on two texts are nearly one."""

RUN = 3
"""Words of a run of an answer that is compared; of questions, which are short, it is each word."""

SHORT = 5
"""A question of fewer words (`Why?`) is not known again by itself: then the answers are compared, too."""

_PERMUTATIONS = 128
_BANDS = (25, 5)
"""Bands and hashes of each: of texts with `NEAR` in common all but 1 in 20,000 are proposed, with .5 half."""

_HELD_OUT = {Split.TEST: 0, Split.VALIDATION: 1, Split.TRAIN: 2}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Step = tuple[list[Item], int]
"""The rows that a step leaves, and how many it took out."""


def cleaned(items: Iterable[Item], *, shared: bool) -> tuple[list[Item], dict[str, int]]:
    """All steps, in their order; the rows that are left, and how many each step took out.

    `shared`: the snapshot is one of several repositories' rows.
    """
    steps: list[tuple[str, Callable[[list[Item]], Step]]] = [
        ("unreadable", readable),
        ("secret", without_secrets),
        ("held_out", apart),
        ("near_duplicate", unlike),
        ("person_cap", lambda left: capped(left, _people, PER_PERSON)),
    ]
    if shared:
        steps.append(("repository_cap", lambda left: capped(left, _repository, PER_REPOSITORY)))
    left, counts = list(items), {}
    for name, step in steps:
        left, counts[name] = step(left)
    return left, counts


def readable(items: Sequence[Item]) -> Step:
    """Leave out what no snapshot can hold, such as half a character in a prompt: one row spoils no export."""
    left = [item for item in items if _line(item) is not None]
    return left, len(items) - len(left)


def without_secrets(items: Sequence[Item]) -> Step:
    """Leave out every row in which something looks like a secret: an answer, a prompt, a question."""
    left = [item for item in items if not any(redact(text) != text for text in _every_text(item))]
    return left, len(items) - len(left)


def apart(items: Sequence[Item]) -> Step:
    """Leave out what trains on nearly a question that is held out; what validates, for what tests."""
    left: list[Item] = []
    held = _Likes()
    for split in (Split.TEST, Split.VALIDATION, Split.TRAIN):
        some = [item for item in items if item.row.origin.split is split]
        kept = [item for item in some if not held.has(_asked(item))]
        for item in kept:
            held.add(_asked(item))
        left += kept
    return left, len(items) - len(left)


def unlike(items: Sequence[Item]) -> Step:
    """Leave one of several rows of a kind that say nearly the same, or just the opposite, of one question."""
    left: list[Item] = []
    seen: dict[Hashable, _Likes] = defaultdict(_Likes)
    said: set[Hashable] = set()
    for item in _newest(items, held_out_first=True):
        kind, texts = type(item.row), (_runs(item.question, 1), *map(_runs, _answers(item)))
        label = item.row.label if isinstance(item.row, Judged) else None
        alike, either_way = seen[kind, label], (kind, texts[0], frozenset(texts[1:]))
        if either_way not in said and not alike.has(texts):
            said.add(either_way)
            alike.add(texts)
            left.append(item)
    return left, len(items) - len(left)


def capped(items: Sequence[Item], whose: Callable[[Item], Iterable[Hashable]], most: int) -> Step:
    """Leave `most` rows of a kind to each of those that `whose` names, the newest."""
    left: list[Item] = []
    counts: Counter[tuple[type, Hashable]] = Counter()
    for item in _newest(items):
        keys = [(type(item.row), one) for one in whose(item)]
        if all(counts[key] < most for key in keys):
            counts.update(keys)
            left.append(item)
    return left, len(items) - len(left)


def _people(item: Item) -> tuple[int, ...]:
    return item.row.origin.people


def _repository(item: Item) -> tuple[int, ...]:
    return (item.row.origin.repository_id,) if item.row.origin.repository_id else ()


def _newest(items: Iterable[Item], *, held_out_first: bool = False) -> list[Item]:
    """The newest first; those of one moment in the order of their own text."""

    def place(item: Item) -> tuple[int, float, str]:
        origin = item.row.origin
        at = (origin.judged_at or origin.asked_at or _EPOCH).timestamp()
        return (_HELD_OUT[origin.split] if held_out_first else 0, -at, _line(item) or "")

    return sorted(items, key=place)


def _line(item: Item) -> str | None:
    kind = next(kind for kind in KINDS if kind.row is type(item.row))
    try:
        text = line(record(kind, item.row))
        text.encode()
    except ValueError:
        return None
    return text


def _answers(item: Item) -> tuple[str, ...]:
    match item.row:
        case PreferencePair(chosen=one, rejected=two) | Triplet(better=one, worse=two):
            return (one, two)
        case Judged(completion=one) | Demonstration(completion=one):
            return (one,)


def _every_text(item: Item) -> Iterator[str]:
    yield item.question
    yield from _answers(item)
    if not isinstance(item.row, Triplet):
        yield from (message.content for message in item.row.prompt)


Runs = frozenset[str]


def _asked(item: Item) -> tuple[Runs, ...]:
    """What a question is known by: itself, or with its answers where it is short."""
    alone = _runs(item.question, 1)
    return (alone,) if len(item.question.split()) >= SHORT else (alone, *map(_runs, _answers(item)))


def _runs(text: str, length: int = RUN) -> Runs:
    """The runs of so many words of a text, in any case and whatever stands between the words."""
    words = re.findall(r"\w+", text.casefold())
    words += [""] * (length - len(words))
    return frozenset(" ".join(words[at : at + length]) for at in range(len(words) - length + 1))


class _Likes:
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


def _sketch(texts: tuple[Runs, ...]) -> MinHash:
    """One MinHash of all sets, the runs of each told apart by its place."""
    sketch = MinHash(num_perm=_PERMUTATIONS, seed=1)
    sketch.update_batch(
        [f"{place} {run}".encode() for place, runs in enumerate(texts) for run in sorted(runs)]
    )
    return sketch


def _likeness(one: Runs, two: Runs) -> float:
    """Jaccard's: 1 for the same runs, 0 for none in common."""
    return len(one & two) / len(one | two) if one or two else 1.0
