"""What a person changed in a text: removed, added, replaced and reworded spans. Pure.

Which atoms changed: `pieces.py`. White space, case of prose, inflection, punctuation, emphasis and where a
reference's link leads are no change (`cosmetic.py`). Spans are as small as they can be and mean the same
elsewhere: a word of a command takes its program along, a form that also stands uncorrected a neighbour.
Left out: sentences that moved and changed at once. Run: `pytest tests/unit/learning/memory/test_edits.py`.
"""

from __future__ import annotations

import re
from collections import Counter
from difflib import SequenceMatcher

from learning.memory import spans
from learning.memory.cosmetic import alike
from learning.memory.forms import file_name, name
from learning.memory.pieces import PAIRS, Side, opens, pieces
from learning.memory.text import STOP, count_words, normal
from storage.records import Edit, Replacement

_DEFINITION = re.compile(r"\[[^\]]+\]:\s")  # where a link of Markdown leads: it shows in no text


def diff(before: str, after: str) -> Edit:
    """Compare two texts. An edit that only a typographer sees has no spans (`teaches` is False)."""
    before, after = before.replace("\r\n", "\n"), after.replace("\r\n", "\n")
    old, new = Side.of(before), Side.of(after)
    removed: list[str] = []
    added: list[str] = []
    replaced: list[Replacement] = []
    reworded: list[str] = []
    for piece in pieces(old, new):
        a, b, c, d = piece
        found = spans.replacement(old, new, piece)
        if found and spans.reworded(old, new, piece):
            reworded.append(new.slice(c, d))
            continue
        if found is not None:
            replaced += found
            continue
        removed += _spans(old, a, b)
        added += _spans(new, c, d)
    removed, added = _unmoved(removed, added)
    return Edit(
        removed=tuple(removed),
        added=tuple(added),
        replaced=_unimplied(replaced),
        reworded=tuple(reworded),
        distance=_distance(before, after),
        words_before=count_words(before),
        words_after=count_words(after),
    )


def _spans(side: Side, start: int, end: int) -> list[str]:
    """What a removal or an addition holds: whole sentences each for itself, the rest as runs."""
    found: list[str] = []
    at = start
    while at < end:
        position = side.atoms[at].start
        a, b = next(
            ((a, b) for a, b in side.sentences if a <= position < b), (position, side.atoms[end - 1].end)
        )
        stop = at
        while stop < end and side.atoms[stop].start < b:
            stop += 1
        whole = opens(side, at) and (stop == len(side.atoms) or side.atoms[stop].start >= b)
        text = side.text[a:b].strip() if whole else side.slice(at, stop)
        says = any(t.code or not (t.text.isdigit() or t.text.casefold() in STOP) for t in side.atoms[at:stop])
        if says and not _DEFINITION.match(text):
            found.append(text)
        at = stop
    return found


def _unimplied(replaced: list[Replacement]) -> tuple[Replacement, ...]:
    """Each replacement once, without those that a bare name's (`logging` → `structlog`) implies."""
    names = {r.wrong: r.right for r in replaced if name(r.wrong) and name(r.right)}
    return tuple(r for r in dict.fromkeys(replaced) if name(r.wrong) or not _implied(r, names))


def _implied(replaced: Replacement, names: dict[str, str]) -> bool:
    parts = replaced.wrong.split(".")
    head = names.get(parts[0])
    return (
        head is not None
        and not file_name(replaced.wrong)
        and [head if p == parts[0] else p for p in parts] == replaced.right.split(".")
    )


def _unmoved(removed: list[str], added: list[str]) -> tuple[list[str], list[str]]:
    """Take out what was only moved."""
    moved = Counter(map(normal, removed)) & Counter(map(normal, added))
    return _less(removed, moved.copy()), _less(added, moved.copy())


def _less(texts: list[str], moved: Counter[str]) -> list[str]:
    kept = []
    for text in texts:
        if moved[normal(text)] > 0:
            moved[normal(text)] -= 1
        else:
            kept.append(text)
    return kept


def _distance(before: str, after: str) -> float:
    """Share of the words of both texts that changed, in [0, 1]; white space counts for nothing."""
    one, two = before.split(), after.split()
    total = len(one) + len(two)
    start, end = alike(one, two)
    one, two = one[start : len(one) - end], two[start : len(two) - end]
    left = len(one) + len(two)
    if not left:
        return 0.0
    matcher = SequenceMatcher(None, one, two, autojunk=False)
    ratio = matcher.quick_ratio() if len(one) * len(two) > PAIRS else matcher.ratio()
    return (1.0 - ratio) * left / total
