"""When answers are looked at, in which order, and that looking never takes more than its share."""

from __future__ import annotations

import heapq
import random
from collections import Counter, deque
from datetime import timedelta

import pytest

from bot.polling import BATCH, HOUR, LIMIT, SHARE, WINDOWS, allowance, batches, interval, lateness, next_look
from storage.records import Turn
from tests.unit.storage.things import NOW

MINUTE = timedelta(minutes=1)
POLL_S = 300.0


def turn(name: str = "a_1", age: timedelta = timedelta(), repository: int = 1, **more: object) -> Turn:
    return Turn(
        answer_id=name,
        installation_id=2,
        repository_id=repository,
        posted_at=NOW - age,
        **more,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("age", "minutes"),
    [(timedelta(minutes=59), 1), (timedelta(hours=23), 5), (timedelta(days=6), 15), (timedelta(days=29), 60)],
)
def test_young_answers_are_looked_at_often_and_old_ones_rarely(age: timedelta, minutes: int) -> None:
    assert interval(age, 60.0) == timedelta(minutes=minutes)
    due = next_look(turn(age=age), NOW, 60.0)
    assert timedelta() < due - NOW <= timedelta(minutes=minutes)


def test_answers_of_one_repository_fall_due_together_and_those_of_others_at_other_times() -> None:
    old = timedelta(days=20)
    here = {next_look(turn(age=old), NOW + n * MINUTE, 60.0) for n in range(60)}
    assert len(here) == 2
    times = {next_look(turn(age=old, repository=n), NOW, 60.0) for n in range(200)}
    assert len(times) > 30


def test_what_waited_longest_for_its_own_interval_comes_first_and_of_equals_the_youngest() -> None:
    young = turn("young", next_at=NOW - 3 * MINUTE)
    old = turn("old", timedelta(days=20), repository=2, next_at=NOW - 90 * MINUTE)
    fresh = turn("fresh", timedelta(minutes=2), repository=3, next_at=NOW - 3 * MINUTE)
    assert lateness(young, NOW, 60.0) == 3.0 and lateness(old, NOW, 60.0) == 1.5
    order = [call[0].answer_id for call in batches([old, fresh, young], NOW, 60.0)]
    assert order == ["young", "fresh", "old"]


def test_a_call_reads_answers_of_one_repository_and_no_more_than_fifty() -> None:
    many = [turn(f"a_{n:03}", repository=n % 2, next_at=NOW) for n in range(130)]
    calls = batches(many, NOW, 60.0)
    assert sorted(len(call) for call in calls) == [15, 15, BATCH, BATCH]
    assert all(len({one.repository_id for one in call}) == 1 for call in calls)


def test_the_windows_keep_any_hour_within_the_share() -> None:
    for resource, window in WINDOWS.items():
        for limit in (LIMIT, 12_500, 15_000):
            assert HOUR % window == timedelta()
            assert allowance(resource, limit) * (HOUR / window) <= SHARE * limit == limit / 20


@pytest.mark.slow
def test_over_a_month_and_thousands_of_answers_looking_never_exceeds_its_share_and_starves_nobody() -> None:
    dice = random.Random(5)
    month = 30 * 24 * 60
    born = sorted((dice.randrange(month), dice.randrange(80), n) for n in range(3000))
    queue: list[tuple[object, Turn]] = []
    spent: deque[tuple[int, int]] = deque()
    by_minute: Counter[int] = Counter()
    waits: list[float] = []
    arriving = iter(born)
    upcoming = next(arriving, None)
    due: dict[str, Turn] = {}
    for minute in range(0, month, 5):
        now = NOW + minute * MINUTE
        while upcoming and upcoming[0] <= minute:
            made = turn(f"a_{upcoming[2]}", -upcoming[0] * MINUTE, repository=upcoming[1])
            due[made.answer_id] = made
            upcoming = next(arriving, None)
        while queue and queue[0][0] <= now:  # type: ignore[operator]
            one = heapq.heappop(queue)[2]  # type: ignore[misc]
            due[one.answer_id] = one
        while spent and spent[0][0] < minute - 6:
            spent.popleft()
        left = allowance("graphql", LIMIT) - sum(points for _, points in spent)
        calls = batches(due.values(), now, POLL_S) if left > 0 else []
        for call in calls[:left]:
            by_minute[minute] += 1
            for one in call:
                waits.append(lateness(one, now, POLL_S))
                del due[one.answer_id]
                again = next_look(one, now, POLL_S)
                later = Turn(
                    answer_id=one.answer_id,
                    installation_id=2,
                    repository_id=one.repository_id,
                    posted_at=one.posted_at,
                    next_at=again,
                )
                heapq.heappush(queue, (again, one.answer_id, later))  # type: ignore[misc,arg-type]
        if by_minute[minute]:
            spent.append((minute, by_minute[minute]))
    hours = [sum(by_minute[minute + n] for n in range(60)) for minute in range(month - 60)]
    assert max(hours) <= SHARE * LIMIT
    assert max(hours) >= 0.6 * SHARE * LIMIT  # the month is a busy one: without the share it would be more
    assert max(waits) < 20.0
