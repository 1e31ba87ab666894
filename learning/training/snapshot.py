"""A snapshot: the rows of one training, in a folder that nobody writes to again. Its name is what it holds.

    <into>/<id>/preference.jsonl            every preference pair, for any trainer, a line each
    <into>/<id>/preference/train.parquet    those that train, in TRL's columns; beside it validation and test
    <into>/<id>/unpaired… demonstration… triplet…
    <into>/<id>/manifest.json               written last: counts, hashes, and what the writer has to say

`datasets.load_dataset("<into>/<id>/preference")` finds the three parts by their names. The same rows make the
same bytes, whatever their order; the folder is written beside, and renamed when it is whole. Left out: which
rows there are (`learning/training/export.py`). Run: `pytest tests/unit/learning/training/test_snapshot.py`.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from learning.training.columns import KINDS, Kind, line, record, row
from learning.training.rows import Rows, Split
from storage.errors import DataError, SetupError
from storage.locks import alone
from storage.records import stable_id

FORMAT = "thumbprint-snapshot-1"
MANIFEST, PART = "manifest.json", ".part"
ANEW = "Make the snapshot anew."

Records = Mapping[str, Sequence[Mapping[str, Any]]]
"""Rows as columns, by kind."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A whole snapshot: its folder, its id, its manifest, and its rows in the order of its files."""

    folder: Path
    id: str
    manifest: Mapping[str, Any]
    rows: Rows

    @property
    def as_of(self) -> datetime:
        """When its rows were read, or, where nobody said that, written."""
        return datetime.fromtimestamp((self.folder / MANIFEST).stat().st_mtime, UTC)


def write(rows: Rows, into: Path, *, about: Mapping[str, object], as_of: datetime | None = None) -> Snapshot:
    """Write rows as `into/<id>`; returns what is there, also where the same was written before.

    `about` is what the manifest says besides: plain JSON without the time of day or a path, for the id
    follows from it, too. `as_of` is when the rows were read, if anybody is to know: the manifest's file bears
    it, the latest time at which the same were read. Raises DataError for a row that cannot be trained on, a
    group in two parts of the data or a private repository's rows beside others', SetupError where the folder
    cannot be written.
    """
    records = _sorted(rows)
    _one_part_a_group(records)
    _private_alone(records)
    try:
        into.mkdir(parents=True, exist_ok=True)
        with alone(into):
            name = _write(into, records, json.loads(_canonical(about)), as_of)
    except OSError as error:
        raise SetupError(
            f"The snapshot cannot be written to {into} ({error.strerror}): free some space on its disk, or "
            "give this user write access to it."
        ) from error
    return read(into / name)


def read(folder: Path) -> Snapshot:
    """Read a snapshot and check every byte of it. Raises DataError that says what is wrong with it."""
    manifest = _manifest(folder)
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}
    if odd := sorted(there ^ {*manifest["files"], MANIFEST}):
        raise DataError(f"{folder} is not whole, or somebody added to it: see {odd[0]}. {ANEW}")
    for name, told in manifest["files"].items():
        if _described(folder / name, told.get("rows")) != told:
            raise DataError(f"{folder / name} is damaged: it is not what the manifest says. {ANEW}")
    if manifest["id"] != _id(manifest):
        raise DataError(f"The manifest of {folder} was changed: its id is not what follows from it. {ANEW}")
    found = {kind.field: tuple(_rows(folder, kind)) for kind in KINDS}
    return Snapshot(folder=folder, id=manifest["id"], manifest=manifest, rows=Rows(**found))


