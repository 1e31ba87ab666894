from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from learning.training.reward_figures import (
    Judgement,
    alike,
    figure,
    over_questions,
    rank_correlation,
    wins,
    wins_alike,
    within,
)


def judged(*rewards: float, words: tuple[int, ...] = (10, 20, 30), values: bool = True) -> Judgement:
    return Judgement(
        rewards=rewards,
        words=words,
        pairs=((0, 2), (0, 1), (1, 2)),
        values=(3.0, 2.0, 1.0) if values else (),
        source="corpus",
    )


def test_with_values_the_best_meets_the_worst_and_without_every_pair_counts() -> None:
    one = judged(0.5, 0.9, 0.1)
    assert wins(one) == 1.0
    assert wins(judged(0.5, 0.9, 0.1, values=False)) == pytest.approx(2 / 3)


def test_a_tie_is_half_a_win() -> None:
    assert wins(judged(0.5, 0.1, 0.5)) == 0.5


def test_by_words_the_longer_answer_wins() -> None:
    assert wins(judged(1, 1, 1), by_words=True) == 0.0


@pytest.mark.parametrize(
    ("words", "expected"), [((100, 91), True), ((90, 100), True), ((89, 100), False), ((0, 0), True)]
)
def test_answers_are_of_like_length_within_a_tenth_of_the_longer(
    words: tuple[int, int], expected: bool
) -> None:
    assert alike(*words) is alike(*words[::-1]) is expected


def test_of_like_length_only_the_contests_that_are_count() -> None:
    """Where only pairs are known, a question's other pairs may be of any length."""
    mixed = judged(0.5, 0.1, 0.9, words=(10, 10, 30), values=False)  # 0 beats 1, and loses to 2
    assert (wins(mixed), wins_alike(mixed)) == (pytest.approx(1 / 3), 1.0)
    assert wins_alike(judged(0.5, 0.1, 0.9, words=(10, 20, 30), values=False)) is None
    assert wins_alike(judged(0.5, 0.1, 0.9, words=(10, 10, 30))) is None  # the best meets the worst


def test_an_interval_holds_the_mean_and_narrows_with_more_questions() -> None:
    few, many = figure([0.0, 1.0] * 10), figure([0.0, 1.0] * 500)
    assert few.low < few.mean == 0.5 < few.high
    assert many.high - many.low < (few.high - few.low) / 3
    assert many.low == pytest.approx(0.5 - 1.96 * 0.5 / 1000**0.5, abs=0.01)


def test_a_question_that_several_models_judged_counts_once_by_their_mean_and_what_has_no_value_does_not() -> (
    None
):
    named = [replace(judged(1, 0, 0), key=key) for key in ("a", "b", "a", "c")]
    found = over_questions(named, [1.0, 0.0, 0.0, None])
    assert (found.mean, found.questions) == (pytest.approx(0.25), 2)
    assert (
        over_questions([judged(1, 0, 0)] * 3, [1.0, 0.0, None]).questions == 2
    )  # without a name each is its own


def test_the_same_seed_gives_the_same_interval_and_no_question_gives_no_number() -> None:
    values = [0.1, 0.7, 0.3, 0.9]
    assert figure(values, 3) == figure(values, 3)
    assert math.isnan(figure([]).mean) and figure([]).questions == 0


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=2, max_size=12))
def test_the_rank_correlation_is_spearman_s(rows: list[tuple[int, int]]) -> None:
    one, other = [float(a) for a, _ in rows], [float(b) for _, b in rows]
    found = rank_correlation(one, other)
    if len(set(one)) == 1 or len(set(other)) == 1:
        assert found is None
    else:
        assert found == pytest.approx(spearmanr(one, other).statistic)


def test_correlations_are_within_questions_of_three_answers_or_more() -> None:
    pair = Judgement(rewards=(1.0, 0.0), words=(1, 2), pairs=((0, 1),), values=(2.0, 1.0))
    found = within([judged(0.9, 0.5, 0.1), pair], "values")
    assert (found.mean, found.questions) == (pytest.approx(1.0), 1)
    assert within([judged(0.9, 0.5, 0.1)], "words").mean == pytest.approx(-1.0)
