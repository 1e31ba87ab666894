"""Deliveries that failed, or never reached us, are sent again and taken once; beyond GitHub's window we read.

Real deliveries between a playground and a receiver, and a clock that tests turn; no worker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import catching_up, standing
from bot.answer import compose_job
from bot.catching_up import Route
from bot.config import PATH
from bot.context import Context
from bot.github_calls import Calls
from bot.learning_mode import follow_known
from bot.marker import Marker
from bot.notices import EDITED_COMMAND
from bot.reply import bare
from storage.errors import GitHubRefused, Gone, ThumbprintError
from storage.records import Learning, PostKind, stable_id
from tests.integration.whole import OWNER_OF, Whole, whole
from webhooks.playground import files, ownership, people
from webhooks.playground.misbehave import Rule
from webhooks.playground.things import Comment


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Whole]:
    with whole(tmp_path) as made:
        made.round()
        yield made


def attempts(app: Whole) -> int:
    return len(app.playground.deliveries())


def settle(app: Whole, rounds: int = 4) -> None:
    """The worker's next rounds, five minutes apart."""
    for _ in range(rounds):
        app.clock.forward(minutes=5, seconds=1)
        app.round()


def test_what_failed_is_sent_again_within_five_minutes_and_taken_once(app: Whole) -> None:
    app.unreachable()
    app.ask()
    app.ask("/ask Where is the page size?", 2)
    app.playground.wait_for_deliveries()
    assert app.jobs() == []
    app.unreachable(False)
    app.clock.forward(minutes=1)
    app.round()
    assert app.jobs() == []  # five minutes are not over yet
    settle(app)
    assert len(app.jobs()) == 2
    sent = attempts(app)
    settle(app)
    assert attempts(app) == sent
    assert len(app.jobs()) == 2


def test_what_was_acknowledged_and_never_reached_us_is_sent_again(app: Whole) -> None:
    """A proxy said 200, and handed it on to nobody."""
    app.unreachable()
    app.ask()
    [lost] = [one for one in app.playground.wait_for_deliveries() if one.event == "issue_comment"]
    with app.playground.state.change():
        lost.status, lost.status_code = "OK", 200
        app.playground.state.save_delivery(lost)
    app.unreachable(False)
    settle(app)
    assert len(app.jobs()) == 1


@pytest.mark.parametrize("hours", [6, 48, 80])
@pytest.mark.parametrize("others", [False, True])
def test_after_an_outage_of_the_receiver_alone_what_failed_is_sent_again_at_once_however_long_it_took(
    app: Whole, hours: int, others: bool
) -> None:
    """The worker goes on meanwhile, and tries in vain: a certificate that ran out, a proxy that is down.

    What GitHub does not send again any more, after three days, is read.
    """
    app.unreachable()
    app.ask()
    app.playground.wait_for_deliveries()
    for _ in range(2 * hours):
        app.clock.forward(minutes=30)
        app.round()
    app.unreachable(False)
    if others:
        app.ask("/ask Where is the page size?", 2)
        app.playground.wait_for_deliveries()
    settle(app, 3)
    assert len(app.jobs()) == 1 + others


def test_a_push_that_did_not_reach_us_acts_after_the_next_sweep_though_nobody_asks(app: Whole) -> None:
    there = app.playground.repository()
    follow_known(app.context, there.id)
    assert app.row(there.id).learning is Learning.ON
    app.unreachable()
    files.write(app.playground.state, OWNER_OF, there, PATH, "learning: frozen\n")
    app.playground.wait_for_deliveries()
    app.unreachable(False)
    sent = attempts(app)
    settle(app, 2)
    assert app.row(there.id).learning is Learning.FROZEN
    assert attempts(app) == sent


def test_what_asked_for_nothing_is_not_sent_again_nor_what_was_taken(app: Whole) -> None:
    app.ask("Thank you, that helps.")
    app.ask()
    app.playground.wait_for_deliveries()
    sent = attempts(app)
    settle(app)
    assert attempts(app) == sent


def test_deliveries_that_come_twice_shuffled_are_one_job(app: Whole) -> None:
    app.playground.state.misbehaviour.add(Rule(kind="duplicate", times=0))
    app.ask()
    app.ask("/ask Where is the page size?", 2)
    settle(app, 2)
    assert len(app.jobs()) == 2


def test_a_database_that_took_nothing_answers_503_and_the_delivery_comes_again(app: Whole) -> None:
    with app.database.unit():  # a writer that holds the file for longer than the receiver waits
        app.ask()
        [failed] = [one for one in app.playground.wait_for_deliveries(60) if one.event == "issue_comment"]
    assert failed.status_code == 503
    settle(app)
    assert len(app.jobs()) == 1


