"""Nothing is exported, and no night begins, on a word that GitHub was not asked for lately.

GitHub is the playground, whose deliveries do not arrive: no push and no turn of a repository is heard of.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import consent
from bot.config import PATH
from bot.consent import ASKED, ASKING, LAPSES, ask_due, exported, may_begin
from bot.context import Context
from bot.learning_mode import follow, follow_due, follow_known
from bot.night_clock import due
from storage.errors import GitHubUnavailable, RateLimited
from storage.records import Repository
from tests.integration.whole import OWNER_OF, Whole, whole
from tests.unit.bot.test_time_slice import allowing
from webhooks.playground import files, ownership
from webhooks.playground.misbehave import Rule

pytestmark = pytest.mark.slow

NAMES = ("inkwell", "sailcloth")
YES, NO = "training: true\n", "training: false\n"
LONG = ASKED + timedelta(minutes=1)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Whole]:
    """Two public repositories that said yes, and then nothing that GitHub delivers arrives."""
    with whole(tmp_path) as made:
        made.round()
        for name in NAMES:
            say(made, YES, name)
        made.playground.wait_for_deliveries()
        for name in NAMES:
            follow_known(made.context, made.playground.repository(name).id)
        made.unreachable()
        yield made


def say(app: Whole, text: str, name: str = "inkwell") -> None:
    files.write(app.playground.state, OWNER_OF, app.playground.repository(name), PATH, text)


def scopes(app: Whole, after: timedelta, *, key: bool = True) -> dict[str, set[str]]:
    """What a later export holds: scopes, with the names of their repositories."""
    settings = app.context.settings
    if not key:
        settings = settings.model_copy(update={"private_key_file": None})
    now = datetime.now(UTC) + after
    made = exported(settings, app.database, settings.home / "snapshots", now)
    return {
        one.scope.name: {each.full_name.partition("/")[2] for each in one.scope.repositories} for one in made
    }


BOTH = {"shared": {"inkwell", "sailcloth"}}
LEFT = {"shared": {"sailcloth"}}


def test_an_export_asks_whether_repositories_still_say_yes_though_no_push_was_heard_of(app: Whole) -> None:
    assert scopes(app, timedelta()) == BOTH
    say(app, NO)
    assert scopes(app, LONG) == LEFT


def test_one_that_was_turned_private_or_stopped_to_learn_unheard_is_in_nothing_shared(app: Whole) -> None:
    inkwell = app.playground.repository()
    ownership.set_private(app.playground.state, OWNER_OF, inkwell)
    own = {f"repository-{inkwell.id}": {"inkwell"}}
    assert scopes(app, LONG) == LEFT | own
    say(app, YES + "learning: off\n", "sailcloth")
    assert scopes(app, LONG) == own


def test_one_that_github_shows_us_no_more_trains_nothing(app: Whole) -> None:
    ownership.select(app.playground.state, OWNER_OF, app.playground.repository(), on=False)
    assert scopes(app, LONG) == LEFT


def test_while_github_is_out_of_reach_nothing_is_exported_and_nobody_opted_out(app: Whole) -> None:
    app.playground.state.misbehaviour.add(Rule(kind="error", times=0))
    with pytest.raises(GitHubUnavailable):
        scopes(app, LONG)
    app.unreachable()
    assert scopes(app, LONG) == BOTH


def test_without_a_key_an_old_yes_lapses_until_a_worker_read_it_again(app: Whole) -> None:
    assert scopes(app, LAPSES - timedelta(minutes=5), key=False) == BOTH
    say(app, NO)
    assert scopes(app, LAPSES + timedelta(minutes=1), key=False) == {}
    follow_due(app.context)
    assert scopes(app, timedelta(), key=False) == LEFT


def test_asking_ends_with_its_round_and_the_next_one_goes_on(app: Whole) -> None:
    before = datetime.now(UTC)
    assert not ask_due(app.context, before + LONG, allowing(1))
    with app.database.unit(read_only=True) as unit:
        assert len(unit.configurations.in_training(before)) == 1


class Turned:
    """The clock of a worker that asks for a night, one repository a round."""

    def __init__(self, app: Whole) -> None:
        self.app = app
        self.began = self.now = datetime.now(UTC) + LONG
        app.context.configurations._clock = lambda: self.now

    def may_begin(self, minutes: float, asks: int = 1) -> bool:
        """Whether a night may, so long after it was due."""
        self.now = self.began + timedelta(minutes=minutes)
        return may_begin(self.app.context, self.now, allowing(asks))

    def learns_from(self) -> set[str]:
        """Whom the night that is started now learns from."""
        settings = self.app.context.settings.model_copy(update={"private_key_file": None})
        at = self.now + timedelta(minutes=2)
        made = exported(settings, self.app.database, settings.home / "snapshots", at)
        return {each.full_name.partition("/")[2] for one in made for each in one.scope.repositories}


def test_a_night_begins_though_to_ask_all_takes_longer_than_their_word_is_young(app: Whole) -> None:
    turned = Turned(app)
    assert not turned.may_begin(0)
    assert turned.may_begin(35), "one is to be asked again, and would be for ever"
    assert turned.learns_from() == set(NAMES)


def test_where_there_is_no_time_to_ask_all_a_night_learns_from_those_that_were_asked_in_time(
    app: Whole,
) -> None:
    first, last = NAMES
    turned = Turned(app)
    assert not turned.may_begin(0)
    assert not turned.may_begin(20, asks=0)
    say(app, NO, first)
    turned.now = turned.began + timedelta(minutes=59)
    assert turned.may_begin(59) and turned.learns_from() == {last}, "the word of the other one is too old"
    turned.began += timedelta(days=1)
    assert not turned.may_begin(0), "who was left out is asked first"
    with app.database.unit(read_only=True) as unit:
        assert unit.configurations.to_ask(turned.began) == [app.playground.repository(last).id]


def test_while_github_is_out_of_reach_no_night_begins_and_afterwards_all_are_asked(app: Whole) -> None:
    turned = Turned(app)
    app.playground.state.misbehaviour.add(Rule(kind="error", times=0))
    for minutes in range(0, 300, 20):
        with pytest.raises(GitHubUnavailable):
            turned.may_begin(minutes)
        with app.database.unit(read_only=True) as unit:
            assert due("* * * * *", turned.now, None, unit.progress.mark(ASKING))
    app.unreachable()
    assert not turned.may_begin(301), "there is time for one"
    assert turned.may_begin(302) and turned.learns_from() == set(NAMES)


def test_a_limit_that_is_used_up_holds_a_night_up_for_an_hour_at_most(
    app: Whole, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, last = NAMES
    limited = [first, last]

    def asked(context: Context, client: Any, repository: Repository, *, anew: bool) -> None:
        if repository.full_name.partition("/")[2] in limited:
            raise RateLimited("GitHub asked us to wait.", retry_after_s=3600.0)
        follow(context, client, repository, anew=anew)

    monkeypatch.setattr(consent, "follow", asked)
    turned = Turned(app)
    assert not any(turned.may_begin(minutes, 9) for minutes in (0, 20, 40, 61)), "nobody was asked"
    limited.remove(first)
    assert not turned.may_begin(62, 9)
    assert turned.may_begin(92, 9) and turned.learns_from() == {first}, "as many as are left"


def test_what_was_read_lately_is_not_asked_for_again(app: Whole) -> None:
    spent = app.calls()
    assert ask_due(app.context, datetime.now(UTC))
    assert app.calls() == spent
