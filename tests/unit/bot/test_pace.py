"""No more is written than GitHub advises, whoever writes, and many who wait come one by one."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bot.pace import IN_PLACE_S, Limits, take_turn
from storage.paces import Turns

LIMITS = Limits()


def most_within(times: list[float], window_s: float) -> int:
    """The most of these times in any window of this length."""
    return max(sum(start <= at < start + window_s for at in times) for start in times)


@given(st.lists(st.floats(0, 30), min_size=1, max_size=700))
def test_writes_are_a_second_apart_60_a_minute_and_400_an_hour(pauses: list[float]) -> None:
    turns, now, sent = Turns(), 1e9, []
    for pause in pauses:
        now += pause
        turns, at, soon = take_turn(turns, now, LIMITS)
        if soon:
            sent.append(at)
            assert at >= now
    assert all(after - before >= 0.999 for before, after in pairwise(sent))
    assert most_within(sent, 59.999) <= 60
    assert most_within(sent, 3599.999) <= 400


def test_a_thousand_who_wait_are_all_served_in_their_order_as_fast_as_the_limits_let() -> None:
    """Each comes back when it was told to: nobody starves, and no turn is left unused for long."""
    turns, sent = Turns(), dict[int, float]()
    coming = [(1e9, key) for key in range(1000)]
    asked = 0
    while coming:
        coming.sort()
        now, key = coming.pop(0)
        asked += 1
        turns, at, soon = take_turn(turns, now, LIMITS, key=f"a_{key}")
        if soon:
            sent[key] = at
        else:
            coming.append((min(at, now + 3600), key))
    assert sorted(sent, key=sent.__getitem__) == sorted(sent)
    assert max(sent.values()) - 1e9 < 1000 / 400 * 3600 + 60
    assert most_within(list(sent.values()), 3599.999) <= 400
    assert asked < 4000, "few come in vain"


def test_who_booked_goes_before_who_comes_later() -> None:
    full = Turns(taken=tuple(1e9 - 60 + 0.5 * number for number in range(120)))
    turns, at, soon = take_turn(full, 1e9, Limits(apart_s=0.5, a_minute=80), key="a_1")
    assert not soon and at > 1e9 + IN_PLACE_S
    turns, later, soon = take_turn(turns, at - 1, Limits(apart_s=0.5, a_minute=80), key="a_2")
    assert later > at
    _, again, soon = take_turn(turns, at, Limits(apart_s=0.5, a_minute=80), key="a_1")
    assert soon and again <= later + 0.5


def test_a_turn_stays_for_what_else_is_to_be_written_in_it() -> None:
    turns = Turns(booked={"a_1": 1e9 - 1, "a_2": 1e9 + 60, "a_3": 1e9 + 61})
    turns, first, soon = take_turn(turns, 1e9, LIMITS, key="a_1", more=True)
    assert soon and first == 1e9
    turns, then, soon = take_turn(turns, 1e9, LIMITS, key="a_1")
    assert soon and then == 1e9 + 1, "and not after all who wait"
    assert set(turns.booked) == {"a_2", "a_3"}


def test_what_could_be_left_out_takes_half_of_the_limits() -> None:
    busy = Turns(taken=tuple(1e9 - 3500 + 10 * number for number in range(200)))
    assert not take_turn(busy, 1e9, LIMITS, optional=True)[2]
    assert take_turn(busy, 1e9, LIMITS)[2]


def test_a_booking_that_nobody_comes_for_is_given_up() -> None:
    turns = Turns(booked={"a_1": 1e9})
    assert take_turn(turns, 1e9 + 3600, LIMITS)[0].booked == {}


@given(st.floats(60, 1e7), st.integers(1, 900), st.booleans())
def test_turns_that_a_wrong_clock_kept_hold_nobody_up_for_longer_than_an_hour(
    ahead_s: float, count: int, booked: bool
) -> None:
    times = [1e9 + ahead_s + number for number in range(count)]
    turns = Turns(booked={f"a_{at}": at for at in times}) if booked else Turns(taken=tuple(times))
    _, at, _ = take_turn(turns, 1e9, LIMITS, key="a_new")
    waiting_s = count * 3600 / LIMITS.an_hour
    assert at - 1e9 <= 3600 + (2 * waiting_s + 3600 if booked else 0)
    if count == 1 and (not booked or ahead_s > 7200):
        assert at - 1e9 <= 1
