"""Feedback is appended once and never changed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from storage.database import Database
from storage.errors import DatabaseError
from storage.records import FeedbackKind, Permission
from tests.unit.storage import things


def test_the_same_event_twice_is_one_event(database: Database) -> None:
    with database.unit() as unit:
        unit.repositories.upsert(things.REPOSITORY)
        unit.answers.save(things.answer())
        assert unit.feedback.append(things.feedback())
        assert not unit.feedback.append(things.feedback(permission=Permission.NONE))
        unit.commit()
    with database.unit() as unit:
        assert unit.feedback.of_answer(things.answer().id) == [things.feedback()]


def test_events_come_oldest_first(database: Database) -> None:
    later = things.feedback(
        "e0",
        kind=FeedbackKind.EDIT,
        reaction=None,
        before="a",
        after="b",
        at=things.NOW + timedelta(microseconds=1),
    )
    taken_back = things.feedback(
        "e2", kind=FeedbackKind.RETRACTION, reaction=None, retracts="e1", at=things.NOW + timedelta(days=1)
    )
    with database.unit() as unit:
        unit.repositories.upsert(things.REPOSITORY)
        unit.answers.save(things.answer())
        for event in (taken_back, later, things.feedback()):
            unit.feedback.append(event)
        assert unit.feedback.of_repository(1) == [things.feedback(), later, taken_back]


@pytest.mark.parametrize(
    "broken",
    [
        {"reaction": None},
        {"kind": FeedbackKind.EDIT},
        {"kind": FeedbackKind.RETRACTION, "reaction": None},
        {"retracts": "e0"},
    ],
)
def test_an_event_carries_what_its_kind_says(database: Database, broken: dict[str, object]) -> None:
    with pytest.raises(DatabaseError, match="breaks its rule"), database.unit() as unit:
        unit.repositories.upsert(things.REPOSITORY)
        unit.answers.save(things.answer())
        unit.feedback.append(things.feedback(**broken))


def test_feedback_is_about_an_answer_that_is_kept(database: Database) -> None:
    with pytest.raises(DatabaseError, match=r"(?i)foreign key"), database.unit() as unit:
        unit.repositories.upsert(things.REPOSITORY)
        unit.feedback.append(things.feedback())
        unit.commit()
