"""A snapshot is its content: the same rows make the same bytes, and no byte of it changes unnoticed."""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.training import snapshot
from learning.training.rows import Rows, Split
from learning.training.snapshot import MANIFEST, Snapshot, read, write
from storage.errors import DataError, SetupError
from tests.unit.learning.training.made import demonstration, judged, origin, pair, rows, triplet

ABOUT = {"scope": "shared", "consent": [{"repository": "octo/inkwell"}]}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return write(rows(), tmp_path_factory.mktemp("snapshots"), about=ABOUT)


@pytest.fixture
def copied(written: Snapshot, tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / written.id
    shutil.copytree(written.folder, folder)
    yield folder


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def as_sets(held: Rows) -> tuple[set[Any], ...]:
    return set(held.pairs), set(held.judged), set(held.demonstrations), set(held.triplets)


def test_what_was_written_is_read(written: Snapshot) -> None:
    again = read(written.folder)
    assert as_sets(again.rows) == as_sets(rows())
    assert (again.id, again.manifest) == (written.id, written.manifest)
    assert written.folder.name == written.id


def test_the_same_rows_in_another_order_make_the_same_bytes(written: Snapshot, tmp_path: Path) -> None:
    made = rows()
    turned = Rows(
        pairs=made.pairs[::-1],
        judged=(*made.judged[7:], *made.judged[:7]),
        demonstrations=made.demonstrations[::-1],
        triplets=made.triplets[::-1],
    )
    other = write(turned, tmp_path, about=dict(reversed(ABOUT.items())))
    assert other.id == written.id
    assert content(other.folder) == content(written.folder)


def test_a_snapshot_bears_the_latest_time_at_which_its_rows_were_read_and_the_same_bytes(
    written: Snapshot, tmp_path: Path
) -> None:
    noon = datetime(2026, 11, 21, 12, tzinfo=UTC)
    for hours, kept in ((0, 0), (2, 2), (1, 2)):
        made = write(rows(), tmp_path, about=ABOUT, as_of=noon + timedelta(hours=hours))
        assert made.as_of == noon + timedelta(hours=kept)
    assert (made.id, content(made.folder)) == (written.id, content(written.folder))


@pytest.mark.slow
def test_another_process_makes_the_same_bytes(written: Snapshot, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from learning.training.snapshot import write\n"
        "from tests.unit.learning.training.made import rows\n"
        "from tests.unit.learning.training.test_snapshot import ABOUT\n"
        "print(write(rows(), Path(sys.argv[1]), about=ABOUT).id)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[4],
        timeout=300,
    )
    assert done.stdout.strip() == written.id
    assert content(tmp_path / written.id) == content(written.folder)


def test_other_rows_or_other_words_about_them_are_another_snapshot(written: Snapshot, tmp_path: Path) -> None:
    assert write(rows(39), tmp_path, about=ABOUT).id != written.id
    assert write(rows(), tmp_path, about={**ABOUT, "scope": "other"}).id != written.id


def test_written_twice_is_written_once(written: Snapshot) -> None:
    before = {path: path.stat().st_mtime_ns for path in written.folder.rglob("*")}
    assert write(rows(), written.folder.parent, about=ABOUT).id == written.id
    assert {path: path.stat().st_mtime_ns for path in written.folder.rglob("*")} == before


def test_the_manifest_counts_by_kind_part_and_source(written: Snapshot) -> None:
    counts = written.manifest["counts"]
    for name, source in (("preference", "edit"), ("unpaired", "thumb"), ("demonstration", "example")):
        assert sum(part[source] for part in counts[name].values()) == 40
    assert set(counts["preference"]) == {"train", "validation", "test"}
    assert sum(written.manifest["groups"].values()) == 40
    assert written.manifest["about"] == ABOUT
    assert written.manifest["templates"] == [pair().origin.template]


def test_parquet_holds_what_jsonl_holds_one_file_a_part(written: Snapshot) -> None:
    for name in ("preference", "unpaired", "demonstration", "triplet"):
        told = [json.loads(text) for text in (written.folder / f"{name}.jsonl").read_text().splitlines()]
        for split in Split:
            table = pq.read_table(written.folder / name / f"{split.value}.parquet").to_pylist()
            for one in table:
                one["asked_at"], one["judged_at"] = one["asked_at"].isoformat(), one["judged_at"].isoformat()
            assert table == [one for one in told if one["split"] == split.value]


def test_no_group_is_in_two_parts_of_the_data(tmp_path: Path) -> None:
    other = next(split for split in Split if split is not origin().split)
    moved = demonstration(origin=origin(split=other))
    with pytest.raises(DataError, match="two parts"):
        write(Rows(pairs=(pair(),), demonstrations=(moved,)), tmp_path, about={})
    assert not list(tmp_path.iterdir())


def test_a_private_repositorys_rows_are_in_no_snapshot_with_others(tmp_path: Path) -> None:
    private = pair(origin=origin(private=True))
    assert write(Rows(pairs=(private,), judged=(judged(origin=private.origin),)), tmp_path, about={}).id
    with pytest.raises(DataError, match="must stay by themselves"):
        write(Rows(pairs=(private, pair(2, origin=origin(2, repository_id=9)))), tmp_path, about={})


@pytest.mark.parametrize(
    "bad",
    [
        Rows(pairs=(pair(margin=-1.0),)),
        Rows(judged=(judged(completion=" "),)),
        Rows(triplets=(triplet(worse=""),)),
    ],
)
def test_a_row_that_cannot_be_trained_on_is_named_and_nothing_is_written(bad: Rows, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="github/7/1"):
        write(bad, tmp_path, about={})
    assert not list(tmp_path.iterdir())


def test_half_a_character_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="surrogates not allowed"):
        write(Rows(pairs=(pair(chosen="\ud800"),)), tmp_path, about={})


