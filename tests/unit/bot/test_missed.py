"""What GitHub is asked to send again: what failed or is missing, a few times each, oldest first."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.github_app import DeliveryAttempt
from bot.lifecycle import EVENTS
from bot.missed import FIRST, HEARD, MOST_AT_ONCE, MOST_TRIES, PUSH, plan
from webhooks.route import ANSWERED

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def attempt(number: int, minutes_ago: float, code: int = 503, **more: Any) -> DeliveryAttempt:
    made = DeliveryAttempt(
        id=number,
        guid=f"g{number}",
        at=NOW - minutes_ago * MINUTE,
        event="issue_comment",
        action="created",
        status_code=code,
    )
    return replace(made, **more)


def again(*listed: DeliveryAttempt, reached: tuple[str, ...] = ()) -> list[int]:
    return [one.id for one in plan(listed, {*reached, WORKS.guid}, NOW).again]


WORKS = attempt(99, 0.1, 202)
"""It got through, just now."""


def test_the_events_that_are_swept_are_those_that_are_routed() -> None:
    assert set(HEARD) == set(ANSWERED) | set(EVENTS)


def test_what_failed_is_sent_again_oldest_first_and_what_reached_us_is_not() -> None:
    failed = [attempt(1, 30), attempt(2, 50, 0), attempt(3, 40, 401)]
    assert again(WORKS, *failed) == [2, 3, 1]
    assert again(WORKS, *failed, reached=("g2", "g1")) == [3]


def test_what_was_acknowledged_and_never_reached_us_is_missing_once_it_is_settled() -> None:
    assert again(attempt(1, 10, 202), WORKS) == [1]
    assert again(attempt(1, 1, 202), WORKS) == []


def test_a_push_that_failed_is_not_sent_again_but_has_files_read_anew() -> None:
    def push(number: int, minutes_ago: float, code: int = 503, **more: Any) -> DeliveryAttempt:
        return attempt(number, minutes_ago, code, event=PUSH, action="", **{"repository_id": 7, **more})

    lost = plan([WORKS, push(1, 40), push(2, 30, 0), push(3, 20, repository_id=8)], (), NOW)
    assert lost.again == () and lost.open_since is None
    assert lost.pushed == {7: NOW - 30 * MINUTE, 8: NOW - 20 * MINUTE}
    again = push(2, 5, guid="g1", redelivery=True)
    assert plan([push(1, 40), again], (), NOW).pushed == {7: NOW - 40 * MINUTE}
    assert plan([push(1, 40), replace(again, status_code=202)], (), NOW).pushed == {}
    assert plan([push(1, 40, 202), push(2, 30, repository_id=0)], (), NOW).pushed == {}


def test_what_is_refused_for_good_or_means_nothing_here_is_left_alone() -> None:
    for code in (400, 413):
        assert again(WORKS, attempt(1, 30, code)) == []
    assert again(WORKS, attempt(1, 30, event="star")) == []


def test_a_redelivery_that_was_acknowledged_settles_it_only_if_it_reached_us() -> None:
    tried = [attempt(1, 30), attempt(2, 10, 202, guid="g1", redelivery=True)]
    assert again(WORKS, *tried, reached=("g1",)) == []
    assert again(WORKS, *tried) == [2]


def test_while_nothing_gets_through_one_delivery_is_tried_every_five_minutes_in_turn() -> None:
    down = [attempt(1, 60), attempt(2, 50), attempt(3, 6, guid="g1", redelivery=True)]
    assert again(*down) == [2]
    assert again(attempt(1, 60), attempt(3, 4, guid="g1", redelivery=True)) == []
    assert again(attempt(1, 60), attempt(3, 6, guid="g1", redelivery=True)) == [3]


def outage(tries: int, ended_minutes_ago: float, code: int = 503) -> list[DeliveryAttempt]:
    """A delivery that was tried in vain every five minutes, while nothing else got through either."""
    began = ended_minutes_ago + 5 * tries
    return [attempt(n + 1, began - 5 * n, code, guid="g1", redelivery=n > 0) for n in range(tries + 1)]


@pytest.mark.parametrize("code", [503, 0, 202])
def test_what_was_tried_in_vain_while_nothing_got_through_is_sent_again_as_soon_as_something_does(
    code: int,
) -> None:
    """After an hour as after three days. 202: a proxy said so, and handed it on to nobody."""
    for tries in (12, 800):
        down = outage(tries, 7, code)
        assert again(*down) == [tries + 1]
        assert again(*down, attempt(2000, 60, 202)) == [2000], "it did not get through either: one at a time"
        assert again(*down, attempt(2000, 8), WORKS) == [tries + 1, 2000]
        assert again(*outage(tries, 2.5, code), WORKS) == [tries + 1]
        planned = plan([*down, WORKS], {WORKS.guid}, NOW)
        assert planned.given_up == () and planned.open_since == down[0].at


def test_what_says_nothing_of_us_is_not_taken_for_a_sign_that_something_gets_through() -> None:
    """A push that was acknowledged may have reached a proxy alone, a comment may be on its way still."""
    down = [attempt(1, 60), attempt(2, 50)]
    for other in (attempt(90, 10, 202, event=PUSH), attempt(90, 1, 202)):
        assert again(*down, other) == [1]


def tries(count: int, minutes_ago: float) -> list[DeliveryAttempt]:
    """A delivery that failed again and again while others got through."""
    made = [attempt(1, 4000)]
    for n in range(count):
        at = minutes_ago + count - n
        made.append(attempt(100 + n, at + 0.5, 202, guid=WORKS.guid))
        made.append(attempt(10 + n, at, guid="g1", redelivery=True))
    return made


def test_what_alone_fails_is_asked_for_a_few_times_only() -> None:
    assert again(WORKS, *tries(2, 1)) == [11]
    assert again(WORKS, *tries(3, 1)) == []
    assert again(WORKS, *tries(3, 50)) == [12]
    assert again(WORKS, *tries(MOST_TRIES, 3000)) == []
    assert plan([WORKS, *tries(MOST_TRIES, 3000)], (WORKS.guid,), NOW).given_up == ("g1",)
    longest = sum((FIRST * 2**n for n in range(MOST_TRIES)), timedelta())
    assert longest < timedelta(days=3)


def test_many_that_fail_beside_others_use_up_their_tries_as_one_does() -> None:
    """They fail in one go: only of the first of them was it so that something got through just before."""
    failing, got_through = range(1, 4), list[DeliveryAttempt]()
    listed = [attempt(one, 4000, guid=f"g{one}") for one in failing]
    for sweep in range(MOST_TRIES):
        got_through.append(attempt(100 * (sweep + 1), 3000 - sweep, 202, guid=WORKS.guid))
        for one in failing:
            number, ago = 100 * (sweep + 1) + one, 2999.9 - sweep
            listed.append(attempt(number, ago, 500, guid=f"g{one}", redelivery=True))
    planned = plan([WORKS, *got_through, *listed], (WORKS.guid,), NOW)
    assert planned.given_up == ("g1", "g2", "g3") and planned.again == ()


def test_what_was_given_up_is_not_begun_anew_when_only_its_last_tries_are_listed() -> None:
    """Nothing is open then, and the list goes back ten minutes; or GitHub's three days are over."""
    last = tries(MOST_TRIES, 8)[-4:]
    assert [one.redelivery for one in last] == [False, True, False, True]
    for passed in ((WORKS,), ()):
        planned = plan([*last, *passed], (WORKS.guid,), NOW)
        assert planned.again == () and planned.open_since is None and planned.given_up == ()


