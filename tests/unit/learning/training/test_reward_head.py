from __future__ import annotations

import numpy as np
import pytest

from learning.training.reward_head import Calibration, Head, Lengths, calibrate, features, fit
from storage.errors import DataError

RNG = np.random.default_rng(0)


def pairs(count: int, direction: np.ndarray, noise: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    base = RNG.normal(size=(count, len(direction)))
    return base + direction + noise * RNG.normal(size=base.shape), base


def test_a_head_finds_what_makes_answers_better() -> None:
    better, worse = pairs(400, np.array([1.0, 0.0, -1.0]))
    head, loss = fit(better, worse, np.ones(400), 1e-3)
    assert (head.raw(better) > head.raw(worse)).mean() > 0.98
    assert loss < 0.2 and head.weight[0] > 0 > head.weight[2]


def test_the_same_pairs_give_the_same_head() -> None:
    better, worse = pairs(50, np.array([1.0, 0.0]))
    one, _ = fit(better, worse, np.ones(50), 1e-2)
    two, _ = fit(better, worse, np.ones(50), 1e-2)
    assert (one.weight == two.weight).all()


def test_a_pair_without_weight_teaches_nothing() -> None:
    better, worse = pairs(100, np.array([1.0, 0.0]))
    both = np.concatenate([better, worse]), np.concatenate([worse, better])
    head, _ = fit(*both, np.array([1.0] * 100 + [0.0] * 100), 1e-3)
    assert (head.raw(better) > head.raw(worse)).mean() > 0.95


def test_a_head_that_learns_on_is_held_to_the_earlier_one() -> None:
    better, worse = pairs(300, np.array([1.0, 0.0]))
    first, _ = fit(better, worse, np.ones(300), 1e-3)
    new_better, new_worse = pairs(30, np.array([0.0, 1.0]))
    loose, _ = fit(new_better, new_worse, np.ones(30), 1e-4, first)
    tight, _ = fit(new_better, new_worse, np.ones(30), 1e3, first)
    assert np.abs(tight.weight - first.weight).max() < 1e-3 < np.abs(loose.weight - first.weight).max()
    assert (loose.raw(new_better) > loose.raw(new_worse)).mean() > 0.9
    assert (loose.raw(better) > loose.raw(worse)).mean() > 0.9


def test_no_pair_and_a_number_that_is_none_are_refused() -> None:
    with pytest.raises(DataError, match="no pair"):
        fit(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0), 1.0)
    with pytest.raises(DataError, match="not finite"):
        fit(np.array([[np.nan]]), np.array([[0.0]]), np.ones(1), 1.0)


def test_features_let_a_head_say_that_near_is_good_and_the_same_is_not() -> None:
    asked = np.array([[1.0, 0.0]] * 3)
    said = np.array([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])
    found = features(asked, said, None)
    assert found.shape == (3, 6)
    assert found[:, 4].tolist() == [1.0, 0.6, 0.0] and found[:, 5].tolist() == [1.0, pytest.approx(0.36), 0.0]
    hump = Head(mean=np.zeros(6), spread=np.ones(6), weight=np.array([0, 0, 0, 0, 4.0, -4.0])).raw(found)
    assert hump.argmax() == 1


def test_a_head_held_to_a_limit_follows_what_makes_answers_better_and_not_what_grows_with_length() -> None:
    longer, better_made = RNG.normal(0.6, 1.0, 2000), RNG.normal(0.4, 1.0, 2000)
    gaps = np.stack([longer + 0.1 * RNG.normal(size=2000), better_made], axis=1)
    lengths = Lengths(gaps=longer, weights=np.ones(2000), limit=0.2)
    nothing = np.zeros_like(gaps)
    free, _ = fit(gaps, nothing, np.ones(2000), 1e-3)
    held, _ = fit(gaps, nothing, np.ones(2000), 1e-3, lengths=lengths)
    loose, tight = (head.raw(gaps) - head.raw(nothing) for head in (free, held))
    assert lengths.correlation(loose) > 0.6
    assert 0.15 < lengths.correlation(tight) <= 0.2
    assert (tight > 0).mean() > 0.6


def test_a_head_within_the_limit_is_left_as_it_is() -> None:
    better, worse = pairs(200, np.array([1.0, 0.0]))
    lengths = Lengths(gaps=RNG.normal(size=200), weights=np.ones(200), limit=0.9)
    free, held = (fit(better, worse, np.ones(200), 1e-2, lengths=one)[0] for one in (None, lengths))
    assert (free.weight == held.weight).all()


def test_pairs_of_no_weight_say_nothing_about_length() -> None:
    lengths = Lengths(gaps=np.array([1.0, -5.0]), weights=np.array([1.0, 0.0]), limit=0.2)
    assert lengths.correlation(np.array([2.0, 2.0])) == pytest.approx(1.0)
    assert lengths.correlation(np.zeros(2)) == 0.0


def test_a_calibrated_gap_is_the_odds_of_winning() -> None:
    slope = 2.0
    gaps = RNG.normal(scale=1.5, size=20_000)
    gaps = gaps * np.sign(1 / (1 + np.exp(-slope * gaps)) - RNG.random(20_000))
    found = calibrate(gaps, RNG.normal(size=100))
    assert found.slope == pytest.approx(slope, rel=0.1)


def test_a_score_is_within_one_zero_for_the_median_and_grows() -> None:
    raw = RNG.normal(loc=3.0, size=501)
    found = calibrate(np.abs(RNG.normal(size=100)) - 0.3, raw)
    scores = found.score(np.sort(raw))
    assert (np.abs(scores) <= 1).all() and (np.diff(scores) >= 0).all()
    assert found.score(np.array([np.median(raw)]))[0] == pytest.approx(0)


def test_a_model_no_better_than_chance_gives_rewards_of_next_to_nothing() -> None:
    found = calibrate(-np.abs(RNG.normal(size=100)), RNG.normal(size=100))
    assert 0 < found.slope < 0.01
    assert np.abs(found.score(RNG.normal(size=100))).max() < 0.05


def test_an_uncalibrated_score_keeps_the_order() -> None:
    assert Calibration().score(np.array([-1.0, 0.0, 1.0])).tolist() == sorted(
        Calibration().score(np.array([1.0, -1.0, 0.0])).tolist()
    )
