"""GitHub is asked once in a while what somebody may do, not at every look."""

from __future__ import annotations

from bot.permissions import KEPT_S, Permissions
from storage.records import Actor, Permission
from storage.rights import What

ADA, BEN = Actor(id=1, login="ada"), Actor(id=2, login="ben")


class Asked:
    """A GitHub that counts how often it is asked."""

    def __init__(self) -> None:
        self.said = Permission.READ
        self.calls: list[tuple[str, str]] = []

    def permission(self, full_name: str, person: Actor) -> Permission:
        self.calls.append((full_name, person.login))
        return self.said


def test_a_permission_is_asked_once_for_each_repository_and_person() -> None:
    github, kept = Asked(), Permissions(lambda: 0.0)
    for _ in range(3):
        kept.of(github, 1, "o/a", ADA)
        kept.of(github, 1, "o/a", BEN)
        kept.of(github, 2, "o/b", ADA)
    assert github.calls == [("o/a", "ada"), ("o/a", "ben"), ("o/b", "ada")]


def test_a_permission_that_was_taken_away_stands_for_ten_minutes_at_most() -> None:
    now = [0.0]
    github, kept = Asked(), Permissions(lambda: now[0])
    github.said = Permission.WRITE
    assert kept.of(github, 1, "o/a", ADA) is Permission.WRITE
    github.said = Permission.NONE
    now[0] = KEPT_S - 1
    assert kept.of(github, 1, "o/a", ADA) is Permission.WRITE
    now[0] = KEPT_S
    assert kept.of(github, 1, "o/a", ADA) is Permission.NONE
    assert KEPT_S <= 600


def test_a_thumb_is_used_only_by_what_its_person_may_do_at_that_moment() -> None:
    github, kept = Asked(), Permissions(lambda: 0.0)
    github.said = Permission.WRITE
    assert kept.of(github, 1, "o/a", ADA) is Permission.WRITE
    github.said = Permission.PUBLIC
    assert kept.of(github, 1, "o/a", ADA) is Permission.WRITE
    assert kept.for_use(github, 1, "o/a", ADA) is Permission.PUBLIC
    assert kept.of(github, 1, "o/a", ADA) is Permission.PUBLIC


def test_who_counts_for_nothing_is_not_asked_about_again_and_again() -> None:
    github, kept = Asked(), Permissions(lambda: 0.0)
    github.said = Permission.PUBLIC
    for _ in range(100):
        kept.for_use(github, 1, "o/a", BEN)
    assert len(github.calls) == 1


def test_who_may_propose_nothing_is_not_asked_about_again_and_who_may_is_asked_anew() -> None:
    github, kept = Asked(), Permissions(lambda: 0.0)
    for github.said, times in ((Permission.READ, 1), (Permission.WRITE, 5)):
        github.calls.clear()
        for _ in range(5):
            kept.for_use(github, 1, "o/a", ADA if times > 1 else BEN, What.EDIT)
        assert len(github.calls) == times


def test_whom_the_operator_blocked_may_nothing_whatever_github_says() -> None:
    github, kept = Asked(), Permissions(lambda: 0.0, blocked=["ADA"])
    github.said = Permission.ADMIN
    asked = (kept.of, kept.for_use, kept.anew)
    assert {ask(github, 1, "o/a", ADA) for ask in asked} == {Permission.NONE} and not github.calls
    assert kept.of(github, 1, "o/a", BEN) is Permission.ADMIN


def test_bots_and_deleted_accounts_are_not_asked_about() -> None:
    github, kept = Asked(), Permissions(lambda: 0.0)
    github.said = Permission.ADMIN
    for nobody in (Actor(id=3, login="ci[bot]"), Actor(id=4, login="ci", is_bot=True), Actor(id=0, login="")):
        assert kept.of(github, 1, "o/a", nobody) is Permission.NONE
    assert not github.calls
