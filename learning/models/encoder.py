"""The encoder: texts to unit vectors. The one seam to sentence-transformers.

Left out: training it, rerankers. Text past the encoder's longest input is cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any


class Encoder:
    """A sentence-transformers model on CPU. Not for two threads at once."""

    def __init__(self, folder: Path) -> None:
        from sentence_transformers import SentenceTransformer

        self._inner: Any = SentenceTransformer(
            str(folder),
            device="cpu",
            trust_remote_code=False,
            local_files_only=True,
            model_kwargs={"use_safetensors": True},
        )

    @property
    def longest(self) -> int:
        """Longest text in tokens; the rest is cut."""
        return int(self._inner.max_seq_length)

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector of unit length a text: (texts, dimensions)."""
        vectors = self._inner.encode(
            list(texts), batch_size=32, normalize_embeddings=True, show_progress_bar=False
        )
        return [[float(x) for x in vector] for vector in vectors]

    def tokens(self, texts: Sequence[str]) -> int:
        """How many tokens the texts have together, before any cut."""
        return sum(len(ids) for ids in self._inner.tokenizer(list(texts)).input_ids)
