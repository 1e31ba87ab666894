"""A thousand questions of one installation cost the others one turn each, not a thousand."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.turns import apart, choose
from storage.records import Waiting

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def one(number: int, installation: int) -> Waiting:
    return Waiting(
        id=f"{installation}/{number}", installation_id=installation, put_at=NOW + timedelta(seconds=number)
    )


def crowd(installation: int, size: int, first: int = 0) -> list[Waiting]:
    return [one(number, installation) for number in range(first, first + size)]


def test_a_lone_question_goes_before_a_thousand_older_ones() -> None:
    assert choose([*crowd(1, 1000), one(5000, 2)], {1: 3}, {1: NOW}, 1) == ["2/5000"]


def test_who_is_alone_gets_all_workers() -> None:
    assert choose(crowd(1, 9), {}, {}, 4) == ["1/0", "1/1", "1/2", "1/3"]


def test_free_turns_are_shared_evenly() -> None:
    found = choose([*crowd(1, 100), *crowd(2, 100), *crowd(3, 1)], {}, {}, 7)
    assert Counter(name[0] for name in found) == {"1": 3, "2": 3, "3": 1}


def test_who_had_none_running_catches_up_and_gets_no_more_than_that() -> None:
    found = choose([*crowd(1, 100), *crowd(2, 100)], {1: 2}, {}, 6)
    assert Counter(name[0] for name in found) == {"1": 2, "2": 4}, "four each then"


def test_among_equals_the_one_served_longest_ago_is_next() -> None:
    served = {1: NOW, 2: NOW - timedelta(hours=1)}
    assert choose([one(0, 1), one(9, 2)], {}, served, 1) == ["2/9"]
    assert choose([one(0, 1), one(9, 2), one(20, 3)], {}, served, 1) == ["3/20"]


@given(
    st.lists(st.tuples(st.integers(0, 500), st.integers(1, 6)), unique=True, max_size=60),
    st.dictionaries(st.integers(1, 6), st.integers(0, 5)),
    st.integers(0, 40),
)
def test_no_turn_is_wasted_and_nobody_is_two_ahead_of_somebody_who_waits(
    made: list[tuple[int, int]], running: dict[int, int], free: int
) -> None:
    waiting = [one(number, installation) for number, installation in made]
    found = choose(waiting, running, {}, free)
    assert len(found) == len(set(found)) == min(free, len(waiting))
    by_id = {each.id: each.installation_id for each in waiting}
    given_to = Counter(by_id[name] for name in found)
    left = Counter(by_id[each.id] for each in waiting if each.id not in found)
    for poor in left:
        for rich in given_to:
            before = running.get(rich, 0) + given_to[rich] - 1
            assert before <= running.get(poor, 0) + given_to[poor]


def test_one_worker_serves_everybody_in_turn() -> None:
    """A thousand questions of one, one of each of nine others: none of the nine waits for more than ten."""
    waiting = [*crowd(1, 1000), *(one(2000 + other, other) for other in range(2, 11))]
    served: dict[int, datetime] = {}
    order: list[str] = []
    for turn in range(20):
        [name] = choose(waiting, {}, served, 1)
        order.append(name)
        waiting = [each for each in waiting if each.id != name]
        served[int(name.split("/")[0])] = NOW + timedelta(seconds=turn)
    assert set(order[:10]) == {"1/0", *(f"{other}/{2000 + other}" for other in range(2, 11))}


def test_of_the_jobs_that_may_end_their_worker_one_runs_at_a_time() -> None:
    waiting = [one(3, 1), one(2, 1), one(9, 2), one(1, 2)]
    names = [each.id for each in apart(waiting, {"1/3": False, "1/2": False})]
    assert names == ["1/2", "2/9", "2/1"], "the one that waits longest, and all that are innocent"
    names = [each.id for each in apart(waiting, {"1/3": False, "1/2": False, "3/7": True})]
    assert names == ["2/9", "2/1"], "one of them runs"
    assert apart(waiting, {}) == waiting