def test_what_is_not_settled_yet_is_looked_for_next_time_too() -> None:
    planned = plan([WORKS, attempt(1, 30), *tries(3, 1)], ("g1", WORKS.guid), NOW)
    assert planned.open_since is None
    assert plan([WORKS, *tries(3, 1)], (WORKS.guid,), NOW).open_since == NOW - 4000 * MINUTE


def test_what_github_refused_to_send_again_waits_and_holds_up_no_other() -> None:
    failed = [attempt(1, 50), attempt(2, 30)]
    planned = plan([WORKS, *failed], (WORKS.guid,), NOW, refused={1})
    assert [one.id for one in planned.again] == [2]
    assert planned.open_since == NOW - 50 * MINUTE
    down = plan([attempt(1, 60), attempt(2, 50)], (), NOW, refused={1})
    assert [one.id for one in down.again] == [2]


def test_a_large_backlog_is_worked_off_in_parts() -> None:
    listed = [attempt(1000 + number, 4000 - number) for number in range(1000)]
    first = plan([WORKS, *listed], (WORKS.guid,), NOW).again
    assert [one.id for one in first] == list(range(1000, 1000 + MOST_AT_ONCE))


@given(
    st.lists(
        st.tuples(
            st.integers(0, 5), st.integers(0, 5000), st.sampled_from([0, 202, 400, 500]), st.booleans()
        ),
        max_size=12,
    ),
    st.sets(st.integers(0, 5)),
)
def test_nothing_that_reached_us_is_ever_asked_for_and_no_delivery_twice_at_once(
    told: list[tuple[int, int, int, bool]], known: set[int]
) -> None:
    listed = [
        attempt(100 + number, ago, code, guid=f"g{guid}", redelivery=redelivery)
        for number, (guid, ago, code, redelivery) in enumerate(told)
    ]
    reached = {f"g{guid}" for guid in known}
    chosen = [one.guid for one in plan(listed, reached, NOW).again]
    assert len(set(chosen)) == len(chosen)
    assert not set(chosen) & reached
