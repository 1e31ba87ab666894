"""The nearest other text: found by the vectors, whatever the order of rows and the size of blocks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from learning.training import neighbours
from learning.training.neighbours import nearest

Array = npt.NDArray[np.float64]


def unit(rows: Array) -> Array:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def clusters(size: int = 5) -> tuple[Array, list[str]]:
    """Three clusters around three axes, their rows mixed; a row's key names its cluster."""
    rng = np.random.default_rng(0)
    centres = np.repeat(np.eye(3, 8), size, axis=0)  # (3 * size, 8)
    order = rng.permutation(3 * size)
    keys = [f"{'abc'[place // size]}{place % size}" for place in order]
    return unit(centres + rng.normal(scale=0.1, size=centres.shape))[order], keys


def named(vectors: Array, keys: list[str]) -> dict[str, str]:
    found = nearest(vectors, keys)
    return {key: keys[place] for key, place in zip(keys, found, strict=True) if place is not None}


def test_of_three_clusters_each_row_s_nearest_is_the_nearest_of_its_own_and_never_itself() -> None:
    vectors, keys = clusters()
    found = named(vectors, keys)
    assert len(found) == 15
    for place, key in enumerate(keys):
        near = vectors @ vectors[place]
        near[place] = -1
        assert found[key] == keys[int(near.argmax())]
        assert found[key][0] == key[0] and found[key] != key


@pytest.mark.parametrize("block", [1, 4, 512])
def test_neither_the_order_of_rows_nor_the_size_of_blocks_changes_who_is_nearest(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors, keys = clusters()
    wanted = named(vectors, keys)
    monkeypatch.setattr(neighbours, "BLOCK", block)
    assert named(vectors[::-1], keys[::-1]) == wanted


def test_of_rows_that_are_as_near_the_least_key_is_taken() -> None:
    vectors = unit(np.array([[1.0, 0.1], [1.0, 0.0], [1.0, 0.0], [1.0, -1e-9], [0.0, 1.0]]))
    keys = ["own", "d", "b", "a", "far"]
    assert named(vectors, keys)["own"] == "a"
    assert named(vectors[::-1], keys[::-1])["own"] == "a"
    assert named(vectors, keys)["far"] == "own"


def test_the_same_text_under_another_place_is_no_neighbour() -> None:
    vectors = unit(np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.5], [0.0, 1.0]]))
    found = nearest(vectors, ["same", "same", "near", "far"])
    assert found == [2, 2, 0, 2]
    assert nearest(vectors[:2], ["same", "same"]) == [None, None]
    assert nearest(vectors[:1], ["one"]) == [None]
    assert nearest(vectors[:0], []) == []
