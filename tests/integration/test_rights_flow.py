"""The table of rights, cell by cell, as it comes about: delivery, receiver, the worker's steps, effect.

Every kind of account does every act of the table once. GitHub is the playground, the receiver, the database
and the steps are the real ones; only the model is scripted. Whoever acts may do so on GitHub at that moment,
and is what the row says by the time the worker asks: what is refused here, Thumbprint itself refused. One
world for all, in which each case has threads, an account and words of its own.

What each cell says, as the issue has it, is `WORDS` of `tests/unit/storage/test_rights.py`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import anyio.from_thread
import pytest

from bot import lessons, polling, promoting
from bot.drills.scripted import scripted_model
from bot.marker import parse_marker
from bot.provenance import Owner
from bot.reply import answer_text
from learning.memory import hearing
from storage.records import Feedback, Learning, PhraseKind, Promotion
from tests.integration.stepwise import World
from tests.unit.storage.test_adapters import adapter
from tests.unit.storage.test_rights import WORDS
from webhooks.playground import acts, people
from webhooks.playground.things import Comment, Issue, Person, Repository

pytestmark = pytest.mark.slow

OWNER = people.SECOND_MAINTAINER
"""Admin of the repository, who asks and teaches where a case needs somebody else."""

ROW_OF = {
    "bot": "bots, ghost, ourselves",
    "ghost": "bots, ghost, ourselves",
    "ourselves": "bots, ghost, ourselves",
    "blocked": "blocked",
    "none": "blocked",
    "stranger": "stranger on a public repository",
    "read": "reader, triage",
    "triage": "reader, triage",
    "write": "write",
    "maintain": "maintain",
    "admin": "admin",
}
"""Kinds of accounts and their rows. `blocked` is by the operator, `none` by GitHub; machines are admins."""


def settled(kind: str) -> str:
    """The role that GitHub gives an account of this kind."""
    return "admin" if ROW_OF[kind].startswith("bots") or kind == "blocked" else kind


@dataclass
class Town:
    """One world, and how people act in it. `number` makes words that no other case has."""

    world: World
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def here(self) -> Repository:
        return self.world.state.repository(f"{people.OWNER}/inkwell")

    def account(self, kind: str, act: str = "") -> tuple[str, str]:
        """A login and the one that the same account had while it was a person with rights."""
        state, number = self.world.state, 920_000 + next(self.numbers)
        fixed = {"ghost": ("ghost", 10_137), "ourselves": (state.bot.login, state.bot.id)}
        login, number = fixed.get(kind, (f"{kind}-{act or number}{'[bot]' if kind == 'bot' else ''}", number))
        former = f"once-{next(self.numbers)}"
        with state.change():
            state.keep(Person(id=number, login=former, name=former))
            if login not in state.people:
                person = "Bot" if kind == "bot" else "User"
                state.keep(Person(id=number, login=login, name=login, kind=person))
        self.grant(login, kind)
        return login, former

    def grant(self, login: str, kind: str) -> None:
        """Have GitHub give an account what its kind has."""
        role = settled(kind)
        self.here.collaborators.pop(login, None)
        if role != "stranger":
            self.here.collaborators[login] = role

    @contextmanager
    def free(self, login: str, kind: str) -> Iterator[None]:
        """Meanwhile GitHub lets the account do anything; afterwards the worker does what there is to do."""
        self.here.collaborators[login] = "admin"
        yield
        self.grant(login, kind)
        self.settle()

    def settle(self) -> None:
        """Deliver everything, and work until nothing waits."""
        while self.world.state.pending():
            self.world.deliver()
        while self.world.work():
            pass

    def say(self, login: str, kind: str, text: str, thread: Issue | None = None) -> list[Comment]:
        """Somebody says this in a thread, or in a new one; the replies."""
        state = self.world.state
        issue = thread or acts.open_issue(state, OWNER, self.here, f"Thread {next(self.numbers)}")
        before = {one.id for one in self.ours(issue)}
        with self.free(login, kind):
            acts.say(state, login, issue, f"/ask {text}")
        return [one for one in self.ours(issue) if one.id not in before]

    def ours(self, issue: Issue) -> list[Comment]:
        said = self.world.state.comments(issue)
        return [one for one in said if one.author == self.world.state.bot.login and "<!--" in one.body]

    def answer(self) -> tuple[Comment, int]:
        """An answer to a question of the owner's, in words with this number."""
        number = next(self.numbers)
        self.world.model.text = (
            f"Use `tool{number}` in folder{number} for minutes{number}, then report{number}."
        )
        (made,) = self.say(OWNER, "admin", f"How do I start part{number} of this?")
        assert f"`tool{number}`" in made.body
        return made, number

    def edit(self, login: str, kind: str) -> str:
        """Somebody corrects an answer; the wording towards which."""
        comment, number = self.answer()
        with self.free(login, kind):
            acts.edit(
                self.world.state, login, comment, comment.body.replace(f"tool{number}", f"make{number}")
            )
        return f"make{number}"

    def lessons(self, right: str) -> list[str]:
        """The ids of corrections towards this wording that act."""
        with self.world.database.unit(read_only=True) as unit:
            held = unit.phrases.weights(self.here.id)
        kind = PhraseKind.CORRECTION
        return [w.phrase.id for w in held if w.active and w.phrase.kind is kind and right in w.phrase.right]

    def taught(self, lesson: str) -> bool:
        """Whether anybody's evidence for a lesson still stands."""
        with self.world.database.unit(read_only=True) as unit:
            return bool(unit.phrases.evidence_of([lesson])[lesson])

    def thumb(self, login: str, kind: str, comment: Comment) -> None:
        with self.free(login, kind):
            acts.react(self.world.state, login, comment, "-1")
        self.world.poll()

    def id_of(self, comment: Comment) -> str:
        marker = parse_marker(comment.body)
        assert marker is not None
        return marker.answer_id

    def events(self, comment: Comment) -> list[Feedback]:
        with self.world.database.unit(read_only=True) as unit:
            return unit.feedback.of_answer(self.id_of(comment))

    def heard(self, comment: Comment) -> tuple[int, bool]:
        """By how many events an answer is judged, and whether what they say acts."""
        with self.world.database.unit(read_only=True) as unit:
            ids = [self.id_of(comment)]
            weights = unit.phrases.weights_of(unit.phrases.about(ids))
            return len(unit.phrases.acting_events(ids)), any(one.active for one in weights.values())

    def learning(self) -> Learning:
        with self.world.database.unit(read_only=True) as unit:
            found = unit.repositories.get(self.here.id)
        assert found is not None
        return found.learning

    @property
    def owner(self) -> Owner:
        assert self.here.installation_id is not None
        return Owner(installation_id=self.here.installation_id, repository_id=self.here.id)

    def in_force(self) -> str:
        """The adapter in force for the repository alone, "" for none."""
        with self.world.database.unit(read_only=True) as unit:
            found = unit.adapters.in_force(self.owner.installation_id, self.owner.repository_id)
        return found.adapter if found else ""


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with (
        scripted_model() as model,
        anyio.from_thread.start_blocking_portal() as portal,
        World(tmp_path_factory.mktemp("town"), model, portal) as world,
    ):
        world.limits.core.limit = world.limits.graphql.limit = world.limits.content_per_minute = 1_000_000
        choose(world)
        yield Town(world)
        world.contract.judge()
        assert world.wrong == []


