"""Vectors are read once, whoever asks and in whatever order, and never another reader's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from learning.training import reward_vectors
from learning.training.reward_vectors import Vectors


class Reader:
    """Reads a text as its length and its first letter, and notes what it was given."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def __call__(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        self.read += texts
        return np.array([[len(text), ord(text[0])] for text in texts], dtype=np.float64)


TEXTS = ["a longer one", "b", "née", "b", "\udce9 that is no UTF-8"]
WANTED = [[12, 97], [1, 98], [3, 110], [1, 98], [18, 0xDCE9]]


def test_a_text_is_read_once_by_all_runs_and_stands_in_the_order_asked_for(tmp_path: Path) -> None:
    first, second = Reader(), Reader()
    assert Vectors(tmp_path, "r", first).of(TEXTS).tolist() == WANTED
    assert sorted(first.read) == sorted(set(TEXTS))
    again = Vectors(tmp_path, "r", second).of([*TEXTS[::-1], "new"])
    assert again.tolist() == [*WANTED[::-1], [3, 110]] and second.read == ["new"]


def test_two_that_read_alike_find_what_the_other_has_read_meanwhile(tmp_path: Path) -> None:
    first, second = Reader(), Reader()
    ours, theirs = Vectors(tmp_path, "r", first), Vectors(tmp_path, "r", second)
    assert ours.of(TEXTS).tolist() == WANTED
    assert theirs.of(TEXTS).tolist() == WANTED
    assert second.read == []


def test_another_reader_reads_for_itself(tmp_path: Path) -> None:
    Vectors(tmp_path, "fp32", Reader()).of(TEXTS)
    other = Reader()
    Vectors(tmp_path, "bf16", other).of(TEXTS)
    assert sorted(other.read) == sorted(set(TEXTS))


def test_what_a_killed_run_read_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reward_vectors, "CHUNK", 2)
    reader = Reader()

    def killed(texts: Sequence[str]) -> npt.NDArray[np.float64]:
        if len(reader.read) >= 2:
            raise KeyboardInterrupt
        return reader(texts)

    with pytest.raises(KeyboardInterrupt):
        Vectors(tmp_path, "r", killed).of(TEXTS)
    (tmp_path / "unfinished").write_bytes(b"half a chunk")
    on = Reader()
    assert Vectors(tmp_path, "r", on).of(TEXTS).tolist() == WANTED
    assert len(reader.read) == 2 and sorted([*reader.read, *on.read]) == sorted(set(TEXTS))


def test_a_damaged_chunk_is_read_again(tmp_path: Path) -> None:
    Vectors(tmp_path, "r", Reader()).of(TEXTS)
    (chunk,) = tmp_path.glob("*.npz")
    for damaged in (chunk.read_bytes()[:-30], b"no archive at all", b""):
        chunk.write_bytes(damaged)
        again = Reader()
        assert Vectors(tmp_path, "r", again).of(TEXTS).tolist() == WANTED
        assert sorted(again.read) == sorted(set(TEXTS))
