"""The small world's questions as a snapshot: a hundred and twenty, of which every second one is held out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path

from learning import prompt
from learning.training import snapshot
from learning.training.rows import Demonstration, Origin, Rows, Source, Split
from learning.training.small_world import DEEDS, THINGS, asked, judge
from learning.training.splitting import split_of, thread_group
from learning.training.taught_policy import write_base

__all__ = ["RIGHT", "judge", "write_base"]
RIGHT = {asked(deed, thing): text for deed, text in DEEDS.items() for thing in THINGS}


def demonstrations() -> list[Demonstration]:
    """Every question with its right answer, each a thread in one of three repositories."""
    made = []
    numbers = count(1)
    for place, thing in enumerate(THINGS):
        for turn, deed in enumerate(DEEDS):
            wanted = Split.TEST if (place + turn) % 2 else Split.TRAIN
            groups = (thread_group(1 + place % 3, number) for number in numbers)
            group = next(group for group in groups if split_of(group) is wanted)
            origin = Origin(
                source=Source.EXAMPLE,
                group=group,
                split=wanted,
                template=prompt.TEMPLATE,
                repository_id=1 + place % 3,
            )
            made.append(
                Demonstration(
                    prompt=prompt.build(asked(deed, thing), ""),
                    completion=DEEDS[deed],
                    origin=origin,
                )
            )
    return made


def write_snapshot(into: Path, rows: Sequence[Demonstration] | None = None) -> Path:
    found = demonstrations() if rows is None else list(rows)
    return snapshot.write(Rows(demonstrations=tuple(found)), into, about={"made": "for a test"}).folder
