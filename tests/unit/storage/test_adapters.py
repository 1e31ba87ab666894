"""Which adapter is in force: the newest row of its scope, and nobody overwrites another's."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from storage.adapters import serving
from storage.database import Database
from storage.erasure import erase
from storage.errors import DatabaseError
from storage.records import Adapter, AdapterStatus, Promotion, Run, RunStatus
from tests.unit.storage import things


def adapter(letter: str, **changes: Any) -> Adapter:
    made = Adapter(
        id=letter * 64,
        folder=f"/adapters/{letter}",
        stage="ppo",
        run=f"ppo_{letter}",
        base="b" * 64,
        template="7" * 64,
        snapshot="5" * 64,
        added_at=things.NOW,
        passed=True,
        judged=f"/adapters/{letter}/gate.json",
    )
    return replace(made, **changes)


def promotion(letter: str, **changes: Any) -> Promotion:
    made = Promotion(adapter=letter * 64 if letter else "", at=things.NOW, by="operator", reason="it passed")
    return replace(made, **changes)


def test_the_newest_promotion_of_a_scope_is_in_force_and_no_row_is_ever_changed(database: Database) -> None:
    first, second = promotion("a"), promotion("c", place=2, former="a" * 64, share=20)
    with database.unit() as unit:
        unit.adapters.add(adapter("a"))
        unit.adapters.add(adapter("c"))
        unit.adapters.add(adapter("d"))
        assert unit.adapters.in_force(0) is None
        assert unit.adapters.promote(first) and unit.adapters.in_force(0) == first
        assert unit.adapters.promote(second) and unit.adapters.in_force(0) == second
        unit.commit()
    with database.unit() as unit:
        assert not unit.adapters.promote(promotion("d", place=2)), "that place is taken"
        assert unit.adapters.history(0) == [second, first]
        assert serving(second) == ("c" * 64, "a" * 64) and serving(first) == ("a" * 64,)
        back = promotion("a", place=3, by="canary", reason="3 of 4 against 0 of 9")
        assert unit.adapters.promote(back) and unit.adapters.in_force(0) == back
        status = {one.id[0]: one.status for one in unit.adapters.all()}
    promoted, retired, candidate = AdapterStatus.PROMOTED, AdapterStatus.RETIRED, AdapterStatus.CANDIDATE
    assert status == {"a": promoted, "c": retired, "d": candidate}


def test_a_repository_has_its_own_then_its_installations_then_everybodys(database: Database) -> None:
    alls = promotion("a")
    accounts = promotion("c", scope=2)
    own = promotion("d", scope=2, repository_id=1)
    with database.unit() as unit:
        for letter in "acd":
            unit.adapters.add(adapter(letter))
        for one in (own, alls, accounts):
            assert unit.adapters.promote(one)
        assert unit.adapters.promote(promotion("", scope=9))
        store = unit.adapters
        assert store.for_repository(2, 1) == [own, accounts, alls]
        assert store.for_repository(2, 5) == [accounts, alls], "another's own is nobody's else"
        assert store.for_repository(9, 1) == [promotion("", scope=9), alls]
        assert store.in_force(2, 1) == own and store.in_force(2) == accounts
        assert [one.adapter[:1] for one in store.current()] == ["a", "c", "d", ""]


def test_an_adapter_that_is_added_again_may_have_moved_and_been_judged_and_is_taken_again(
    database: Database,
) -> None:
    with database.unit() as unit:
        unit.adapters.add(adapter("a", passed=False, judged=""))
        assert unit.adapters.set_fault("a" * 64, "It is damaged.")
        assert not unit.adapters.set_fault("a" * 64, "It is damaged."), "that was known"
        moved = adapter("a", folder="/elsewhere", run="ppo_other")
        unit.adapters.add(moved)
        kept = unit.adapters.get("a" * 64)
        assert kept == replace(moved, run="ppo_a"), "what made it stays what it was"
        assert unit.adapters.get("c" * 64) is None
        assert moved.name == "thumbprint-aaaaaaaaaaaaaaaa"


@pytest.mark.parametrize(
    "wrong",
    [
        promotion("a", share=0),
        promotion("a", share=101),
        promotion("", share=50),
        promotion("a", forced=True, reason=""),
        promotion("a", repository_id=7),
        promotion("e"),
    ],
)
def test_what_no_promotion_can_be_is_refused_by_the_database(database: Database, wrong: Promotion) -> None:
    with pytest.raises(DatabaseError, match="breaks its rule"), database.unit() as unit:
        unit.adapters.add(adapter("a"))
        unit.adapters.promote(wrong)
        unit.commit()


def test_what_learned_from_a_private_repository_goes_with_it_and_nothing_else_does(
    database: Database,
) -> None:
    with database.unit() as unit:
        unit.repositories.upsert(things.REPOSITORY)
        unit.adapters.add(adapter("a"))
        for letter in "cd":
            unit.adapters.add(adapter(letter, installation_id=2, repository_id=1))
        assert unit.adapters.promote(promotion("a"))
        assert unit.adapters.promote(promotion("c", scope=2, repository_id=1))
        assert unit.adapters.promote(promotion("d", scope=2, repository_id=1, place=2, former="c" * 64))
        unit.commit()
    with database.unit() as unit:
        assert erase(unit.connection, 1) == {"promotions": 2, "adapters": 2, "repositories": 1}
        unit.commit()
    with database.unit() as unit:
        assert [one.id for one in unit.adapters.all()] == ["a" * 64]
        assert unit.adapters.current() == [promotion("a")]


def test_what_is_needed_is_in_force_or_a_rollback_away_or_was_never_promoted(database: Database) -> None:
    with database.unit() as unit:
        for letter in "acdef":
            unit.adapters.add(adapter(letter))
        assert unit.adapters.promote(promotion("a"))
        assert unit.adapters.promote(promotion("c", place=2, former="a" * 64))
        assert unit.adapters.promote(promotion("d", place=3, former="c" * 64))
        assert unit.adapters.promote(promotion("e", scope=2))
        assert {one[:1] for one in unit.adapters.needed()} == {"c", "d", "e", "f"}


def test_what_learned_from_an_account_goes_with_it_and_nothing_of_others(database: Database) -> None:
    with database.unit() as unit:
        unit.adapters.add(adapter("a"))
        unit.adapters.add(adapter("c", installation_id=2))
        unit.adapters.add(adapter("d", installation_id=2, repository_id=1))
        unit.adapters.add(adapter("e", installation_id=3))
        others = [promotion("a"), promotion("e", scope=3)]
        for one in others:
            assert unit.adapters.promote(one)
        assert unit.adapters.promote(promotion("a", scope=2))
        assert unit.adapters.promote(promotion("c", scope=2, place=2, former="a" * 64))
        assert unit.adapters.promote(promotion("d", scope=2, repository_id=1))
        assert unit.adapters.owners() == {2, 3}
        unit.adapters.forget_installation(2)
        unit.commit()
    with database.unit() as unit:
        assert [one.id[:1] for one in unit.adapters.all()] == ["a", "e"]
        assert unit.adapters.current() == others
        assert unit.adapters.owners() == {3}


def test_a_run_ends_once_and_the_newest_is_listed_first(database: Database) -> None:
    runs = [Run(id=f"r{n}", started_at=things.NOW + timedelta(days=n), folder="/runs") for n in range(3)]
    with database.unit() as unit:
        for run in runs:
            assert unit.adapters.add_run(run)
        assert not unit.adapters.add_run(runs[0])
        at = things.NOW + timedelta(days=2)
        kept = {"reason": "The gate says no.", "snapshot": "s", "adapter": "a"}
        assert unit.adapters.end_run("r1", RunStatus.KEPT, at, **kept)
        assert not unit.adapters.end_run("r1", RunStatus.PROMOTED, at, reason="Twice.")
        assert not unit.adapters.end_run("r9", RunStatus.FAILED, at, reason="Unknown.")
        ended = replace(runs[1], ended_at=at, status=RunStatus.KEPT, **kept)
        assert unit.adapters.runs() == [runs[2], ended, runs[0]]
        assert unit.adapters.runs(1) == [runs[2]]
