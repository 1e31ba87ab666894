"""Which text is most like each, by unit vectors: one product of matrices, in blocks. Pure.

Left out: indexes that find nearly the nearest sooner; ten thousand texts take seconds.
Run: pytest tests/unit/learning/training/test_neighbours.py
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

BLOCK = 512
"""Texts that are held against all others at once: 40 MB for ten thousand."""
DIGITS = 6
"""Of a cosine: what differs by less is a tie, for the last digits depend on how a product is computed."""


def nearest(vectors: npt.NDArray[np.float64], keys: Sequence[str]) -> list[int | None]:
    """The place of the row most like each row of `vectors` (n, d), which are of unit length.

    Rows of the same key are the same text, and never each other's. Of several that are as near the one with
    the least key, then with the least place; None where no row has another key. The order of the rows
    changes nothing else.
    """
    order = sorted(range(len(keys)), key=lambda place: keys[place])
    rows = np.asarray(vectors, dtype=np.float64)[order]  # (n, d)
    texts = np.unique([keys[place] for place in order], return_inverse=True)[1]  # (n,)
    found: list[int | None] = [None] * len(order)
    for start in range(0, len(order), BLOCK):
        near = np.round(rows[start : start + BLOCK] @ rows.T, DIGITS)  # (block, n)
        near[texts[start : start + BLOCK, None] == texts[None, :]] = -np.inf
        for row, best in enumerate(near.argmax(axis=1)):
            if np.isfinite(near[row, best]):
                found[order[start + row]] = order[best]
    return found
