"""Whatever people, owners, networks and crashes do, in whatever order: what must never happen does not.

At most one answer of ours stands for a question; nothing is called for an installation that was taken away or
suspended, for a repository that was, or beyond a token's reach; nothing of one repository reaches another
one's prompt or thread; the weights are what the events say. And in the end, once everything is delivered
and done: each question that was let in is answered or ended.

On SQLite, and on PostgreSQL where that is installed.

    THUMBPRINT_TEST_EXAMPLES=1000 pytest tests/integration/test_state_machine.py --hypothesis-seed=0
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import repeat
from pathlib import Path

import anyio.from_thread
import httpx
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from bot import hearing, lessons
from bot.drills.scripted import scripted_model
from bot.slash import Command, parse
from storage.records import AnswerStatus
from tests.integration.stepwise import BASE, World, secret_of
from webhooks.playground import acts, ownership, people
from webhooks.playground.refusals import Refused
from webhooks.playground.things import Comment, Issue, Repository

pytestmark = pytest.mark.slow
SAID = "Run `npm test` in the root folder. It takes two minutes."
PERSONS = (people.MAINTAINER, people.SECOND_MAINTAINER, people.CONTRIBUTOR, people.STRANGER)
WHICH = st.integers(0, 9)
PERSON = st.sampled_from(PERSONS)
BEGINS = ("", "before POST comments", "after POST comments", "before commit", "after commit", "after")
STRIKE = st.tuples(st.integers(0, 6), st.sampled_from(BEGINS))
CRASH = st.one_of(st.none(), STRIKE)
THEN = st.sampled_from(["work", "deliver", "nothing"])
FORGET = ("forget `npm test`", "forget mine")
ENDED = {AnswerStatus.POSTED, AnswerStatus.CANCELLED, AnswerStatus.FAILED, AnswerStatus.DELETED}
ROUNDS = 400
EXAMPLES = {"sqlite": 25, "postgresql": 5}
"""More of them on demand; each is a world of its own."""
STEPS = 50

NewWorld = Callable[[Path], World]


@pytest.fixture(scope="module", params=list(EXAMPLES))
def worlds(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[NewWorld, int]]:
    """What makes a world in a folder, with an empty database and a new playground; and how many to play.

    Both are copies of what is made here once; the model, and the loop to call applications in, are the same.
    """
    template = tmp_path_factory.mktemp("world")
    urls = copies(request.getfixturevalue("server")) if request.param == "postgresql" else repeat("")
    with scripted_model() as model, anyio.from_thread.start_blocking_portal() as portal:
        model.text = SAID
        World(template, model, portal, database_url=next(urls)).__exit__()

        def new(home: Path) -> World:
            shutil.rmtree(home, ignore_errors=True)
            shutil.copytree(template, home)
            return World(home, model, portal, database_url=next(urls))

        yield new, int(os.environ.get("THUMBPRINT_TEST_EXAMPLES", EXAMPLES[request.param]))


def copies(server: str) -> Iterator[str]:
    """The URL of an empty database, and then of one copy after another of what became of it."""
    engine = sa.create_engine(f"{server}/postgres", isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool)

    def done(*statements: str) -> None:
        with engine.connect() as connection:
            for one in statements:
                connection.exec_driver_sql(one)

    done("CREATE DATABASE world_template")
    yield f"{server}/world_template"
    while True:
        done("DROP DATABASE IF EXISTS world WITH (FORCE)", "CREATE DATABASE world TEMPLATE world_template")
        yield f"{server}/world"


def machine(new_world: NewWorld, folder: Path) -> type[RuleBasedStateMachine]:
    class Whatever(RuleBasedStateMachine):
        @initialize()
        def begin(self) -> None:
            self.world = new_world(folder / "home")
            self.state = self.world.state
            self.asked: list[Issue | Comment] = []
            self.replayed: dict[int, tuple[int, int]] = {}

        def allowed(self, act: Callable[..., object], *args: object) -> None:
            """Do something on GitHub, if GitHub lets this person."""
            with suppress(Refused):
                act(self.state, *args)

        def go_on(self, then: str) -> None:
            """Let GitHub deliver, and the worker do what there is to do, as on most days."""
            if then != "nothing":
                self.deliver_all()
            for _ in range(8 if then == "work" else 0):
                self.world.work()

        def some_repository(self, which: int) -> Repository:
            return sorted(self.state.repositories.values(), key=lambda one: one.id)[which % 2]

        def some_answer(self, which: int) -> Comment | None:
            found = sorted((each[0] for each in self.world.answers().values()), key=lambda one: one.id)
            return found[which % len(found)] if found else None

        # -------------------------------------------------------- people

        @rule(who=PERSON, which=WHICH, then=THEN)
        def ask(self, who: str, which: int, then: str) -> None:
            here = self.some_repository(which)
            text = f"/ask How do I run the tests of {secret_of(here.id)}?"
            with suppress(Refused):
                self.asked.append(acts.say(self.state, who, self.state.issue(here.id, 1), text))
            self.go_on(then)

        @rule(which=WHICH, text=st.sampled_from(["/ask Which file holds the settings?", "Never mind."]))
        def edit_question(self, which: int, text: str) -> None:
            if self.asked:
                post = self.asked[which % len(self.asked)]
                if not post.deleted:
                    self.allowed(acts.edit, post.author, post, text)

        @rule(which=WHICH)
        def delete_question(self, which: int) -> None:
            if self.asked:
                post = self.asked[which % len(self.asked)]
                if not post.deleted:
                    self.allowed(acts.delete, post.author, post)

        @rule(who=PERSON, which=WHICH, then=THEN)
        def edit_answer(self, who: str, which: int, then: str) -> None:
            if post := self.some_answer(which):
                right = f"`make {secret_of(post.repository_id)}`"
                self.allowed(acts.edit, who, post, post.body.replace("`npm test`", right))
                self.go_on(then)

        @rule(who=PERSON, which=WHICH)
        def delete_answer(self, who: str, which: int) -> None:
            if post := self.some_answer(which):
                self.allowed(acts.delete, who, post)

        @rule(who=PERSON, which=WHICH, content=st.sampled_from(["+1", "-1", "heart", "eyes"]))
        def react(self, who: str, which: int, content: str) -> None:
            if post := self.some_answer(which):
                self.allowed(acts.react, who, post, content)

        @rule(which=WHICH)
        def withdraw(self, which: int) -> None:
            post = self.some_answer(which)
            given = self.state.reactions_to(post) if post else []
            if post and given:
                one = given[which % len(given)]
                self.allowed(acts.withdraw, one.login, post, one.id)

        @rule(who=PERSON, which=WHICH, what=st.sampled_from(FORGET), then=THEN)
        def forget(self, who: str, which: int, what: str, then: str) -> None:
            here = self.some_repository(which)
            self.allowed(acts.say, who, self.state.issue(here.id, 1), f"/ask {what}")
            self.go_on(then)

        # -------------------------------------------------------- owners

        @rule(which=WHICH, role=st.sampled_from(["read", "write", "none"]))
        def change_role(self, which: int, role: str) -> None:
            here = self.some_repository(which)
            with self.state.change():
                here.collaborators[people.MAINTAINER] = role
                self.state.keep(here)

        @rule(account=st.sampled_from([people.OWNER, people.NEIGHBOUR]), on=st.booleans())
        def install(self, account: str, on: bool) -> None:
            found = self.state.installed_on(account)
            if on and found is None:
                self.allowed(ownership.install, people.SECOND_MAINTAINER, account)
            elif not on and found is not None:
                self.allowed(ownership.uninstall, people.SECOND_MAINTAINER, found.id)

        @rule(account=st.sampled_from([people.OWNER, people.NEIGHBOUR]), on=st.booleans())
        def suspend(self, account: str, on: bool) -> None:
            found = self.state.installed_on(account)
            if found is not None:
                self.allowed(ownership.suspend, people.SECOND_MAINTAINER, found.id, on)

        @rule(which=WHICH, on=st.booleans(), then=THEN)
        def select(self, which: int, on: bool, then: str) -> None:
            """Give the App a repository, or take it away."""
            here = self.some_repository(which)
            self.allowed(ownership.select, people.SECOND_MAINTAINER, here, on)
            self.world.opened()
            self.go_on(then)

        @rule(which=WHICH, owner=st.sampled_from([people.OWNER, people.NEIGHBOUR]))
        def transfer(self, which: int, owner: str) -> None:
            self.allowed(ownership.transfer, people.SECOND_MAINTAINER, self.some_repository(which), owner)

        @rule(which=WHICH, on=st.booleans())
        def privatise(self, which: int, on: bool) -> None:
            here = self.some_repository(which)
            self.allowed(ownership.set_private, people.SECOND_MAINTAINER, here, on)

        # -------------------------------------------------------- the network and the worker

        @rule(which=WHICH, lost=st.booleans())
        def deliver_one(self, which: int, lost: bool) -> None:
            if self.state.pending():
                self.world.deliver(which, lost=lost)

        @rule()
        def deliver_all(self) -> None:
            while self.state.pending():
                self.world.deliver()

        @rule(which=st.integers(0, 99))
        def redeliver(self, which: int) -> None:
            self.world.redeliver(which)

        @rule(which=WHICH, crash=CRASH)
        def work(self, which: int, crash: tuple[int, str] | None) -> None:
            if crash:
                self.world.strike.arm(*crash)
            self.world.work(which)

        @rule(crash=STRIKE)
        def crash_again_and_again(self, crash: tuple[int, str]) -> None:
            """The worker takes up the next job, and never comes far."""
            for _ in range(4):
                self.world.strike.arm(*crash)
                self.world.work()

        @rule(who=PERSON, which=WHICH)
        def crash_once_github_has_the_comment(self, who: str, which: int) -> None:
            """Asked, answered, and nobody was told: the worker died between GitHub's commit and its own."""
            self.ask(who, which, "deliver")
            for _ in range(6):
                self.world.strike.arm(0, "after POST comments")
                self.world.work()

        @rule(what=st.sampled_from(["poll", "upkeep"]), crash=CRASH)
        def by_the_clock(self, what: str, crash: tuple[int, str] | None) -> None:
            if crash:
                self.world.strike.arm(*crash)
            self.world.carefully(getattr(self.world, what))

        # -------------------------------------------------------- what must never happen

        @invariant()
        def nothing_is_called_where_it_must_not_be(self) -> None:
            self.world.opened()
            assert self.world.wrong == []

        @invariant()
        def at_most_one_answer_stands_for_a_question(self) -> None:
            assert {name: len(posts) for name, posts in self.world.answers().items() if len(posts) > 1} == {}

        @invariant()
        def nothing_of_one_repository_reaches_another(self) -> None:
            ids = list(self.state.repositories)
            said = [
                (post.repository_id, post.body) for each in self.world.answers().values() for post in each
            ]
            for where, text in [*self.world.prompts, *said]:
                assert not [other for other in ids if other != where and secret_of(other) in text]
            self.world.prompts.clear()

        @invariant()
        def the_weights_are_what_the_events_say(self) -> None:
            """By a replay, wherever an event came or went, or a weight changed, since the last one."""
            for repository_id in self.state.repositories:
                with self.world.database.unit(read_only=True) as unit:
                    known = unit.repositories.get(repository_id)
                    moment = known and (known.revision, len(unit.feedback.of_repository(repository_id)))
                if moment and moment != self.replayed.get(repository_id):
                    with self.world.database.unit() as unit:
                        assert lessons.replay(unit, repository_id, datetime.now(UTC)) == []
                    self.replayed[repository_id] = moment

        def teardown(self) -> None:
            if not hasattr(self, "world"):
                return
            try:
                self.come_to_an_end()
            finally:
                self.world.__exit__()

        def come_to_an_end(self) -> None:
            """Everything is delivered, every job done; then all that must hold is looked at once more."""
            for _ in range(ROUNDS):
                self.deliver_all()
                if not self.world.work():
                    break
            else:
                raise AssertionError(f"jobs without end: {self.world.open_jobs()}")
            self.nothing_is_called_where_it_must_not_be()
            self.at_most_one_answer_stands_for_a_question()
            self.nothing_of_one_repository_reaches_another()
            self.every_question_came_to_an_end()
            self.replayed.clear()
            self.the_weights_are_what_the_events_say()
            self.world.contract.judge()

        def every_question_came_to_an_end(self) -> None:
            standing = self.world.answers()
            with self.world.database.unit(read_only=True) as unit:
                for repository_id in self.state.repositories:
                    for answer in unit.answers.of_repository(repository_id):
                        reach = unit.repositories.reach(repository_id)
                        if reach is None or reach.closed is None:
                            assert answer.status in ENDED, answer
                        comment = standing.get(answer.id)
                        if answer.status is AnswerStatus.POSTED and comment:
                            assert comment[0].id == answer.comment_id

    return Whatever