def choose(world: World, **more: Any) -> None:
    """Have the worker begin anew with the settings of these tests: a stranger may ask once a day."""
    blocked = ",".join(f"blocked-{act}" for act in ACTS)
    chosen = {"blocked": blocked, "questions_per_stranger": 1, "questions_per_repository": 100_000}
    world.settings = world.settings.model_copy(update=chosen | {"strangers": True} | more)
    world.crash()


# ---------------------------------------------------------------- the columns: (town, kind, cell's words)


def ask(town: Town, kind: str, cell: str) -> None:
    login, _ = town.account(kind, "ask")
    number = next(town.numbers)
    town.world.model.text = said = f"Use `tool{number}` for that."
    first = [answer_text(one.body) for one in town.say(login, kind, "How do I run it?")]
    assert first == ([said] if cell != "no" else [])
    if cell.startswith("quota"):
        (refused,) = town.say(login, kind, "How do I run it?")
        assert answer_text(refused.body).startswith("That was your 1 question of today")
        choose(town.world, strangers=False)
        (closed,) = town.say(town.account(kind)[0], kind, "How do I run it?")
        assert answer_text(closed.body).startswith("Here I answer people with access")
        choose(town.world)
    elif cell == "yes":
        assert [answer_text(one.body) for one in town.say(login, kind, "How do I run it?")] == [said]


def thumb(town: Town, kind: str, cell: str) -> None:
    login, _ = town.account(kind, "thumb")
    comment, _ = town.answer()
    town.thumb(login, kind, comment)
    events, acts_now = town.heard(comment)
    assert (events > 0) is (cell not in ("no", "shown only")), town.events(comment)
    assert acts_now is cell.startswith("yes")
    if cell == "shown only":
        assert [one.actor.login for one in town.events(comment)] == [login]
    if cell == "with at least 3 people":
        for place in (2, 3):
            assert not town.heard(comment)[1]
            town.thumb(town.account(kind)[0], kind, comment)
            assert town.heard(comment)[0] == place
        assert town.heard(comment)[1]
    if cell.startswith("yes"):
        again, _ = town.answer()
        town.thumb(login, kind, again)
        # the cap of a day is one here; of two in one second either is the first
        assert sum(town.heard(one)[1] for one in (comment, again)) == (2 if cell == "yes" else 1)


