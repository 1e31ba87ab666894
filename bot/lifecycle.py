"""What a delivery says of the App's own standing, and of what became of repositories. Pure.

A delivery may be old: GitHub sends in no order, and what was missed is sent again days later. So a delivery
closes at once (uninstalled, suspended, removed, deleted, archived, private), and never opens: whether
something is open again, what it is called and whose it is, GitHub is asked for (`bot/standing.py`). Only
*uninstalled* needs no asking: an installation's number is never given again.
Left out: doing it (`bot/standing.py`). Run: `pytest tests/unit/bot/test_lifecycle.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from storage.records import LARGEST_ID, Repository, Standing

ALWAYS_SENT = ("installation", "installation_repositories")
"""Every App gets these; a manifest that names them is refused."""

EVENTS = {
    "installation": ("created", "deleted", "suspend", "unsuspend", "new_permissions_accepted"),
    "installation_repositories": ("added", "removed"),
    "repository": (
        "archived",
        "created",
        "deleted",
        "privatized",
        "publicized",
        "renamed",
        "transferred",
        "unarchived",
    ),
}
"""Event → the actions that change anything here."""

_FULL_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}")
_LOGIN = re.compile(r"[A-Za-z0-9_.-]{1,100}")


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What is to be done at once, and whether GitHub has to be `asked` for the rest.

    `named` are repositories to make known, `lost`, `private` and `archived` the numbers of those to close.
    `added`: the App was given those named. `account` is "" where the delivery does not say whose installation
    it is. `since`: when that `standing` began, which may be long before anybody heard of it; None where that
    is not said.
    """

    installation_id: int
    account_id: int = 0
    account: str = ""
    standing: Standing | None = None
    since: datetime | None = None
    named: tuple[Repository, ...] = ()
    added: bool = False
    lost: tuple[int, ...] = ()
    private: tuple[int, ...] = ()
    archived: tuple[int, ...] = ()
    asked: bool = True

    @property
    def repository_id(self) -> int | None:
        """The repository that it is all about, if it is one."""
        about = {*self.lost, *self.private, *self.archived, *(one.id for one in self.named)}
        return about.pop() if len(about) == 1 else None


def read_turn(event: str, action: str, payload: Mapping[str, Any]) -> Turn | None:
    """The turn in a payload; None for one that changes nothing here, or lacks a field that is needed."""
    if action not in EVENTS.get(event, ()):
        return None
    installation_id, account = (
        _number(payload, "installation"),
        _dict(_dict(payload, "installation"), "account"),
    )
    if installation_id is None:
        return None
    login = account.get("login")
    whose: dict[str, Any] = {"installation_id": installation_id, "account_id": _id(account) or 0}
    whose["account"] = login if isinstance(login, str) and _LOGIN.fullmatch(login) else ""
    if event == "installation":
        return _of_installation(action, payload, whose)
    if event == "installation_repositories":
        added = tuple(_listed(payload.get("repositories_added"), installation_id))
        lost = tuple(one.id for one in _listed(payload.get("repositories_removed"), installation_id))
        return Turn(**whose, named=added, added=bool(added), lost=lost)
    found = _repository(_dict(payload, "repository"), installation_id)
    return None if found is None else _of_repository(action, found, whose)


def _of_installation(action: str, payload: Mapping[str, Any], whose: dict[str, Any]) -> Turn:
    if action == "deleted":
        return Turn(**whose, standing=Standing.REMOVED, asked=False)
    if action == "suspend":
        return Turn(**whose, standing=Standing.SUSPENDED, since=_time(_dict(payload, "installation")))
    named = tuple(_listed(payload.get("repositories"), whose["installation_id"]))
    return Turn(**whose, named=named, added=bool(named) and action == "created")


def _of_repository(action: str, found: Repository, whose: dict[str, Any]) -> Turn:
    if action == "deleted":
        return Turn(**whose, lost=(found.id,))
    if action == "archived":
        return Turn(**whose, archived=(found.id,))
    return Turn(**whose, named=(found,), private=(found.id,) if action == "privatized" else ())


def _listed(said: object, installation_id: int) -> Iterator[Repository]:
    for one in said if isinstance(said, list) else ():
        found = _repository(one, installation_id) if isinstance(one, dict) else None
        if found is not None:
            yield found


def _repository(said: Mapping[str, Any], installation_id: int) -> Repository | None:
    number, name = _id(said), said.get("full_name")
    if number is None or not isinstance(name, str) or not _FULL_NAME.fullmatch(name):
        return None
    return Repository(
        id=number, full_name=name, installation_id=installation_id, private=said.get("private") is not False
    )


def _dict(said: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = said.get(key)
    return value if isinstance(value, dict) else {}


def _time(said: Mapping[str, Any]) -> datetime | None:
    """When an installation was suspended; None for a time that cannot be read, or has no zone."""
    try:
        found = datetime.fromisoformat(str(said.get("suspended_at")))
        return found.astimezone(UTC) if found.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _number(said: Mapping[str, Any], key: str) -> int | None:
    return _id(_dict(said, key))


def _id(said: Mapping[str, Any]) -> int | None:
    value = said.get("id")
    real = isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LARGEST_ID
    return value if real else None
