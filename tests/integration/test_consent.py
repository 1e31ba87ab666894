"""Nothing is exported, and no night begins, on a word that GitHub was not asked for lately.

GitHub is the playground, whose deliveries do not arrive: no push and no turn of a repository is heard of.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.config import PATH
from bot.consent import ASKED, LAPSES, ask_due, exported
from bot.learning_mode import follow_due, follow_known
from storage.errors import GitHubUnavailable
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


def test_what_was_read_lately_is_not_asked_for_again(app: Whole) -> None:
    spent = app.calls()
    assert ask_due(app.context, datetime.now(UTC))
    assert app.calls() == spent
