"""Small snapshots of demonstrations, for rules."""

from pathlib import Path

from learning import prompt
from learning.training import snapshot
from learning.training.rows import Demonstration, Origin, Rows, Source, Split


def demonstration(number: int, split: Split = Split.TRAIN, **other: object) -> Demonstration:
    """A question and its answer, of a group of its own."""
    template = str(other.pop("template", prompt.TEMPLATE))
    origin = Origin(
        source=Source.CORPUS,
        group=f"{split.value}:{number}",
        split=split,
        template=template,
        licence="CC-BY-SA-4.0",
        url=f"https://example.org/{number}",
    )
    values: dict[str, object] = {
        "prompt": prompt.build(f"What is {number}?", ""),
        "completion": f"It is {number * 'x'}.",
        "origin": origin,
    }
    return Demonstration(**{**values, **other})  # type: ignore[arg-type]


def write_snapshot(into: Path, rows: list[Demonstration] | None = None) -> Path:
    """The folder of a snapshot: eight demonstrations to learn and two to measure, unless others are given."""
    if rows is None:
        rows = [demonstration(number) for number in range(1, 9)]
        rows += [demonstration(number, Split.VALIDATION) for number in (3, 5)]
    return snapshot.write(Rows(demonstrations=tuple(rows)), into, about={"made": "for a test"}).folder
