"""The model cache: folders that are made whole or not at all, and know the hash of each of their files.

Imports no torch. Left out: deleting old models (remove their folder).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from storage.errors import ModelError, SetupError

MANIFEST = "manifest.json"
MIB = 1024 * 1024


def sha256_of(file: Path) -> str:
    """SHA-256 of a file as hex."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def making(
    cache: Path,
    home: Path,
    need_mib: int,
    *,
    what: str = "The model cache",
    remedy: str = "set THUMBPRINT_MODEL_CACHE to another folder",
) -> Iterator[Path]:
    """A folder beside `home` that becomes `home` when the block ends well, and vanishes when it does not.

    `what` and `remedy` are the words for errors. Raises SetupError for a disk that is full or read-only.
    """
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(
            f"{what} {cache} cannot be written ({error.strerror}): make it writable, or {remedy}."
        ) from error
    _sweep(home.parent)
    free = shutil.disk_usage(home.parent).free // MIB
    if free < need_mib:
        raise SetupError(
            f"{cache} has {free} MiB free, but {need_mib} MiB are needed: make room, or {remedy}."
        )
    folder = Path(tempfile.mkdtemp(prefix=f".partial-{os.getpid()}-", dir=home.parent))
    try:
        yield folder
        _put(folder, home)
    except OSError as error:
        raise SetupError(
            f"{cache} could not be written: {error.strerror or error}. Nothing half-made was left."
        ) from error
    finally:
        for left in (folder, folder.with_name(folder.name + "-old")):
            shutil.rmtree(left, ignore_errors=True)


def _put(folder: Path, home: Path) -> None:
    """Rename `folder` to `home`; what was there is only let go once the new one has its place."""
    old = folder.with_name(folder.name + "-old")
    if home.exists():
        home.rename(old)
    try:
        folder.rename(home)
    except OSError:
        if old.exists():
            old.rename(home)
        raise


def _sweep(parent: Path) -> None:
    """Remove what pulls left that were killed: folders whose process is gone."""
    for left in parent.glob(".partial-*"):
        pid = left.name.split("-")[1]
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            shutil.rmtree(left, ignore_errors=True)
        except (PermissionError, ValueError):
            continue


def seal(folder: Path, **about: object) -> None:
    """Record the SHA-256 and size of every file in the manifest."""
    files = {
        str(file.relative_to(folder)): {"sha256": sha256_of(file), "bytes": file.stat().st_size}
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }
    (folder / MANIFEST).write_text(json.dumps({**about, "files": files}, indent=1))


def manifest(home: Path) -> dict[str, Any]:
    """What is recorded of a model; empty when nothing can be read."""
    try:
        found = json.loads((home / MANIFEST).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def damaged(home: Path) -> str | None:
    """The first file that is not as its manifest says, or None."""
    files = manifest(home).get("files")
    if not isinstance(files, dict) or not files:
        return MANIFEST
    for name, about in files.items():
        file = home / name
        if not file.is_file() or file.stat().st_size != about["bytes"] or sha256_of(file) != about["sha256"]:
            return str(name)
    return None


def state(home: Path) -> str:
    """`ready`, `missing` or `damaged`. Hashes every file."""
    if not home.is_dir():
        return "missing"
    return "ready" if damaged(home) is None else "damaged"


def size(home: Path) -> int:
    """Bytes in a folder; files that vanish meanwhile count as nothing."""
    total = 0
    for file in home.rglob("*"):
        with suppress(OSError):
            total += file.stat().st_size if file.is_file() else 0
    return total


def verified(home: Path) -> Path:
    """`home`, once every file has the hash that its manifest recorded. Raises ModelError naming the file."""
    if not home.is_dir():
        raise ModelError(f"The model is not in {home} yet: run `thumbprint models pull`.")
    bad = damaged(home)
    if bad is not None:
        raise ModelError(
            f"{home / bad} is damaged (its hash has changed): run `thumbprint models pull --force`."
        )
    return home