def test_no_rows_are_a_snapshot_too(tmp_path: Path) -> None:
    made = write(Rows(), tmp_path, about=ABOUT)
    assert made.rows == Rows()
    assert made.manifest["counts"] == {}


@settings(max_examples=60)
@given(data=st.data())
def test_a_flipped_byte_anywhere_is_noticed(written: Snapshot, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sorted(p for p in written.folder.rglob("*") if p.is_file())))
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    bit = data.draw(st.integers(0, 7))
    try:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << bit)]) + whole[at + 1 :])
        try:
            found = read(written.folder)
        except DataError:
            return
        assert path.name == MANIFEST and found.manifest == written.manifest, (path, at, bit)
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize("name", [MANIFEST, "preference.jsonl", "triplet/train.parquet"])
def test_a_missing_file_is_a_clear_error(copied: Path, name: str) -> None:
    (copied / name).unlink()
    with pytest.raises(DataError, match="missing" if name == MANIFEST else "not whole"):
        read(copied)


def test_a_file_that_somebody_added_is_a_clear_error(copied: Path) -> None:
    (copied / "preference" / "more.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"somebody added to it: see preference/more\.parquet"):
        read(copied)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        "\x00",
        '{"format": "another"}',
        json.dumps({"format": snapshot.FORMAT}),
        json.dumps({"format": snapshot.FORMAT, "id": "s_1", "about": {}, "files": {"../secret": {}}}),
        json.dumps({"format": snapshot.FORMAT, "id": "s_1", "about": {}, "files": {"triplet.jsonl": 1}}),
        json.dumps({"format": snapshot.FORMAT, "id": "s_1", "about": float("nan"), "files": {}}),
        json.dumps({"format": snapshot.FORMAT, "id": "s_1", "about": "\ud800", "files": {}}),
        '{"about": ' + "[" * 100_000 + "]" * 100_000 + "}",
    ],
)
def test_a_foreign_folder_is_a_clear_error(tmp_path: Path, text: str) -> None:
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(DataError):
        read(tmp_path)


def test_a_manifest_that_was_changed_is_a_clear_error(copied: Path) -> None:
    told = json.loads((copied / MANIFEST).read_text())
    told["about"]["consent"].append({"repository": "octo/private"})
    (copied / MANIFEST).write_text(json.dumps(told))
    with pytest.raises(DataError, match="was changed"):
        read(copied)


def test_a_folder_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There is no snapshot"):
        read(tmp_path / "nowhere")


def test_a_full_disk_leaves_nothing_half_and_the_next_write_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = snapshot._to_disk, [0]

    def full(path: Path) -> None:
        calls[0] += 1
        if calls[0] == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(path)

    monkeypatch.setattr(snapshot, "_to_disk", full)
    with pytest.raises(SetupError, match="No space left"):
        write(rows(), tmp_path, about=ABOUT)
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]
    assert write(rows(), tmp_path, about=ABOUT).rows.pairs


def test_what_a_killed_writer_left_is_no_snapshot_and_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / ".part" / "preference").mkdir(parents=True)
    (tmp_path / ".part" / "preference.jsonl").write_text("half")
    made = write(rows(), tmp_path, about=ABOUT)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", made.id]


def test_the_manifest_is_written_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[set[str]] = []
    real = Path.write_text

    def spied(path: Path, *args: Any, **more: Any) -> int:
        if path.name == MANIFEST:
            seen.append(set(content(path.parent)))
        return real(path, *args, **more)

    monkeypatch.setattr(Path, "write_text", spied)
    made = write(rows(), tmp_path, about=ABOUT)
    assert seen == [set(made.manifest["files"])]


def test_a_generated_row_says_so_in_every_file(tmp_path: Path) -> None:
    paraphrase = replace(origin(), is_paraphrased=True, is_generated=False)
    made = write(Rows(pairs=(pair(origin=paraphrase), pair(2))), tmp_path, about={})
    flags = sorted((one.origin.is_paraphrased, one.origin.is_generated) for one in made.rows.pairs)
    assert flags == [(False, True), (True, False)]
