"""A delivery about the App's standing closes at once, and never opens."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.lifecycle import ALWAYS_SENT, EVENTS, Turn, read_turn
from storage.records import Repository, Standing
from webhooks.pushes import PUSH
from webhooks.route import ANSWERED

HERE = {"id": 5, "account": {"id": 9, "login": "octo"}}
SHORT = {"id": 1, "full_name": "octo/inkwell", "private": False}
NAMED = Repository(id=1, full_name="octo/inkwell", installation_id=5)
WHOSE: dict[str, Any] = {"installation_id": 5, "account_id": 9, "account": "octo"}


def said(event: str, action: str, **fields: Any) -> Turn | None:
    return read_turn(event, action, {"installation": HERE, "action": action, **fields})


def test_what_takes_access_away_is_done_at_once() -> None:
    assert said("installation", "deleted") == Turn(**WHOSE, standing=Standing.REMOVED, asked=False)
    assert said("installation", "suspend") == Turn(**WHOSE, standing=Standing.SUSPENDED)
    removed = said("installation_repositories", "removed", repositories_removed=[SHORT])
    assert removed == Turn(**WHOSE, lost=(1,))
    assert said("repository", "deleted", repository=SHORT) == Turn(**WHOSE, lost=(1,))
    assert said("repository", "archived", repository=SHORT) == Turn(**WHOSE, archived=(1,))
    privatized = said("repository", "privatized", repository=SHORT)
    assert privatized == Turn(**WHOSE, named=(NAMED,), private=(1,))


def test_a_suspension_began_when_github_says_so_not_when_it_was_heard_of() -> None:
    for told, since in (
        ("2026-11-18T12:00:00+02:00", datetime(2026, 11, 18, 10, tzinfo=UTC)),
        ("2026-11-18T12:00:00", None),
        ("yesterday", None),
        (None, None),
    ):
        turn = said("installation", "suspend", installation={**HERE, "suspended_at": told})
        assert turn == Turn(**WHOSE, standing=Standing.SUSPENDED, since=since)


@pytest.mark.parametrize(
    ("event", "action", "fields"),
    [
        ("installation", "created", {"repositories": [SHORT]}),
        ("installation_repositories", "added", {"repositories_added": [SHORT]}),
        *(
            ("repository", action, {"repository": SHORT})
            for action in ("publicized", "unarchived", "renamed", "transferred", "created")
        ),
    ],
)
def test_what_opens_is_only_a_reason_to_ask(event: str, action: str, fields: dict[str, Any]) -> None:
    turn = said(event, action, **fields)
    given = event != "repository" and action in ("created", "added")
    assert turn == Turn(**WHOSE, named=(NAMED,), added=given)
    assert turn.asked


def test_a_repository_that_does_not_say_that_it_is_public_is_private() -> None:
    turn = said("installation", "created", repositories=[{"id": 1, "full_name": "octo/inkwell"}])
    assert turn is not None
    assert turn.named[0].private


@pytest.mark.parametrize(
    ("event", "action", "payload"),
    [
        ("repository", "edited", {"installation": HERE, "repository": SHORT}),
        ("repository", "renamed", {"repository": SHORT}),
        ("repository", "renamed", {"installation": HERE, "repository": {"id": True, "full_name": "a/b"}}),
        ("repository", "renamed", {"installation": HERE, "repository": {"id": 1, "full_name": "no slash"}}),
        ("installation", "created", {"installation": {"id": 2**70}}),
        ("installation", "created", {"installation": [1]}),
        ("star", "created", {"installation": HERE}),
    ],
)
def test_what_changes_nothing_or_lacks_a_field_is_no_turn(
    event: str, action: str, payload: dict[str, Any]
) -> None:
    assert read_turn(event, action, payload) is None


def test_odd_lists_are_read_for_what_is_whole_in_them() -> None:
    turn = said("installation", "created", repositories=[None, 3, {"id": "1"}, SHORT, {"full_name": "a/b"}])
    assert turn is not None
    assert turn.named == (NAMED,)
    assert said("installation", "created", repositories={"id": 1}) == Turn(**WHOSE)


def test_no_event_is_read_by_two() -> None:
    assert not set(EVENTS) & {*ANSWERED, PUSH}
    assert set(ALWAYS_SENT) < set(EVENTS)
