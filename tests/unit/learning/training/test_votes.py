import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.training.votes import ACCEPTED, LEAST, MOST, log_score, tanh_scale, tanh_score

LOG = [
    # votes, accepted, score: worked out by hand
    (-42, False, -1),
    (-1, False, -1),
    (-1, True, 0),
    (0, False, 0),
    (0, True, 1),
    (1, False, 1),
    (2, False, 2),  # log2(3) = 1.58
    (3, False, 2),
    (4, False, 2),  # log2(5) = 2.32
    (5, False, 3),  # log2(6) = 2.58
    (5, True, 4),
    (10, False, 3),  # log2(11) = 3.46
    (11, False, 4),  # log2(12) = 3.58
    (5995, False, 13),  # log2(5996) = 12.55
]


@pytest.mark.parametrize(("votes", "accepted", "score"), LOG)
def test_the_log_score_is_that_of_the_hand_table(votes: int, accepted: bool, score: int) -> None:
    assert log_score(votes, accepted=accepted) == score


TANH = [
    # votes, answers, accepted, score at a scale of 2.5, worked out by hand
    (0, 2, False, 0.0),
    (5, 2, False, math.tanh(1.0)),
    (5, 1, False, math.tanh(2.0)),
    (-3, 3, False, -math.tanh(0.4)),
    (1, 4, False, math.tanh(0.1)),
    (6, 4, False, 1.0),
    (-4, 4, False, -1.0),
    (-4, 4, True, 1.2),
    (0, 2, True, 1.2),
    (5995, 2, True, 1.2),
]


@pytest.mark.parametrize(("votes", "answers", "accepted", "score"), TANH)
def test_the_tanh_score_is_that_of_the_hand_table(
    votes: int, answers: int, accepted: bool, score: float
) -> None:
    assert tanh_score(votes, answers, 2.5, accepted=accepted) == pytest.approx(score)


def test_the_scale_is_the_largest_share_within_the_bounds() -> None:
    assert tanh_scale([(5, 2), (-3, 1), (4000, 1), (-9, 1), (1, 1)]) == 3.0
    assert tanh_scale([(0, 3), (900, 1)]) == 1.0
    assert tanh_scale([]) == 1.0


def test_a_tanh_score_of_no_answers_or_no_scale_is_refused() -> None:
    for answers, scale in ((0, 1.0), (1, 0.0)):
        with pytest.raises(ValueError, match="scale above zero"):
            tanh_score(1, answers, scale)


@given(st.integers(-50, 5000), st.integers(0, 5000), st.integers(1, 30), st.booleans())
def test_more_votes_never_score_less_and_acceptance_always_more(
    votes: int, more: int, answers: int, accepted: bool
) -> None:
    assert log_score(votes + more, accepted=accepted) >= log_score(votes, accepted=accepted)
    assert log_score(votes, accepted=True) == log_score(votes) + 1
    scale = max(abs(LEAST), MOST)
    scores = [tanh_score(one, answers, scale) for one in (votes, votes + more)]
    assert -1 <= scores[0] <= scores[1] <= 1 < ACCEPTED
