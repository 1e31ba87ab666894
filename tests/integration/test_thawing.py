"""What was said while learning was frozen is used by what its people may do when it is used.

GitHub is the playground; learning is switched as the memory page and the command line switch it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot import feedback, undo
from bot.access import Access
from bot.github import Client, GitHub
from bot.jobs import router_of
from bot.learning_mode import follow_known
from bot.permissions import Permissions
from bot.spending import Ledger
from bot.thawing import recheck_due
from bot.upkeep import upkeep
from storage.errors import GitHubRefused, GitHubUnavailable, OutOfBounds, OverBudget
from storage.records import Actor, Feedback, Learning, Permission, Repository
from tests.integration.answered import MAINTAINER, SECOND, STRANGER, Bench
from tests.integration.playground_fixture import Playground, playground, receiver
from webhooks.playground import ownership, people
from webhooks.playground.things import Person

__all__ = ["playground", "receiver"]

pytestmark = pytest.mark.slow


@pytest.fixture
def bench(playground: Playground, tmp_path: Path) -> Iterator[Bench]:
    """Two maintainers edited an answer while learning was frozen, and it is on again."""
    made = Bench(playground, tmp_path / "bot")
    switch(made, Learning.FROZEN)
    made.edit(MAINTAINER, "npm test", "make check")
    made.edit(SECOND, "a minute", "an hour")
    assert lessons(made) == ""
    switch(made, Learning.ON)
    assert lessons(made) == "", "nobody was asked about yet"
    yield made
    made.github.close()
    made.database.dispose()


def switch(bench: Bench, learning: Learning) -> None:
    with bench.database.unit() as unit:
        repository_id = bench.answer.question.repository_id
        undo.set_learning(unit, bench.context.queue, repository_id, learning, datetime.now(UTC))
        unit.commit()


def role(bench: Bench, login: str, to: str) -> None:
    bench.playground.repository().collaborators[login] = to


def lessons(bench: Bench) -> str:
    return " ".join(right for _, right, _ in bench.corrections())


def said(bench: Bench) -> dict[str, Feedback]:
    return {event.actor.login: event for event in bench.events()}


@pytest.fixture
def asked(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Whom GitHub was asked about, in order."""
    names: list[str] = []
    ask = bench.context.permissions.anew

    def counted(client: Client, repository_id: int, full_name: str, actor: Actor) -> Permission:
        names.append(actor.login)
        return ask(client, repository_id, full_name, actor)

    monkeypatch.setattr(bench.context.permissions, "anew", counted)
    return names


def test_who_may_no_more_teaches_nothing_and_who_may_still_does(bench: Bench, asked: list[str]) -> None:
    role(bench, MAINTAINER, "read")
    recheck_due(bench.context, datetime.now(UTC))
    assert "hour" in lessons(bench) and "make check" not in lessons(bench)
    assert said(bench)[MAINTAINER].permission is Permission.READ and said(bench)[SECOND].permission.writes
    recheck_due(bench.context, datetime.now(UTC))
    assert sorted(asked) == sorted([MAINTAINER, SECOND]), "each person is asked about once"


def test_it_is_used_by_the_clock_and_the_comment_says_so(bench: Bench) -> None:
    upkeep(bench.context, router_of(bench.context.settings))
    assert "hour" in lessons(bench) and "make check" in lessons(bench)
    with bench.database.unit(read_only=True) as unit:
        jobs = unit.jobs.of_repository(bench.answer.question.repository_id)
    assert any(job.startswith(f"refresh/{bench.answer.id}/") for job in jobs)


def test_while_learning_stays_frozen_nobody_is_asked_about(bench: Bench, asked: list[str]) -> None:
    switch(bench, Learning.FROZEN)
    recheck_due(bench.context, datetime.now(UTC))
    assert asked == [] and lessons(bench) == "" and all(e.pending for e in bench.events())


def test_where_github_does_not_answer_all_stays_pending_and_is_used_later(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object) -> Permission:
        raise GitHubUnavailable("GitHub answered 502; try again later.")

    with monkeypatch.context() as broken:
        broken.setattr(bench.context.permissions, "anew", down)
        with pytest.raises(GitHubUnavailable):
            recheck_due(bench.context, datetime.now(UTC))
    assert lessons(bench) == "" and all(event.pending for event in bench.events())
    recheck_due(bench.context, datetime.now(UTC))
    assert "hour" in lessons(bench)


def test_a_round_without_time_asks_nobody(bench: Bench, asked: list[str]) -> None:
    recheck_due(bench.context, datetime.now(UTC), lambda: False)
    assert asked == [] and all(event.pending for event in bench.events())


def renamed(bench: Bench, to: str | None, *, granted: bool = True) -> None:
    """Her account is called otherwise, or gone; what was granted to it goes with it, or was taken away."""
    roles = bench.playground.repository().collaborators
    with bench.playground.state.change():
        person = bench.playground.state.people.pop(MAINTAINER)
        role = roles.pop(MAINTAINER)
        if to is not None:
            bench.playground.state.keep(person.model_copy(update={"login": to}))
            roles |= {to: role} if granted else {}