def sweep(into: Path) -> bool:
    """Delete what a writer that was killed left in `into`; whether there was something.

    What a writer who is at work has there is left alone. Raises SetupError where it cannot be deleted.
    """
    try:
        with alone(into, wait=False):
            there = (into / PART).exists()
            if there:
                shutil.rmtree(into / PART)
            return there
    except BlockingIOError:
        return False
    except OSError as error:
        raise SetupError(
            f"{into / PART} was left by an export that was killed, and cannot be deleted ({error.strerror}): "
            "give this user write access to it, or remove it."
        ) from error


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text("utf-8"))
        _canonical(manifest).encode()  # NaN and half a character are in none that was written here
    except FileNotFoundError:
        raise DataError(
            f"There is no snapshot in {folder}: {MANIFEST} is missing. `thumbprint export` makes one."
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read: {error}. {ANEW}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise DataError(f"{folder} is no snapshot that this version reads: its format is not {FORMAT}.")
    files = manifest.get("files")
    ours = {f"{kind.name}.jsonl" for kind in KINDS}
    ours |= {f"{kind.name}/{split.value}.parquet" for kind in KINDS for split in Split}
    if not isinstance(files, dict) or not files.keys() <= ours or not {"id", "about"} <= manifest.keys():
        raise DataError(f"{path} names files that no snapshot has, or none. {ANEW}")
    if not all(isinstance(told, dict) for told in files.values()):
        raise DataError(f"{path} does not say what its files are. {ANEW}")
    return manifest


def _rows(folder: Path, kind: Kind) -> Iterator[Any]:
    path = folder / f"{kind.name}.jsonl"
    if not path.exists():
        return
    with path.open(encoding="utf-8", newline="\n") as file:
        for number, text in enumerate(file, 1):
            try:
                yield row(kind, text)
            except (ValueError, TypeError, KeyError) as error:
                raise DataError(f"{path}, line {number}, is no row of a snapshot: {error}.") from error


def _sorted(rows: Rows) -> dict[str, list[dict[str, Any]]]:
    """All rows as records, by kind; those of a group beside each other, and always in the same order."""
    found: dict[str, list[dict[str, Any]]] = {}
    for kind in KINDS:
        keyed = []
        for one in getattr(rows, kind.field):
            try:
                values = record(kind, one)
                keyed.append((one.origin.group, line(values).encode(), values))
            except ValueError as error:  # half a character cannot be encoded: a ValueError, too
                raise DataError(
                    f"A {kind.name} row of {one.origin.group} cannot be kept: {error}."
                ) from error
        found[kind.name] = [values for _, _, values in sorted(keyed, key=lambda one: one[:2])]
    return found


def _one_part_a_group(records: Records) -> None:
    part: dict[str, str] = {}
    for of_kind in records.values():
        for one in of_kind:
            if part.setdefault(one["group"], one["split"]) != one["split"]:
                raise DataError(f"The rows of {one['group']} are in two parts of the data: split by group.")


def _private_alone(records: Records) -> None:
    everywhere = {one["repository_id"] for some in records.values() for one in some}
    if len(everywhere) > 1 and any(one["private"] for some in records.values() for one in some):
        raise DataError(
            "A private repository's rows are in a snapshot of several: they must stay by themselves."
        )


def _write(into: Path, records: Records, about: Mapping[str, object], as_of: datetime | None) -> str:
    """Write the folder, and rename it to the id that follows from its manifest, which is returned."""
    part = into / PART
    shutil.rmtree(part, ignore_errors=True)  # of a writer that was killed
    part.mkdir(mode=0o700)
    try:
        manifest = {
            "format": FORMAT,
            "counts": _counts(records),
            "groups": _groups(records),
            "templates": sorted({one["template"] for some in records.values() for one in some} - {""}),
            "about": about,
            "files": dict(sorted(_files(part, records))),
        }
        name = _id(manifest)
        if (into / name / MANIFEST).exists():
            shutil.rmtree(part)
            _date(into / name / MANIFEST, as_of, known=True)
            return name
        text = json.dumps({**manifest, "id": name}, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
        (part / MANIFEST).write_text(text, "utf-8")
        _date(part / MANIFEST, as_of)
        for path in (*part.rglob("*"), part):
            _to_disk(path)
        shutil.rmtree(into / name, ignore_errors=True)  # what is left of one that was deleted in part
        part.rename(into / name)
        _to_disk(into)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return name


def _files(part: Path, records: Records) -> Iterator[tuple[str, dict[str, object]]]:
    """Write all files but the manifest; each one's name and what the manifest says of it."""
    for kind in KINDS:
        rows = records[kind.name]
        if not rows:
            continue
        path = part / f"{kind.name}.jsonl"
        with path.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{line(one)}\n" for one in rows)
        yield path.name, _described(path, len(rows))
        for split in Split:
            some = [one for one in rows if one["split"] == split.value]
            if some:
                path = part / kind.name / f"{split.value}.parquet"
                path.parent.mkdir(exist_ok=True)
                pq.write_table(pa.Table.from_pylist(some, kind.schema), path, compression="zstd")
                yield f"{kind.name}/{path.name}", _described(path, len(some))


def _counts(records: Records) -> dict[str, dict[str, dict[str, int]]]:
    """How many rows, by kind, part and source."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    for name, some in records.items():
        for (split, source), number in Counter((one["split"], one["source"]) for one in some).items():
            found.setdefault(name, {}).setdefault(split, {})[source] = number
    return found


def _groups(records: Records) -> dict[str, int]:
    """How many groups are in each part."""
    found: dict[str, set[str]] = defaultdict(set)
    for some in records.values():
        for one in some:
            found[one["split"]].add(one["group"])
    return {split: len(groups) for split, groups in found.items()}


def _described(path: Path, rows: object) -> dict[str, object]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"sha256": digest, "bytes": path.stat().st_size, "rows": rows}


def _id(manifest: Mapping[str, Any]) -> str:
    """Of all that the manifest says but parquet's bytes: another pyarrow may write others of these rows."""
    files = {
        name: told if name.endswith(".jsonl") else told.get("rows")
        for name, told in manifest["files"].items()
    }
    return stable_id("s", _canonical({**{k: v for k, v in manifest.items() if k != "id"}, "files": files}))


def _canonical(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False, separators=(",", ":"))


def _date(manifest: Path, as_of: datetime | None, *, known: bool = False) -> None:
    """Have a manifest's file bear the time at which the rows were read; of a known one the later."""
    if as_of is not None and not (known and manifest.stat().st_mtime >= as_of.timestamp()):
        os.utime(manifest, (as_of.timestamp(), as_of.timestamp()))


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