def edit(town: Town, kind: str, cell: str) -> None:
    login, _ = town.account(kind, "edit")
    edits = [town.edit(login, kind)]
    assert bool(town.lessons(edits[0])) is cell.startswith("yes")
    if cell.startswith("yes"):
        edits.append(town.edit(login, kind))
        # the cap of a day is one here; of two in one second either is the first
        assert sum(bool(town.lessons(one)) for one in edits) == (2 if cell == "yes" else 1)


def forget_own(town: Town, kind: str, cell: str) -> None:
    login, former = town.account(kind, "forget_own")
    (lesson,) = town.lessons(town.edit(former, "admin"))
    town.here.collaborators.pop(former)
    town.say(login, kind, f"forget {lesson}")
    assert town.taught(lesson) is (cell == "no")


def forget_others(town: Town, kind: str, cell: str) -> None:
    login, _ = town.account(kind, "forget_others")
    (lesson,) = town.lessons(town.edit(OWNER, "admin"))
    replies = town.say(login, kind, f"forget {lesson}")
    assert town.taught(lesson) is (cell == "no")
    refused(town, kind, replies, cell)


def freeze(town: Town, kind: str, cell: str) -> None:
    login, _ = town.account(kind, "freeze")
    town.answer()  # so that the repository is known, whichever case comes first
    replies = town.say(login, kind, "freeze")
    assert town.learning() is (Learning.ON if cell == "no" else Learning.FROZEN)
    refused(town, kind, replies, cell)
    with town.world.database.unit() as unit:
        lessons.set_learning(unit, town.here.id, Learning.ON, datetime.now(UTC))
        unit.commit()


def rollback(town: Town, kind: str, cell: str) -> None:
    login, _ = town.account(kind, "rollback")
    promoted = adapter("a")
    with town.world.database.unit() as unit:
        unit.adapters.add(promoted)
        before = unit.adapters.history(town.owner.installation_id, town.owner.repository_id)
        made = Promotion(
            scope=town.owner.installation_id,
            repository_id=town.owner.repository_id,
            place=1 + len(before),
            adapter=promoted.id,
            former="",
            at=datetime.now(UTC),
            by="operator",
            reason="it passed",
        )
        assert unit.adapters.promote(made)
        unit.commit()
    replies = town.say(login, kind, "rollback")
    assert town.in_force() == (promoted.id if cell == "no" else "")
    refused(town, kind, replies, cell)
    if cell == "no":
        with town.world.database.unit() as unit:
            promoting.rollback(unit, town.owner, datetime.now(UTC), by="operator", reason="the case is over")
            unit.commit()


def configuration(town: Town, kind: str, cell: str) -> None:
    login, _ = town.account(kind, "configuration")
    replies = town.say(login, kind, "config")
    assert any("`min_score`" in one.body for one in replies) is (cell != "no")
    refused(town, kind, replies, cell)


def refused(town: Town, kind: str, replies: list[Comment], cell: str) -> None:
    """Machines and blocked people are told nothing; others one sentence where they may not."""
    if ROW_OF[kind] in ("bots, ghost, ourselves", "blocked"):
        assert replies == []
    else:
        (said,) = replies
        assert answer_text(said.body).startswith("Only people with the role") is (cell == "no")


ACTS: dict[str, tuple[int, Callable[[Town, str, str], None]]] = {
    "ask": (0, ask),
    "thumb": (1, thumb),
    "edit": (2, edit),
    "forget_own": (3, forget_own),
    "forget_others": (4, forget_others),
    "freeze": (4, freeze),
    "rollback": (4, rollback),
    "configuration": (5, configuration),
}
"""What is done, and the column of the table that decides about it."""


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("kind", ROW_OF)
def test_each_cell_of_the_table_of_rights_comes_about(
    town: Town, monkeypatch: pytest.MonkeyPatch, kind: str, act: str
) -> None:
    monkeypatch.setattr(hearing, "SIGNALS", 1)
    monkeypatch.setattr(polling, "SHARE", 100)  # all cases poll within one minute
    column, carry_out = ACTS[act]
    carry_out(town, kind, WORDS[ROW_OF[kind]].split("|")[column])


def test_every_row_and_column_of_the_table_is_carried_out() -> None:
    assert set(ROW_OF.values()) == set(WORDS) and {column for column, _ in ACTS.values()} == set(range(6))
