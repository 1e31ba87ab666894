"""Who is answered, up to how often a day, and how often a refusal is said."""

from __future__ import annotations

import pytest

from bot.quotas import MOST_TOLD, Limits, refusal, sentence, told
from storage.records import Refusal, Used
from storage.rights import Who

LIMITS = Limits(person=5, stranger=2, repository=100)
CLOSED = Limits(person=5, stranger=2, repository=100, open_to_strangers=False)
PEOPLE = (Who.STRANGER, Who.READER, Who.WRITER, Who.MAINTAINER, Who.ADMIN)


def used(by_person: int = 0, by_all: int = 0, told_person: bool = False, told: int = 0) -> Used:
    return Used(by_person=by_person, by_all=by_all, told_person=told_person, told=told)


@pytest.mark.parametrize("row", PEOPLE)
def test_everybody_with_a_face_is_answered_within_the_quotas(row: Who) -> None:
    assert refusal(row, LIMITS, used(1, 99)) is Refusal.NONE


def test_machines_and_blocked_people_are_met_with_silence() -> None:
    for row, reason in ((Who.MACHINE, Refusal.MACHINE), (Who.BLOCKED, Refusal.BLOCKED)):
        assert refusal(row, LIMITS, used()) is reason and not told(reason, used())


@pytest.mark.parametrize(("row", "quota"), [(Who.STRANGER, 2), (Who.READER, 5), (Who.WRITER, 5)])
def test_the_quota_of_a_person_ends_with_the_next_question(row: Who, quota: int) -> None:
    assert refusal(row, LIMITS, used(quota - 1)) is Refusal.NONE
    assert refusal(row, LIMITS, used(quota)) is Refusal.PERSON
    assert f"your {quota} questions" in sentence(Refusal.PERSON, row, LIMITS)


def test_a_stranger_never_may_more_than_a_person() -> None:
    assert Limits(person=1, stranger=10, repository=9).of_person(Who.STRANGER) == 1


@pytest.mark.parametrize("row", PEOPLE)
def test_the_repositorys_quota_binds_all_but_maintainers(row: Who) -> None:
    free = row in (Who.MAINTAINER, Who.ADMIN)
    assert refusal(row, LIMITS, used(0, 100)) is (Refusal.NONE if free else Refusal.REPOSITORY)
    assert (refusal(row, LIMITS, used(50, 50)) is Refusal.NONE) is free


@pytest.mark.parametrize("row", PEOPLE)
def test_strangers_may_be_shut_out_and_nobody_else(row: Who) -> None:
    assert (refusal(row, CLOSED, used()) is Refusal.CLOSED) is (row is Who.STRANGER)


@pytest.mark.parametrize("reason", [Refusal.CLOSED, Refusal.PERSON, Refusal.REPOSITORY])
def test_a_refusal_is_said_once_a_person_and_seldom_in_all(reason: Refusal) -> None:
    assert told(reason, used()) and not told(reason, used(told_person=True))
    assert told(reason, used(told=MOST_TOLD - 1)) and not told(reason, used(told=MOST_TOLD))
    assert MOST_TOLD == 20
    said = sentence(reason, Who.STRANGER, LIMITS)
    assert said.count(".") == 1 and said.endswith(".")
