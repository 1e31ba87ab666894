"""Who is heard, and how often a day: the same from the same events, in whatever order they came."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.memory.hearing import SIGNALS, heard, over
from learning.memory.phrases import fold, judge
from storage.records import Feedback, FeedbackKind, Permission, Reaction
from tests.unit.learning.memory.people import (
    BOT,
    NOW,
    WRITER,
    answer,
    edit,
    event,
    react,
    reader,
    retract,
)

A_DAY = 24 * 60
ANSWERS = [answer(f"Run `tool{n} test` in the folder.", f"How do I run part {n}?", n) for n in range(1, 31)]


def edits(count: int, permission: Permission = Permission.WRITE, minute: float = 0) -> list[Feedback]:
    """One edit of each of so many answers, by one person, a minute apart."""
    return [
        edit(a, a.text.replace("test", "check"), permission=permission, minute=minute + n)
        for n, a in enumerate(ANSWERS[:count])
    ]


@pytest.mark.parametrize("permission", Permission)
def test_an_edit_teaches_from_write_access_on_and_a_thumb_from_read(permission: Permission) -> None:
    a = ANSWERS[0]
    assert heard(edit(a, "x", permission=permission)) is permission.writes
    assert heard(event(a, FeedbackKind.DELETION, permission=permission)) is permission.writes
    assert heard(react(a, permission=permission)) is (permission >= Permission.READ)
    assert not heard(react(a, Reaction.EYES, permission=permission))
    assert not heard(react(a, by=BOT, permission=permission))
    assert not heard(retract(react(a), permission=permission))


def test_who_lost_write_access_before_the_edit_was_used_teaches_nothing() -> None:
    a = ANSWERS[0]
    assert judge(a, [edit(a, a.text.replace("test", "check"), permission=Permission.READ)]) == ([], [])


def test_twenty_signals_of_a_writer_a_day_are_heard_the_first_ones() -> None:
    late = over(edits(25))
    assert late == {one.id for one in edits(25)[SIGNALS:]} and SIGNALS == 20


def test_the_next_day_is_another_day() -> None:
    assert not over([*edits(20), *edits(20, minute=A_DAY)])


def test_a_day_begins_at_midnight_utc_whatever_zone_a_time_is_told_in() -> None:
    east = timezone(timedelta(hours=9))
    midnight = NOW.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    told = [replace(one, at=one.at - NOW + midnight - timedelta(minutes=10)) for one in edits(30)]
    assert sum(one.at < midnight for one in told) == 10, "ten on the one day, twenty on the next"
    assert not over([replace(one, at=one.at.astimezone(east)) for one in told])


@pytest.mark.parametrize("permission", [Permission.MAINTAIN, Permission.ADMIN])
def test_maintainers_are_not_capped(permission: Permission) -> None:
    assert not over(edits(30, permission))


def test_one_persons_signals_are_not_anothers() -> None:
    assert not over([*edits(20), *(replace(one, id=f"{one.id}b", actor=reader(1)) for one in edits(20))])


def test_all_votes_on_one_answer_are_one_signal() -> None:
    votes = [react(ANSWERS[0], r, minute=n) for n, r in enumerate(Reaction)]
    again = react(ANSWERS[0], Reaction.MINUS_ONE, minute=100)
    assert not over([*votes, *edits(19, minute=10), again])
    assert len(over([*votes, *edits(20, minute=10), again])) == 1


def test_what_was_taken_back_is_still_a_signal() -> None:
    given_ = edits(21)
    assert over([*given_, retract(given_[0])]) == over(given_)


def taught_by(events: list[Feedback]) -> set[str]:
    """The events behind what a replay of these learned."""
    told = [(a, [one for one in events if one.answer_id == a.id]) for a in ANSWERS]
    return {name for weight in fold(told, NOW).values() for name in weight.event_ids}


def test_an_edit_over_the_cap_teaches_nothing_but_restoring_our_text_is_heard() -> None:
    day = edits(20)
    late = edit(ANSWERS[25], ANSWERS[25].text.replace("test", "check"), minute=50)
    assert taught_by([*day, late]) == {one.id for one in day}
    first = day[0]
    back = edit(ANSWERS[0], ANSWERS[0].text, minute=60, before=first.after)
    assert back.id in over([*day, back])
    assert taught_by([*day, back]) == {one.id for one in day[1:]}


PEOPLE = ((WRITER, Permission.WRITE), (reader(1), Permission.READ), (reader(2), Permission.MAINTAIN))


@given(
    acts=st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 29), st.integers(0, 2 * A_DAY), st.booleans()),
        max_size=90,
    ),
    order=st.randoms(use_true_random=False),
)
def test_the_cap_is_the_same_in_any_order(acts: list[tuple[int, int, int, bool]], order: object) -> None:
    events = []
    for person, number, minute, thumb in acts:
        by, permission = PEOPLE[person]
        a = ANSWERS[number]
        after = f"{a.text} {minute}"
        made = react(a, by=by, permission=permission, minute=minute)
        events.append(made if thumb else edit(a, after, by, permission, minute))
    shuffled = [*events, *events]
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    assert over(shuffled) == over(events)


def test_weights_below_write_access_count_beside_a_writer_from_three_people_on() -> None:
    a = ANSWERS[0]
    writer = react(a, Reaction.MINUS_ONE)
    against = [
        react(a, Reaction.PLUS_ONE, by=reader(n), permission=Permission.READ, minute=1) for n in range(3)
    ]
    alone, two, three = (fold([(a, [writer, *against[:n]])], NOW + timedelta(hours=1)) for n in (0, 2, 3))
    assert {n: w.weight for n, w in alone.items()} == {n: w.weight for n, w in two.items()}
    assert alone and all(weight.weight < 0 for weight in alone.values())
    assert all(weight.people == 4 and weight.weight > alone[name].weight for name, weight in three.items())
