"""What an adapter learned from stands beside it, its parent's with it, and is known under any id."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from learning.models import adapters
from learning.training import alternatives, artefact, seen, sft
from learning.training.reward_data import key_of
from learning.training.rows import Split
from tests.unit.learning.training.demonstrations import demonstration, write_snapshot
from tests.unit.learning.training.test_alternatives import pair, thumb, write
from tests.unit.learning.training.toy import letters

pytestmark = pytest.mark.filterwarnings(
    "ignore:`is_gradient_checkpointing`:FutureWarning", "ignore::DeprecationWarning"
)
QUIET = Console(quiet=True)


def keys(folder: Path) -> list[str]:
    return (folder / seen.FILE).read_text().splitlines()


def of(*questions: str) -> list[str]:
    return sorted(key_of(one) for one in questions)


def test_sft_keeps_what_it_learned_its_parents_too_and_not_what_it_measured_on(
    base: Path, tmp_path: Path
) -> None:
    rows = [demonstration(number) for number in range(1, 5)]
    rows += [demonstration(7, completion="long " * 99), demonstration(9, Split.VALIDATION)]
    options = sft.Options(
        data=write_snapshot(tmp_path, rows), out=tmp_path / "first", model=str(base), cache=tmp_path,
        rank=2, batch=2, accumulate=1, max_steps=1, longest=200, precision="fp32", threads=1,
    )  # fmt: skip
    first = sft.run(options, console=QUIET).manifest
    learned = [f"What is {number}?" for number in range(1, 5)]
    assert keys(options.out) == of(*learned)
    assert (first.data["seen"], seen.of(options.out).whole) == (4, True)
    more = write_snapshot(tmp_path, [demonstration(number) for number in (4, 11, 12)])
    child = replace(options, data=more, out=tmp_path / "second", parent=options.out)
    assert sft.run(child, console=QUIET).manifest.data["seen"] == 6
    assert keys(child.out) == of(*learned, "What is 11?", "What is 12?")


@pytest.mark.parametrize("algorithm", ["dpo", "kto", "rloo"])
def test_the_alternatives_keep_what_they_learned(algorithm: Any, base: Path, tmp_path: Path) -> None:
    numbers = range(1, 7)
    data = write(
        tmp_path,
        pairs=[*map(pair, numbers), pair(8, Split.VALIDATION)],
        judged=[*(thumb(n, n % 2 == 0) for n in numbers), thumb(8, True, Split.VALIDATION)],
    )
    options = alternatives.Options(
        algorithm=algorithm, data=data, out=tmp_path / "out", model=str(base), cache=tmp_path,
        rank=2, batch=4, accumulate=1, max_steps=1, fewest=2, attempts=2, max_answer=6, longest=200,
        precision="fp32", threads=1,
    )  # fmt: skip
    alternatives.run(options, reward=letters if algorithm == "rloo" else None, console=QUIET)
    assert keys(options.out) == of(*(f"{number}?" for number in numbers))


def told(folder: Path, base: Path, data: dict[str, object]) -> Path:
    """An adapter's folder, no more in it than what is looked at."""
    folder.mkdir()
    for name in (*adapters.NEEDED, seen.FILE):
        (folder / name).write_text("c0ffee\n")
    files = {name: artefact.store.sha256_of(folder / name) for name in (*adapters.NEEDED, seen.FILE)}
    about = adapters.Manifest(
        stage="sft", run="sft-1", base="b", base_name="tiny", template="t", template_version="t",
        snapshot="s", data=data, files=files,
    )  # fmt: skip
    (folder / adapters.MANIFEST).write_text(about.text())
    return folder


def test_who_goes_on_from_an_adapter_that_does_not_say_does_not_know_all(base: Path, tmp_path: Path) -> None:
    whole = told(tmp_path / "whole", base, {"seen": 1})
    part = told(tmp_path / "part", base, {"seen": None})
    (tmp_path / "theirs").mkdir()
    assert seen.learned(["a"], whole).said == {"seen": 2}
    for folder in (part, tmp_path / "theirs"):
        assert seen.learned(["a"], folder).said == {"seen": None}
        assert not seen.together([whole, folder]).whole
    assert seen.of(part).keys == {"c0ffee"}
    assert seen.together([]).whole
