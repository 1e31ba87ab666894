from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.bench.intervals import pairs, rate
from learning.intervals import wilson


def cells(*shares: tuple[float, float]) -> dict[tuple[str, int], tuple[float, float]]:
    return {("a/b", seed): share for seed, share in enumerate(shares)}


def test_answers_are_summed_by_repository_and_seed() -> None:
    one, other = SimpleNamespace(repository="a/b", seed=0), SimpleNamespace(repository="a/b", seed=1)
    assert pairs([(one, 1, 1), (one, 0, 1), (other, 1, 1)]) == cells((1, 2), (1, 1))


def test_answers_of_one_cell_are_no_independent_evidence() -> None:
    few = rate(cells(*[(30, 30)] * 4))
    assert few["n"] == 120
    assert few["low"] == pytest.approx(wilson(1.0, 4)[0])


def test_one_failure_never_makes_a_rate_look_surer_than_none() -> None:
    perfect, flawed = rate(cells(*[(3, 3)] * 35)), rate(cells(*[(3, 3)] * 34, (2, 3)))
    assert flawed["value"] < perfect["value"]
    assert flawed["low"] < perfect["low"]


@given(st.lists(st.tuples(st.integers(0, 3), st.just(3)), min_size=1, max_size=40))
def test_a_rate_lies_within_its_interval(found: list[tuple[int, int]]) -> None:
    said = rate(cells(*found))
    assert 0 <= said["low"] <= said["value"] + 1e-9
    assert said["value"] <= said["high"] + 1e-9 <= 1 + 1e-9


def test_nothing_counted_is_no_rate() -> None:
    assert rate({}) == {"value": 0.0, "low": 0.0, "high": 1.0, "n": 0.0, "cells": 0}
