"""Vectors of texts, read once and kept by chunks: a killed run, or another on the same texts, reads on.

A chunk's file holds the hashes of its texts beside their vectors, so that it does not matter in which order
texts were asked for, nor by which run. Left out: the reading itself; throwing old chunks away, for the
folder is the caller's.
Run: pytest tests/unit/learning/training/test_reward_vectors.py
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.progress import Progress

CHUNK = 256
"""Texts that are read between two savings of their vectors."""
Read = Callable[[Sequence[str]], npt.NDArray[np.floating]]
"""Texts -> (n, d) vectors."""


class Vectors:
    """What one reader makes of texts. `reader` names it: encoder, window, prefix, numbers; all that matters.

    One process at a time writes into a folder; several readers may share it.
    """

    def __init__(self, folder: Path, reader: str, read: Read) -> None:
        self._folder, self._reader, self._read = folder, reader, read
        self._known: dict[bytes, npt.NDArray[np.float32]] = {}
        self._taken: set[str] = set()
        folder.mkdir(parents=True, exist_ok=True)
        self._look()

    def of(
        self, texts: Sequence[str], progress: Progress | None = None, what: str = ""
    ) -> npt.NDArray[np.float64]:
        """(n, d), in the order of `texts`, which are some. Texts of like length are read together."""
        keys = [self._key(text) for text in texts]
        if any(key not in self._known for key in keys):
            self._look()  # another reader of the folder may have read them since
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._known}
        order = sorted(missing, key=lambda key: (len(missing[key]), key))
        chunks = [order[at : at + CHUNK] for at in range(0, len(order), CHUNK)]
        for chunk in progress.track(chunks, description=what) if progress else chunks:
            self._keep(chunk, self._read([missing[key] for key in chunk]))
        return np.stack([self._known[key] for key in keys]).astype(np.float64)

    def _keep(self, keys: Sequence[bytes], vectors: npt.NDArray[np.floating]) -> None:
        name = hashlib.sha256(b"".join(keys)).hexdigest()[:32]
        fresh = self._folder / "unfinished"
        with fresh.open("wb") as sink:
            hashes = np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(len(keys), -1)
            np.savez(sink, hashes=hashes, vectors=np.asarray(vectors, dtype=np.float32))
            sink.flush()
            os.fsync(sink.fileno())
        fresh.rename(self._folder / f"{name}.npz")
        self._taken.add(f"{name}.npz")
        self._known.update(zip(keys, np.asarray(vectors, dtype=np.float32), strict=True))

    def _look(self) -> None:
        for file in sorted(self._folder.glob("*.npz")):
            if file.name not in self._taken:
                self._taken.add(file.name)
                self._take(file)

    def _take(self, file: Path) -> None:
        """A chunk's vectors; one that is damaged is as if it were not there, and is read again."""
        with file.open("rb") as source:
            try:
                found = np.load(source)
                rows = list(zip(found["hashes"], found["vectors"], strict=True))
            except (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile):
                return
        self._known.update((row.tobytes(), vector) for row, vector in rows)

    def _key(self, text: str) -> bytes:
        return hashlib.sha256(f"{self._reader}\0{text}".encode("utf-8", "surrogatepass")).digest()