def test_the_look_at_calls_sees_each_that_must_not_be(worlds: tuple[NewWorld, int], tmp_path: Path) -> None:
    with worlds[0](tmp_path / "home") as world:
        state, owner = world.state, people.SECOND_MAINTAINER
        here, other = sorted(state.repositories.values(), key=lambda one: one.id)[:2]
        installation = here.installation_id or 0
        world.tokens["ghs_here"] = (installation, (here.id,))

        def wrong(path: str, **variables: object) -> bool:
            headers = {"authorization": "Bearer ghs_here"}
            world.look_at(httpx.Request("POST", BASE + path, headers=headers, json={"variables": variables}))
            found, world.wrong = world.wrong, []
            return bool(found)

        def delivered(act: Callable[..., object], *args: object) -> bool:
            """Whether a call of before is wrong once GitHub has told of this act."""
            act(state, owner, *args)
            while state.pending():
                world.deliver()
            return wrong(f"/api/v3/repositories/{here.id}/issues/1")

        for one, beyond in ((here, False), (other, True)):
            node = state.issue(one.id, 1).node_id
            assert wrong(f"/api/v3/repos/{one.full_name}/issues/1") is beyond
            assert wrong(f"/api/v3/repositories/{one.id}") is beyond
            assert wrong("/api/graphql", id=node) is wrong("/api/graphql", ids=[node]) is beyond
        assert not delivered(ownership.set_private, here)
        assert delivered(ownership.suspend, installation)
        assert not delivered(ownership.suspend, installation, False)
        assert delivered(ownership.select, here, False)
        assert not delivered(ownership.select, here)
        assert delivered(ownership.uninstall, installation)


def test_what_people_say_to_have_something_forgotten_is_a_command() -> None:
    """A question that only looks like one would have nothing forgotten, and the machine not try it."""
    assert {asked.command for what in FORGET if (asked := parse(what))} == {Command.FORGET}
    assert all(parse(what) for what in FORGET)


def test_what_must_never_happen_does_not(
    worlds: tuple[NewWorld, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearing, "SHOWN_AFTER", timedelta(0))  # its clock stands: a 404 is a 404
    new_world, examples = worlds
    run_state_machine_as_test(
        machine(new_world, tmp_path),
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