@pytest.mark.parametrize("said", [GitHubRefused("GitHub refused it.", status=422), Gone("It is gone.")])
def test_a_delivery_that_github_refuses_to_send_again_holds_up_no_other(
    app: Whole, said: ThumbprintError, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.unreachable()
    app.ask()
    app.ask("/ask Where is the page size?", 2)
    oldest = min(one.id for one in app.playground.wait_for_deliveries() if one.event == "issue_comment")
    app.unreachable(False)
    order, asked = Calls.order, []

    def refused(calls: Calls, path: str) -> None:
        asked.append(path)
        if path == f"/app/hook/deliveries/{oldest}/attempts":
            raise said
        order(calls, path)

    with monkeypatch.context() as refusing:
        refusing.setattr(Calls, "order", refused)
        settle(app)
    assert len(app.jobs()) == 1
    assert len(asked) == 2
    app.clock.forward(hours=1)
    settle(app, 2)
    assert len(app.jobs()) == 2


def test_down_for_more_than_three_days_what_was_written_since_is_read_and_asked_once(app: Whole) -> None:
    app.unreachable()
    app.ask("/ask The first day?")
    app.playground.wait_for_deliveries()
    app.clock.forward(hours=1)
    app.playground.open_issue("ben-okafor", "A new thread", "/ask Opened while nobody listened?")
    app.playground.say("ben-okafor", 2, "Thank you, that helps.")
    app.playground.wait_for_deliveries()
    app.clock.forward(days=4)
    app.ask("/ask The last day?", 2)
    app.playground.wait_for_deliveries()
    app.unreachable(False)
    settle(app)
    asked = app.jobs()
    assert len(asked) == 3
    settle(app)
    assert app.jobs() == asked
    app.ask("/ask And now?", 1)
    settle(app, 1)
    assert len(app.jobs()) == 4


@pytest.fixture
def without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Whole]:
    """The App, which was never given the repository `sailcloth`; rows go by the clock that the test turns."""
    with whole(tmp_path) as made:

        class Turned(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> Any:
                return made.clock()

        monkeypatch.setattr("storage.repositories.datetime", Turned)
        give(made, False)
        made.round()
        yield made


def give(app: Whole, on: bool = True) -> None:
    ownership.select(app.playground.state, OWNER_OF, app.playground.repository("sailcloth"), on)
    app.playground.wait_for_deliveries()


def given_and_asked_while_down(app: Whole) -> None:
    """On the first of five days the App is given a repository, and asked there half a day later."""
    app.unreachable()
    app.clock.forward(days=1)
    give(app)
    app.clock.forward(hours=12)
    app.ask(name="sailcloth")
    app.playground.wait_for_deliveries()
    app.clock.forward(days=3, hours=12)
    app.unreachable(False)


def test_what_was_asked_in_a_repository_that_is_known_only_after_the_outage_is_read(without: Whole) -> None:
    given_and_asked_while_down(without)
    settle(without)
    assert len(without.jobs()) == 1


def test_so_it_is_where_the_repository_shows_itself_only_after_the_outage_was_caught_up_with(
    without: Whole, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as unasked:
        unasked.setattr(standing, "EVERY", timedelta(days=99))
        given_and_asked_while_down(without)
        settle(without)
        assert without.jobs() == []
    settle(without)
    assert len(without.jobs()) == 1


def test_a_repository_that_the_app_is_given_after_an_outage_is_not_read_back(without: Whole) -> None:
    without.unreachable()
    without.clock.forward(days=5)
    without.ask("/ask Somebody else, before?", name="sailcloth")
    without.clock.forward(hours=1)
    without.unreachable(False)
    settle(without)
    give(without)
    settle(without)
    assert without.jobs() == []


def test_what_is_gone_keeps_nothing_else_from_being_read(app: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    app.ask()
    settle(app, 1)
    app.unreachable()
    app.playground.open_issue("ben-okafor", "A change", "/ask Is this one fine?", is_pull=True)
    app.ask("/ask And now?")
    app.playground.wait_for_deliveries()
    app.clock.forward(days=5)
    app.unreachable(False)

    def unless_gone(call: Callable[..., Any]) -> Callable[..., Any]:
        def called(self: Calls, path: str, **which: Any) -> Any:
            if "/pulls/" in path:
                raise Gone(f"GitHub has no {path} (any more)")
            return call(self, path, **which)

        return called

    monkeypatch.setattr(Calls, "get", unless_gone(Calls.get))
    monkeypatch.setattr(Calls, "pages", unless_gone(Calls.pages))
    settle(app)
    assert len(app.jobs()) == 2


def test_what_asks_by_a_repositorys_own_word_is_read_too(app: Whole) -> None:
    """The job reads the file that chose the word, as for a delivery to a receiver that knows no file yet."""
    app.unreachable()
    app.ask("/inky Where are the docs?")
    app.playground.wait_for_deliveries()
    app.clock.forward(days=5)
    app.unreachable(False)
    settle(app)
    assert len(app.jobs()) == 1


def test_a_repository_that_github_refuses_to_show_holds_up_no_other(
    app: Whole, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.ask()
    app.ask(name="sailcloth")
    settle(app, 1)
    app.unreachable()
    app.ask("/ask And now?")
    app.ask("/ask And now?", name="sailcloth")
    app.playground.wait_for_deliveries()
    app.clock.forward(days=5)
    app.unreachable(False)
    read, inkwell = catching_up.catch_up, app.playground.repository().id

    def refused(context: Context, route: Route, installation_id: int, repository_id: int, *more: Any) -> int:
        if repository_id == inkwell:
            raise GitHubRefused("GitHub refused it.", status=451)
        return read(context, route, installation_id, repository_id, *more)

    with monkeypatch.context() as refusing:
        refusing.setattr(catching_up, "catch_up", refused)
        settle(app)
    assert len(app.jobs()) == 3
    settle(app, 1)
    assert len(app.jobs()) == 4


def test_a_round_that_has_no_time_left_goes_on_in_the_next_one(
    app: Whole, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.unreachable()
    app.ask()
    app.ask(name="sailcloth")
    app.playground.wait_for_deliveries()
    app.clock.forward(days=5)
    app.unreachable(False)
    with monkeypatch.context() as hurried:
        hurried.setattr("bot.time_slice.ROUND", 0.0)
        settle(app)
    assert app.jobs() == []
    settle(app, 1)
    assert len(app.jobs()) == 2


def test_what_was_asked_before_the_high_water_mark_is_not_asked_again(app: Whole) -> None:
    app.ask()
    settle(app)
    app.unreachable()
    app.clock.forward(days=5)
    app.unreachable(False)
    settle(app)
    assert len(app.jobs()) == 1


def test_what_was_answered_before_its_issue_was_moved_is_not_answered_again(app: Whole) -> None:
    """As GitHub moves one: text, comments and times come along, ours too, under new numbers."""
    app.ask()
    settle(app)
    [asked] = app.jobs()
    app.unreachable()
    kind, post_id = asked.split("/")[2:]
    answer_id = stable_id("a", app.playground.repository().id, kind, post_id)
    moved = app.playground.open_issue("ben-okafor", "Tests", "/ask How do I run the tests?", "sailcloth")
    us = app.playground.state.bot.login
    app.playground.say(us, moved.number, f"So.\n\n{bare(Marker(answer_id=answer_id))}", "sailcloth")
    app.clock.forward(hours=1)
    app.playground.say("ben-okafor", moved.number, "/ask And here?", "sailcloth")
    app.playground.wait_for_deliveries()
    app.clock.forward(days=5)
    app.unreachable(False)
    settle(app)
    new = [one for one in app.jobs() if one != asked]
    assert len(new) == 1 and f"/{PostKind.COMMENT.value}/" in new[0]


def commanded(app: Whole, comment: Comment) -> tuple[Learning, str]:
    """What became of a repository's learning, and the reply, once the job about a comment is carried out."""
    there = app.playground.repository()
    answer_id = stable_id("a", there.id, PostKind.COMMENT.value, comment.id)
    with app.database.unit(read_only=True) as unit:
        asked = unit.answers.question(answer_id)
    assert asked is not None
    compose_job(app.context, asked)
    with app.database.unit(read_only=True) as unit:
        said = unit.answers.get(answer_id)
    return app.row(there.id).learning, "" if said is None else said.text


def test_a_comment_that_others_may_have_changed_while_nobody_listened_commands_nothing(app: Whole) -> None:
    """A writer makes a command of what a maintainer asked: nobody knows who wrote the words that are read."""
    app.unreachable()
    own = app.playground.say(OWNER_OF, 1, "/ask freeze")
    asked = app.playground.say(OWNER_OF, 2, "/ask How do I run the tests?")
    app.clock.forward(hours=1)
    app.playground.edit(people.MAINTAINER, asked, "/ask freeze")
    app.playground.wait_for_deliveries()
    app.clock.forward(days=5)
    app.unreachable(False)
    settle(app)
    assert commanded(app, asked) == (Learning.ON, EDITED_COMMAND)
    assert commanded(app, own)[0] is Learning.FROZEN
