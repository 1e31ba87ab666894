"""The encoder: texts to unit vectors. The one seam to sentence-transformers.

Left out: training it, rerankers. Text past the encoder's longest input is cut.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


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

    def embed_tokens(self, texts: Sequence[str]) -> list[tuple[Vectors, Vectors]]:
        """Of each text its vector, (dimensions,), and its tokens', (tokens, dimensions), all of unit length.

        The marks that the tokenizer puts around a text are no tokens of it.
        """
        found = self._inner.encode(list(texts), batch_size=32, output_value=None, show_progress_bar=False)
        return [
            (
                _unit(np.asarray(one["sentence_embedding"].cpu(), dtype=np.float32)),
                _unit(np.asarray(one["token_embeddings"].cpu(), dtype=np.float32)[_inside(one)]),
            )
            for one in found
        ]

    def tokens(self, texts: Sequence[str]) -> int:
        """How many tokens the texts have together, before any cut."""
        return sum(len(ids) for ids in self._inner.tokenizer(list(texts)).input_ids)


def _inside(features: Mapping[str, Any]) -> NDArray[np.int64]:
    """The places of a text's tokens, without padding and without the first and last mark."""
    return np.flatnonzero(np.asarray(features["attention_mask"].cpu()))[1:-1]


def _unit(vectors: Vectors) -> Vectors:
    scaled: Vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32(1e-12))
    return scaled
