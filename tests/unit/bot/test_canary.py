"""A canary gets whole threads, and goes back when people have more trouble with it than with the former."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.canary import Side, against, difference, figures, rolled_back, settle_due, sides, takes, worse
from storage.adapters import Written
from storage.database import Database, UnitOfWork
from storage.records import Feedback, FeedbackKind, Permission, PostKind, Reaction
from tests.unit.storage import things
from tests.unit.storage.conftest import database
from tests.unit.storage.test_adapters import adapter, promotion

__all__ = ["database"]

NEW, FORMER = "c" * 64, "a" * 64
CANARY = promotion("c", place=2, former=FORMER, share=50, reason="it passed")
THREADS = [f"1/{number}" for number in range(1, 2001)]


def test_a_thread_stays_on_its_side_and_a_larger_share_only_adds_threads() -> None:
    small = {one for one in THREADS if takes(NEW, one, 20)}
    large = {one for one in THREADS if takes(NEW, one, 50)}
    assert small < large, "who got the new one still gets it"
    assert 340 < len(small) < 460 and 900 < len(large) < 1100
    assert {one for one in THREADS if takes(NEW, one, 100)} == set(THREADS)
    assert small == {one for one in THREADS if takes(NEW, one, 20)}
    pinned = [2, 3, 4, 5, 6, 9, 10, 11, 13, 15, 17, 18, 20]
    assert [n for n in range(1, 21) if takes(NEW, f"1/{n}", 37)] == pinned, "the same in every version"
    assert small != {one for one in THREADS if takes(FORMER, one, 20)}, "not always the same people"


def test_newcombes_interval_is_the_published_one() -> None:
    """Table II of Newcombe 1998, method 10: 56/70 against 48/80 is 0.0524 to 0.3339 at 95 %."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bot.canary.Z", 1.96)
        low, high = difference(Side(threads=70, trouble=56), Side(threads=80, trouble=48))
    assert (round(low, 4), round(high, 4)) == (0.0524, 0.3339)


def test_a_worse_canary_is_found_within_some_dozens_of_threads_and_an_equal_one_hardly_ever() -> None:
    draw = random.Random(3)

    def rolls_back(new: float, former: float, threads: int) -> int:
        """After how many threads of each side; 0 for never. It is looked at after each thread."""
        bad = [0, 0]
        for number in range(1, threads + 1):
            bad[0] += draw.random() < new
            bad[1] += draw.random() < former
            if worse(Side(threads=number, trouble=bad[0]), Side(threads=number, trouble=bad[1])):
                return number
        return 0

    equal = sum(rolls_back(rate, rate, 200) > 0 for rate in (0.1, 0.3, 0.5) for _ in range(100))
    assert equal <= 15, "5 % of canaries that are no worse, looked at two hundred times"
    found = [rolls_back(0.6, 0.2, 100) for _ in range(100)]
    assert sum(number > 0 for number in found) >= 95
    assert sorted(found)[50] <= 40


def test_nothing_is_decided_of_few_threads_or_of_one_side() -> None:
    assert not worse(Side(threads=7, trouble=7), Side(threads=50, trouble=0))
    assert not worse(Side(threads=50, trouble=50), Side(threads=0, trouble=0))
    said = worse(Side(threads=20, trouble=15), Side(threads=30, trouble=3))
    assert "15 of 20 threads of the new adapter" in said and "3 of 30 threads of the former" in said


def event(name: str = "e1", **changes: Any) -> Feedback:
    return things.feedback(name, **changes)


EDIT = {"kind": FeedbackKind.EDIT, "reaction": None, "before": "Run `npm test`.", "after": "Run `make test`."}


@pytest.mark.parametrize(
    ("events", "speaks"),
    [
        ([], False),
        ([event()], True),
        ([event(reaction=Reaction.PLUS_ONE)], False),
        ([event(reaction=Reaction.EYES)], False),
        ([event(permission=Permission.PUBLIC)], False),
        ([event(permission=Permission.READ)], False),
        (
            [
                event(f"e{n}", permission=Permission.READ, actor=replace(things.WRITER, id=n))
                for n in (1, 2, 3)
            ],
            True,
        ),
        ([event(**EDIT)], True),
        ([event(**{**EDIT, "after": "Run  `npm test`."})], False),
        ([event(kind=FeedbackKind.DELETION, reaction=None)], True),
        ([event(), event("e2", kind=FeedbackKind.RETRACTION, reaction=None, retracts="e1")], False),
    ],
)
def test_only_what_is_heard_and_stands_speaks_against_an_answer(events: list[Feedback], speaks: bool) -> None:
    assert against(events) is speaks
    assert not against(events, frozenset(one.id for one in events))


