"""What was said while learning was frozen is used by what its people may do when it is used.

GitHub is the playground; learning is switched as the memory page and the command line switch it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot import undo
from bot.github import Client
from bot.jobs import router_of
from bot.thawing import recheck_due
from bot.upkeep import upkeep
from storage.errors import GitHubUnavailable
from storage.records import Actor, Feedback, Learning, Permission
from tests.integration.answered import MAINTAINER, SECOND, Bench
from tests.integration.playground_fixture import Playground, playground, receiver

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


@pytest.mark.parametrize("to", ["ada-of-kopernik", None], ids=["renamed", "deleted"])
def test_a_person_with_another_name_is_the_same_and_one_that_is_gone_is_nobody(
    bench: Bench, to: str | None
) -> None:
    roles = bench.playground.repository().collaborators
    with bench.playground.state.change():
        person = bench.playground.state.people.pop(MAINTAINER)
        granted = roles.pop(MAINTAINER)
        if to is not None:
            bench.playground.state.keep(person.model_copy(update={"login": to}))
            roles[to] = granted
    recheck_due(bench.context, datetime.now(UTC))
    assert ("make check" in lessons(bench)) is (to is not None) and "hour" in lessons(bench)
    assert not any(event.pending for event in bench.events())
