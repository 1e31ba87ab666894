"""When answers are looked at again, and what was spent on looking."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from storage.database import Database
from storage.records import Closed, Installation, Standing
from tests.unit.storage import things

MINUTE = things.NOW.replace(second=0, microsecond=0)


def test_an_answer_has_a_turn_until_it_was_looked_at_and_again_when_it_is_due(database: Database) -> None:
    answer = things.posted(comment_node_id="IC_1")
    with database.unit() as unit:
        unit.repositories.upsert(things.REPOSITORY)
        unit.answers.save(answer)
        (turn,) = unit.polls.turns(things.NOW, things.NOW)
        assert (turn.answer_id, turn.installation_id, turn.next_at, turn.seen) == (answer.id, 2, None, "")
        later = things.NOW + timedelta(minutes=1)
        unit.polls.looked({answer.id: later}, {answer.id: "digest"})
        assert unit.polls.turns(things.NOW, things.NOW) == []
        (turn,) = unit.polls.turns(things.NOW, later)
        assert (turn.next_at, turn.seen) == (later, "digest")
        assert [one.answer_id for one in unit.polls.turns(things.NOW, None)] == [answer.id]
        assert unit.polls.turns(things.NOW + timedelta(seconds=1), None) == []


def test_looking_is_paid_by_the_installation_that_a_repository_has_now_not_by_the_one_it_was_asked_through(
    database: Database,
) -> None:
    asked = [things.question(post_id=1), things.question(post_id=2, installation_id=5)]
    with database.unit() as unit:
        unit.repositories.upsert(things.REPOSITORY)
        for number, one in enumerate(asked):
            unit.answers.save(things.posted(one, comment_id=number, comment_node_id=f"IC_{number}"))
        unit.repositories.settle(replace(things.REPOSITORY, installation_id=5))
        assert [turn.installation_id for turn in unit.polls.turns(things.NOW, None)] == [5, 5]


@pytest.mark.parametrize("closed", Closed)
def test_answers_in_a_repository_that_is_out_of_bounds_are_not_due_until_it_is_open_again(
    database: Database, closed: Closed
) -> None:
    here, there = things.REPOSITORY, replace(things.REPOSITORY, id=9, full_name="octo/sailcloth")
    installed = Installation(id=2, account_id=1, account="octo", standing=Standing.ACTIVE, since=things.NOW)
    standing = {Closed.UNINSTALLED: Standing.REMOVED, Closed.SUSPENDED: Standing.SUSPENDED}.get(closed)
    with database.unit() as unit:
        for repository in (here, there):
            unit.repositories.upsert(repository)
            asked = things.question(repository_id=repository.id)
            unit.answers.save(things.posted(asked, comment_node_id=f"IC_{repository.id}"))
        unit.installations.save(installed)
        assert [turn.repository_id for turn in unit.polls.turns(things.NOW, None)] == [1, 9]
        if standing is not None:
            unit.installations.save(replace(installed, standing=standing))
        elif closed is Closed.REMOVED:
            unit.repositories.lose([here.id], 2, things.NOW)
        else:
            unit.repositories.set_archived(here.id)
        due = [turn.repository_id for turn in unit.polls.turns(things.NOW, None)]
        reached = [unit.repositories.reach(one) for one in (here.id, there.id)]
        assert due == [at for at, to in zip((1, 9), reached, strict=True) if to and to.closed is None]
        assert here.id not in due and (there.id in due) is (standing is None)
        for repository in (here, there):
            unit.repositories.settle(repository)
        unit.installations.save(replace(installed, since=things.NOW + timedelta(days=1)))
        back = [] if closed is Closed.UNINSTALLED else [1, 9]
        assert [turn.repository_id for turn in unit.polls.turns(things.NOW, None)] == back


def test_notices_pending_answers_and_those_without_a_comment_have_no_turn(database: Database) -> None:
    made = [
        things.posted(things.question(post_id=11), comment_id=1, comment_node_id="IC_1", notice="help"),
        things.posted(things.question(post_id=12), comment_id=2),
        things.answer(things.question(post_id=13), comment_node_id="IC_3"),
    ]
    with database.unit() as unit:
        unit.repositories.upsert(things.REPOSITORY)
        for one in made:
            unit.answers.save(one)
        assert unit.polls.turns(things.NOW, None) == []


def test_points_are_counted_by_the_minute_for_each_installation_and_old_ones_dropped(
    database: Database,
) -> None:
    with database.unit() as unit:
        assert unit.polls.spent(2, "graphql", MINUTE) == (0, 0)
        for minutes, points in ((0, 2), (0, 1), (5, 4)):
            at = MINUTE + timedelta(minutes=minutes)
            unit.polls.spend(2, "graphql", points, at, 5000, MINUTE)
        unit.polls.spend(3, "graphql", 9, MINUTE, 12_500, MINUTE)
        unit.polls.spend(2, "core", 7, MINUTE, 5000, MINUTE)
        assert unit.polls.spent(2, "graphql", MINUTE) == (7, 5000)
        assert unit.polls.spent(2, "graphql", MINUTE + timedelta(minutes=1)) == (4, 5000)
        assert unit.polls.spent(3, "graphql", MINUTE) == (9, 12_500)
        unit.polls.spend(2, "graphql", 1, MINUTE + timedelta(minutes=9), 5000, MINUTE + timedelta(minutes=6))
        assert unit.polls.spent(2, "graphql", MINUTE) == (1, 5000)
