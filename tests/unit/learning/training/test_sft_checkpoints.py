"""A run goes on from its last whole checkpoint, and from no other run's."""

from pathlib import Path

import pytest

from learning.models import store
from learning.training.sft_checkpoints import Work
from storage.errors import SetupError


def checkpoint(work: Work, step: int, *, sealed: bool = True) -> Path:
    folder = work.folder / f"checkpoint-{step}"
    folder.mkdir()
    (folder / "optimizer.pt").write_bytes(b"moments")
    if sealed:
        store.seal(folder)
    return folder


def test_the_newest_whole_checkpoint_is_gone_on_from_and_torn_ones_go(tmp_path: Path) -> None:
    work = Work(tmp_path / "out", "sft-1")
    assert work.latest() is None
    checkpoint(work, 9)
    newest, torn = checkpoint(work, 10), checkpoint(work, 11, sealed=False)
    damaged = checkpoint(work, 12)
    (damaged / "optimizer.pt").write_bytes(b"momentz")
    assert Work(tmp_path / "out", "sft-1").latest() == newest
    assert not torn.exists()
    assert not damaged.exists()


def test_another_runs_work_is_begun_anew(tmp_path: Path) -> None:
    work = Work(tmp_path / "out", "sft-1")
    work.note(before=2.5)
    checkpoint(work, 10)
    assert Work(tmp_path / "out", "sft-1").notes == {"run": "sft-1", "before": 2.5}
    other = Work(tmp_path / "out", "sft-2")
    assert other.latest() is None
    assert other.notes == {"run": "sft-2"}


def test_once_the_adapter_stands_nothing_is_left(tmp_path: Path) -> None:
    work = Work(tmp_path / "out", "sft-1")
    checkpoint(work, 3)
    work.done()
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match="name another --out"):
        Work(tmp_path / "file" / "out", "sft-1")