def newcomer(bench: Bench, role: str = "") -> None:
    """Somebody else takes the name that she had."""
    with bench.playground.state.change():
        bench.playground.state.keep(Person(id=999_001, login=MAINTAINER, name="somebody else"))
        bench.playground.repository().collaborators |= {MAINTAINER: role} if role else {}


@pytest.mark.parametrize("to", ["ada-of-kopernik", None], ids=["renamed", "deleted"])
def test_a_person_with_another_name_is_the_same_and_one_that_is_gone_is_nobody(
    bench: Bench, to: str | None
) -> None:
    renamed(bench, to)
    recheck_due(bench.context, datetime.now(UTC))
    assert ("make check" in lessons(bench)) is (to is not None) and "hour" in lessons(bench)
    assert not any(event.pending for event in bench.events())


@pytest.mark.parametrize("granted", [True, False], ids=["she still writes", "she was removed"])
def test_a_name_that_changed_hands_gives_and_takes_nobody_anything(bench: Bench, granted: bool) -> None:
    renamed(bench, "ada-of-kopernik", granted=granted)
    newcomer(bench, "" if granted else "write")
    recheck_due(bench.context, datetime.now(UTC))
    assert ("make check" in lessons(bench)) is granted and "hour" in lessons(bench)


def test_whom_the_operator_blocked_is_blocked_under_the_name_of_then(bench: Bench) -> None:
    object.__setattr__(bench.context, "permissions", Permissions(blocked=[MAINTAINER]))
    renamed(bench, "ada-of-kopernik")
    recheck_due(bench.context, datetime.now(UTC))
    assert "make check" not in lessons(bench) and "hour" in lessons(bench)


def test_a_token_from_before_a_transfer_makes_nobody_a_stranger(bench: Bench) -> None:
    github = GitHub(bench.context.settings, access=Access(bench.database))
    object.__setattr__(bench.context, "github", github)
    there, state = bench.playground.repository(), bench.playground.state
    github.client(bench.playground.credentials.installation_id, there.id, writes=False).repository(there.id)
    other = ownership.install(state, MAINTAINER, people.NEIGHBOUR)
    ownership.transfer(state, MAINTAINER, there, people.NEIGHBOUR)  # and nobody told us yet
    with pytest.raises(OutOfBounds):
        recheck_due(bench.context, datetime.now(UTC))
    assert all(event.pending and event.permission.writes for event in bench.events())
    moved = Repository(id=there.id, full_name=there.full_name, installation_id=other.id)
    with bench.database.unit() as unit:
        unit.repositories.settle(moved)
        unit.commit()
    recheck_due(bench.context, datetime.now(UTC))
    assert "make check" in lessons(bench)
    github.close()


def test_an_edit_that_is_read_between_a_transfer_and_its_delivery_waits(bench: Bench) -> None:
    github = GitHub(bench.context.settings, access=Access(bench.database))
    object.__setattr__(bench.context, "github", github)
    there, state = bench.playground.repository(), bench.playground.state
    bench.playground.edit(MAINTAINER, bench.comment, bench.comment.body.replace("make check", "make all"))
    guid = bench.deliver()
    github.client(bench.playground.credentials.installation_id, there.id).repository(there.id)
    follow_known(bench.context, there.id)
    ownership.install(state, MAINTAINER, people.NEIGHBOUR)
    ownership.transfer(state, MAINTAINER, there, people.NEIGHBOUR)
    known = len(bench.events())
    with pytest.raises(OutOfBounds):
        feedback.edited(bench.context, guid)
    assert len(bench.events()) == known, "the job waits, and nothing is kept as a stranger's"
    github.close()


def test_who_counts_for_nothing_is_not_asked_about(bench: Bench, asked: list[str]) -> None:
    switch(bench, Learning.FROZEN)
    bench.playground.react(STRANGER, bench.comment, "+1")
    bench.poll()
    assert STRANGER in said(bench) and not said(bench)[STRANGER].pending
    switch(bench, Learning.ON)
    asked.clear()
    recheck_due(bench.context, datetime.now(UTC))
    assert sorted(asked) == sorted([MAINTAINER, SECOND])


def test_asking_keeps_to_the_share_of_looking(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def spent(*_: object) -> None:
        raise OverBudget("used up")

    with monkeypatch.context() as poor:
        poor.setattr(Ledger, "pay", spent)
        recheck_due(bench.context, datetime.now(UTC))
    assert lessons(bench) == "" and all(event.pending for event in bench.events())
    recheck_due(bench.context, datetime.now(UTC))
    assert "hour" in lessons(bench)


def test_a_refusal_about_one_person_holds_up_no_other(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = bench.context.permissions.anew

    def refuses(client: Client, repository_id: int, full_name: str, actor: Actor) -> Permission:
        if actor.login == SECOND:
            raise GitHubRefused("no", status=403)
        return ask(client, repository_id, full_name, actor)

    monkeypatch.setattr(bench.context.permissions, "anew", refuses)
    recheck_due(bench.context, datetime.now(UTC))
    assert "make check" in lessons(bench) and "hour" not in lessons(bench) and said(bench)[SECOND].pending