def test_a_thread_counts_once_and_only_what_its_own_side_wrote() -> None:
    new = next(one for one in THREADS if takes(NEW, one, 50))
    other = next(one for one in THREADS if not takes(NEW, one, 50))

    def wrote(name: str, thread: str, by: str) -> Written:
        return Written(answer_id=name, repository_id=1, thread_key=thread, adapter=by)

    written = [
        wrote("a1", new, NEW),
        wrote("a2", new, NEW),
        wrote("a3", other, FORMER),
        wrote("a4", new, FORMER),
        wrote("a5", other, "d" * 64),
    ]
    troubled = {"a1": False, "a2": True, "a3": False, "a4": True, "a5": True}
    assert sides(written, troubled, CANARY, FORMER) == (
        Side(threads=1, trouble=1),
        Side(threads=1, trouble=0),
    )


def answered(unit: UnitOfWork, number: int, *, adapter_id: str, model: str = "m", edited: bool) -> None:
    """An answer in a thread of its own; edits are by several people: each is heard twenty times a day."""
    asked = things.question(number=number, post_id=number, post_kind=PostKind.ISSUE)
    at = things.NOW + timedelta(days=1)
    made = things.posted(asked, 1000 + number, candidate_id=f"c{number}", created_at=at)
    unit.answers.save(made)
    unit.answers.add_prompt(things.prompt(id=f"p{number}", answer_id=made.id))
    generation = things.generation(id=f"g{number}", prompt_id=f"p{number}", adapter=adapter_id, model=model)
    unit.answers.add_generation(generation)
    unit.answers.add_candidates([things.candidate(id=f"c{number}", generation_id=generation.id)])
    if edited:
        actor = replace(things.WRITER, id=100 + number % 12)
        unit.feedback.append(event(f"e{number}", answer_id=made.id, actor=actor, **EDIT))


def corrected(database: Database) -> None:
    """A canary, and people who correct two of three of its answers, and none of its former's."""
    with database.unit() as unit:
        unit.repositories.upsert(things.REPOSITORY)
        for letter in "ac":
            unit.adapters.add(adapter(letter))
        unit.adapters.promote(promotion("a"))
        unit.adapters.promote(CANARY)
        for number in range(1, 61):
            new = takes(NEW, f"1/{number}", 50)
            answered(unit, number, adapter_id=NEW if new else FORMER, edited=new and number % 3 > 0)
        unit.commit()


def test_a_canary_that_people_correct_goes_back_by_itself_once_and_keeps_the_figures(
    database: Database,
) -> None:
    now = things.NOW + timedelta(days=2)
    corrected(database)
    assert settle_due(database, ("mine",), now) == 1
    assert settle_due(database, ("mine",), now) == 0, "it is no canary any more"
    with database.unit() as unit:
        back = unit.adapters.in_force(0)
        assert back is not None
        assert (back.adapter, back.former, back.by, back.share, back.place) == (FORMER, "", "canary", 100, 3)
        assert "threads of the new adapter" in back.reason and "in 0 of " in back.reason
        again = rolled_back(unit, back, now, by="operator", reason="no")
        assert (again.adapter, again.place) == ("", 4), "what was before that: none"


def test_the_first_adapter_is_held_against_the_model_itself_and_not_against_a_chosen_one(
    database: Database,
) -> None:
    with database.unit() as unit:
        unit.repositories.upsert(things.REPOSITORY)
        unit.adapters.add(adapter("c"))
        unit.adapters.promote(promotion("c", share=50))
        for number in range(1, 61):
            new = takes(NEW, f"1/{number}", 50)
            answered(unit, number, adapter_id=NEW if new else "", model="as the server calls it", edited=new)
        for number in range(61, 121):
            answered(unit, number, adapter_id="", model="mine", edited=True)
        canary = unit.adapters.in_force(0)
        assert canary is not None
        new_side, former = figures(unit, canary, ("mine",))
        assert new_side.trouble == new_side.threads > 20 and former.trouble == 0 < former.threads
        assert new_side.threads + former.threads == 60
        unit.commit()
    assert settle_due(database, ("mine",), things.NOW + timedelta(days=2)) == 1
    with database.unit() as unit:
        back = unit.adapters.in_force(0)
    assert back is not None and back.adapter == ""
