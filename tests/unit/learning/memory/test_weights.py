"""The arithmetic: who acts, who is capped, what fades, and which of two contradicting lessons holds."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.memory.phrases import fold
from learning.memory.weights import (
    HALF_LIFE_DAYS,
    MARGIN,
    PERSON_CAP,
    SHRINK,
    VOTERS,
    current,
    decayed,
    weigh,
)
from storage.records import Evidence, Permission, Phrase, PhraseKind, PhraseWeight, Reaction
from tests.unit.learning.memory.people import NOW, answer, edit, react, reader

WORDING = Phrase(id="p", repository_id=1, kind=PhraseKind.WORDING, text="frobnicate")
CORRECTION = Phrase(
    id="c", repository_id=1, kind=PhraseKind.CORRECTION, text="a_b", right="c_d", context="code"
)


def row(
    person: int, mass: float = 0.5, permission: Permission = Permission.READ, minute: float = 0, on: str = ""
) -> Evidence:
    return Evidence(
        phrase_id="p",
        event_id=f"f{person}-{minute}-{mass}",
        answer_id=on or f"a{person}-{minute}",
        actor_id=person,
        actor_login=f"u{person}",
        permission=permission,
        mass=mass,
        at=NOW + timedelta(minutes=minute),
        question=f"question {person}",
    )


def test_a_writer_acts_at_once() -> None:
    assert weigh(WORDING, [row(1, permission=Permission.WRITE)], NOW).active


@pytest.mark.parametrize("people", range(1, 6))
def test_readers_act_from_three_people_on(people: int) -> None:
    assert weigh(WORDING, [row(n) for n in range(people)], NOW).active is (people >= VOTERS)


def test_one_reader_on_many_answers_is_one_person() -> None:
    assert not weigh(WORDING, [row(1, minute=n) for n in range(20)], NOW).active


def test_readers_need_a_margin() -> None:
    against = [row(n, -0.5) for n in range(10, 13)]
    for ups in (3, 4, 5, 6):
        weight = weigh(WORDING, [*against, *(row(n) for n in range(ups))], NOW)
        assert weight.active is (ups >= 3 * MARGIN)


@pytest.mark.parametrize("permission", [Permission.PUBLIC, Permission.NONE])
def test_strangers_are_shown_and_never_act(permission: Permission) -> None:
    weight = weigh(WORDING, [row(n, permission=permission) for n in range(50)], NOW)
    assert (weight.active, weight.weight, weight.people) == (False, 0.0, 0)
    assert len(weight.event_ids) == 50


def test_people_who_judge_one_answer_share_its_one_text() -> None:
    together = weigh(WORDING, [row(n, 0.1, on="a") for n in range(6)], NOW)
    apart = weigh(WORDING, [row(n, 0.1) for n in range(6)], NOW)
    assert together.ups == pytest.approx(0.1)
    assert apart.ups == pytest.approx(0.6)


def test_a_person_gives_one_phrase_no_more_than_the_cap() -> None:
    rows = [row(1, 1.0, Permission.WRITE, minute=n) for n in range(9)]
    assert weigh(WORDING, rows, NOW).ups <= PERSON_CAP


def test_a_writer_who_changes_their_mind_is_believed() -> None:
    old = [row(1, 1.0, Permission.WRITE, minute=n) for n in range(5)]
    assert weigh(CORRECTION, old, NOW).active
    assert not weigh(CORRECTION, [*old, row(1, -1.0, Permission.WRITE, minute=9)], NOW).active


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.floats(-1, 1), st.sampled_from(list(Permission)), st.integers(0, 90))
    )
)
def test_a_weight_is_within_bounds_and_does_not_depend_on_order(
    given_rows: list[tuple[int, float, Permission, int]],
) -> None:
    rows = [row(person, mass, permission, minute) for person, mass, permission, minute in given_rows]
    one = weigh(WORDING, rows, NOW + timedelta(days=3))
    assert -1.0 < one.weight < 1.0
    assert repr(one) == repr(weigh(WORDING, rows[::-1] + rows, NOW + timedelta(days=3)))


@given(st.floats(0, 400), st.floats(0, 400))
def test_decaying_a_stored_weight_is_weighing_later(first: float, second: float) -> None:
    rows = [row(1, 0.7, Permission.WRITE), row(2, -0.2), row(3, 0.1)]
    then, later = NOW + timedelta(days=first), NOW + timedelta(days=first + second)
    stored, fresh = decayed(weigh(WORDING, rows, then), later), weigh(WORDING, rows, later)
    assert stored.weight == pytest.approx(fresh.weight)
    assert stored.ups == pytest.approx(fresh.ups)


def test_a_weight_is_the_shrunk_balance_of_its_evidence() -> None:
    one = weigh(WORDING, [row(1, 0.7, Permission.WRITE), row(2, -0.2, Permission.WRITE)], NOW)
    assert (one.ups, one.downs) == (0.7, 0.2)
    assert one.weight == pytest.approx((0.7 - 0.2) / (0.7 + 0.2 + SHRINK))


@pytest.mark.parametrize("kind", PhraseKind)
def test_a_half_life_halves_the_mass_and_a_clock_that_went_back_changes_nothing(kind: PhraseKind) -> None:
    phrase = Phrase(id="p", repository_id=1, kind=kind, text="frobnicate")
    rows = [row(1, 0.8, Permission.WRITE)]
    fresh, old = (weigh(phrase, rows, NOW + n * timedelta(days=HALF_LIFE_DAYS[kind])) for n in (0, 1))
    assert old.ups == pytest.approx(fresh.ups / 2)
    assert weigh(phrase, rows, NOW - timedelta(days=9)).ups == fresh.ups
    assert decayed(fresh, NOW - timedelta(days=9)) == fresh


def test_corrections_fade_more_slowly_than_wordings() -> None:
    rows = [row(1, 1.0, Permission.WRITE)]
    later = NOW + timedelta(days=180)
    assert weigh(CORRECTION, rows, later).weight > weigh(WORDING, rows, later).weight


def _correction(text: str, right: str, minute: int) -> PhraseWeight:
    phrase = Phrase(id=f"{text}{right}", repository_id=1, kind=PhraseKind.CORRECTION, text=text, right=right)
    return weigh(phrase, [row(1, 1.0, Permission.WRITE, minute=minute)], NOW + timedelta(days=1))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_corrections_of_one_form_the_newer_holds(order: tuple[int, int]) -> None:
    both = [_correction("alpha", "beta", 1), _correction("alpha", "gamma", 2)]
    assert [w.phrase.right for w in current([both[n] for n in order])] == ["gamma"]


def test_of_two_corrections_that_undo_each_other_the_newer_holds() -> None:
    both = [_correction("alpha", "beta", 2), _correction("beta", "alpha", 1)]
    assert [w.phrase.right for w in current(both)] == ["beta"]


def test_a_changed_rule_is_learned_from_one_edit() -> None:
    old = [answer("Call `load_all(x)` now.", number=n) for n in range(5)]
    folded = [(a, [edit(a, "Call `load_some(x)` now.", minute=n)]) for n, a in enumerate(old)]
    new = answer("Call `load_some(x)` now.", number=9)
    folded.append((new, [edit(new, "Call `load_all(x)` now.", minute=60)]))
    held = current(fold(folded, NOW + timedelta(hours=2)).values())
    assert [(w.phrase.text, w.phrase.right) for w in held] == [("load_some", "load_all")]


def test_three_readers_thumbs_act_and_two_do_not() -> None:
    a = answer("Frobnicate the widget.")
    downs = [react(a, Reaction.MINUS_ONE, reader(n), Permission.READ) for n in range(3)]
    three, two = (fold([(a, downs[:people])], NOW).values() for people in (3, 2))
    assert three and all(w.active for w in three)
    assert two and not any(w.active for w in two)
