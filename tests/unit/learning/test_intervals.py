import math

import numpy as np
import pytest

from learning.intervals import bootstrap, paired, spearman, wilson


def test_wilson_is_that_of_the_textbook() -> None:
    # 8 of 10: 0.49 to 0.94 (Brown, Cai and DasGupta, Statistical Science 2001, formula 4)
    assert wilson(0.8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson(0.0, 10)[0] == 0.0
    assert wilson(1.0, 10)[1] == 1.0


def test_a_bootstrap_agrees_with_the_normal_interval_where_that_holds() -> None:
    values = np.random.default_rng(1).normal(3.0, 2.0, 400)
    found = bootstrap(list(values))
    half = 1.96 * values.std(ddof=1) / math.sqrt(400)
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.03)
    assert found.groups == 400
    assert found == bootstrap(list(values))


def test_answers_of_one_group_are_drawn_together() -> None:
    values = [0.0, 1.0] * 20
    alone = bootstrap(values * 10)
    grouped = bootstrap(values * 10, [n % 40 for n in range(400)])
    assert alone.value == grouped.value == 0.5
    assert grouped.groups == 40
    assert grouped.high - grouped.low > 2 * (alone.high - alone.low)


def test_a_pair_is_drawn_as_one() -> None:
    theirs = list(np.random.default_rng(2).normal(0.0, 9.0, 50))
    found = paired([value + 0.5 for value in theirs], theirs)
    assert (found.value, found.low, found.high) == pytest.approx((0.5, 0.5, 0.5))
    with pytest.raises(ValueError, match="zip"):
        paired([1.0], [1.0, 2.0])


def test_nothing_measured_has_no_interval() -> None:
    found = bootstrap([])
    assert math.isnan(found.value)
    assert math.isnan(found.low)
    assert found.groups == 0


def test_spearman_is_that_worked_out_by_hand_with_mean_ranks_for_ties() -> None:
    # ranks 1 2 3 4 5 and 2 1 4 3 5: 1 - 6 * (1 + 1 + 1 + 1 + 0) / (5 * 24) = 0.8
    assert spearman([1, 2, 3, 4, 5], [20, 10, 40, 30, 50], range(5)).value == pytest.approx(0.8)
    # ranks 1 2.5 2.5 4 and 1 2 3 4: covariance 4.5, variances 4.5 and 5
    assert spearman([1, 2, 2, 3], [1, 2, 3, 4], range(4)).value == pytest.approx(4.5 / math.sqrt(4.5 * 5))


def test_spearman_s_interval_holds_its_value_and_is_wider_for_groups() -> None:
    random = np.random.default_rng(3)
    ones = random.normal(size=200)
    others = ones + random.normal(size=200)
    alone = spearman(ones, others, range(200))
    assert alone.low < alone.value < alone.high
    copied = spearman(np.repeat(ones, 5), np.repeat(others, 5), np.repeat(np.arange(200), 5))
    assert copied.groups == 200
    assert copied.high - copied.low == pytest.approx(alone.high - alone.low, rel=0.2)


def test_spearman_of_a_constant_side_is_none() -> None:
    assert math.isnan(spearman([1, 1, 1], [1, 2, 3], range(3)).value)
    assert math.isnan(spearman([], [], []).value)
