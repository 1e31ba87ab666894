"""What is wrong with rows beside each other: secrets, near-duplicates, one voice too often. Pure.

Each step takes rows and leaves some, the same ones whatever their order; what is left out is counted. Of two
rows that contradict each other the newer holds, as in the memory. What is held out stays: what would train on
nearly the same question goes. Left out: when texts are nearly the same (`learning/training/likeness.py`), and
whose events are heard at all.
Run: `pytest tests/unit/learning/training/test_hygiene.py`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from datetime import UTC, datetime

from learning.training.columns import KINDS, line, record
from learning.training.likeness import Likes, Runs, runs
from learning.training.preferences import Item
from learning.training.rows import Demonstration, Judged, PreferencePair, Split, Triplet
from storage.redaction import CUT, redact

PER_PERSON = 100
"""Rows of one kind in one snapshot that a person has a say in, the newest first."""

PER_REPOSITORY = 1000
"""Rows of one kind that one repository has in a snapshot of several: it alone says who its people are."""

SHORT = 5
"""A question of fewer words (`Why?`) is not known again by itself: then the answers are compared, too."""

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
    """Leave out every row in which something looks like a secret, or one was cut out: any of its texts."""
    left = [item for item in items if not any(CUT in redact(text) for text in _every_text(item))]
    return left, len(items) - len(left)


def apart(items: Sequence[Item]) -> Step:
    """Leave out what trains on nearly a question that is held out; what validates, for what tests.

    Of two repositories the answers are to be near, too: both ask `How do I run the tests?` and mean their
    own, and nobody takes another's rows out by asking what they asked.
    """
    left: list[Item] = []
    asked: dict[int, Likes] = defaultdict(Likes)
    answered = Likes()
    for split in (Split.TEST, Split.VALIDATION, Split.TRAIN):
        kept = [
            item
            for item in items
            if item.row.origin.split is split
            and not asked[item.row.origin.repository_id].has(_asked(item))
            and not answered.has(_answered(item))
        ]
        for item in kept:
            asked[item.row.origin.repository_id].add(_asked(item))
            answered.add(_answered(item))
        left += kept
    return left, len(items) - len(left)


def unlike(items: Sequence[Item]) -> Step:
    """Leave one of several rows of a kind that say nearly the same, or just the opposite, of one question.

    In one repository it is the newest, or the one that is held out. Of two repositories it is the older one:
    nobody takes another's rows out by saying later what they said, or the opposite.
    """
    own: list[Item] = []
    seen: dict[Hashable, Likes] = defaultdict(Likes)
    said: set[Hashable] = set()
    for item in _newest(items, held_out_first=True):
        kind, texts = (item.row.origin.repository_id, *_kind(item)), _texts(item)
        either_way = (kind[:2], texts[0], frozenset(texts[1:]))
        if either_way not in said and not seen[kind].has(texts):
            said.add(either_way)
            seen[kind].add(texts)
            own.append(item)
    left: list[Item] = []
    everywhere: dict[Hashable, Likes] = defaultdict(Likes)
    for item in reversed(_newest(own)):
        if not everywhere[_kind(item)].has(_texts(item)):
            everywhere[_kind(item)].add(_texts(item))
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


def _asked(item: Item) -> tuple[Runs, ...]:
    """What a question is known by: itself, or with its answers where it is short."""
    alone = runs(item.question, 1)
    return (alone,) if len(item.question.split()) >= SHORT else (alone, *map(runs, _answers(item)))


def _answered(item: Item) -> tuple[Runs, ...]:
    """A question with the answer that is good, or is judged."""
    return (runs(item.question, 1), runs(_answers(item)[0]))


def _texts(item: Item) -> tuple[Runs, ...]:
    """A question with all answers, in their order."""
    return (runs(item.question, 1), *map(runs, _answers(item)))


def _kind(item: Item) -> tuple[type, bool | None]:
    """What rows are compared with: of their kind, judged answers with those that were judged alike."""
    return (type(item.row), item.row.label if isinstance(item.row, Judged) else None)
