"""The App installed, suspended, taken away; repositories renamed, transferred, hidden, archived, deleted.

Each with the webhook that GitHub sends, to whom GitHub sends it. A suspended installation gets none but its
own `installation` events, an uninstalled one none at all.
Sources: https://docs.github.com/en/webhooks/webhook-events-and-payloads#installation, `#repository`.
Left out: choosing repositories while installing; permissions that change.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from webhooks.playground import shapes
from webhooks.playground.people import ORGANISATIONS
from webhooks.playground.refusals import Refused, forbidden, invalid, not_found
from webhooks.playground.shapes import Json
from webhooks.playground.state import State
from webhooks.playground.things import Installation, Repository


def install(state: State, actor: str, account: str) -> Installation:
    """Install the App on an account, with all of its repositories. 422 where it is installed already."""
    if state.people.get(account) is None or account not in {one.login for one in ORGANISATIONS}:
        raise not_found()
    if state.installed_on(account) is not None:
        raise invalid("Installation", "account", "already_exists")
    with state.change():
        made = Installation(id=state.next_installation(), account=account, created_at=state.clock())
        state.keep(made)
        theirs = [r for r in state.repositories.values() if r.owner == account and not r.deleted]
        for repository in theirs:
            repository.installation_id = made.id
            state.keep(repository)
        _installation(state, actor, made, "created", theirs)
    return made


def uninstall(state: State, actor: str, installation_id: int) -> None:
    """Take the App away from an account, for good: its tokens end, and its number is never used again."""
    gone = state.installation(installation_id)
    with state.change():
        theirs = state.reached(gone.id)
        _installation(state, actor, gone, "deleted", theirs)
        gone.removed = True
        state.keep(gone)
        for repository in theirs:
            repository.installation_id = None
            state.keep(repository)


def suspend(state: State, actor: str, installation_id: int, on: bool = True) -> None:
    """Suspend an installation, or let it go on. Nothing changes for one that is so already."""
    found = state.installation(installation_id)
    if (found.suspended_at is not None) == on:
        return
    with state.change():
        found.suspended_at, found.suspended_by = (state.clock(), actor) if on else (None, None)
        state.keep(found)
        _installation(state, actor, found, "suspend" if on else "unsuspend")


def select(state: State, actor: str, repository: Repository, on: bool = True) -> None:
    """Give the App a repository of an account that it is installed on, or take it away."""
    found = state.installed_on(repository.owner)
    if found is None:
        raise not_found()
    if (repository.installation_id is not None) == on:
        return
    with state.change():
        repository.installation_id = found.id if on else None
        state.keep(repository)
        _selection(state, actor, found, added=[repository] if on else [], removed=[] if on else [repository])


def rename(state: State, actor: str, repository: Repository, name: str) -> None:
    """Give a repository another name; the old one redirects from now on."""
    with state.change():
        former = repository.name
        repository.former_names.append(repository.full_name)
        repository.name = name
        state.keep(repository)
        _repository(state, actor, repository, "renamed", {"repository": {"name": {"from": former}}})


def transfer(state: State, actor: str, repository: Repository, owner: str) -> None:
    """Give a repository to another account: its id stays, its name and its installation change.

    The old account's installation hears that it lost it, the new one's that it came.
    """
    if state.people.get(owner) is None or owner == repository.owner:
        raise invalid("Repository", "new_owner", "invalid")
    before, after = state.installed_on(repository.owner), state.installed_on(owner)
    with state.change():
        former = state.people[repository.owner]
        reached = repository.installation_id is not None
        repository.former_names.append(repository.full_name)
        repository.owner = owner
        repository.installation_id = None if after is None else after.id
        state.keep(repository)
        if before is not None and reached:
            _selection(state, actor, before, removed=[repository])
        if after is not None:
            _selection(state, actor, after, added=[repository])
            changes = {"owner": {"from": {"organization": shapes.user(state, former)}}}
            _repository(state, actor, repository, "transferred", changes)


def set_private(state: State, actor: str, repository: Repository, on: bool = True) -> None:
    """Make a repository private, or public."""
    if repository.private != on:
        with state.change():
            repository.private = on
            state.keep(repository)
            _repository(state, actor, repository, "privatized" if on else "publicized")


def set_archived(state: State, actor: str, repository: Repository, on: bool = True) -> None:
    """Make a repository read-only, or writable again."""
    if repository.archived != on:
        with state.change():
            repository.archived = on
            state.keep(repository)
            _repository(state, actor, repository, "archived" if on else "unarchived")


def delete(state: State, actor: str, repository: Repository) -> None:
    """Delete a repository: nobody reaches it any more, and its number is not used again."""
    with state.change():
        _repository(state, actor, repository, "deleted")
        repository.deleted, repository.installation_id = True, None
        state.keep(repository)


def check_admin(state: State, actor: str, repository: Repository) -> None:
    """Only admins change what a repository is. 404 for one who may not see it, else 403."""
    role = state.role(repository, actor)
    if role == "none":
        raise not_found()
    if role != "admin":
        raise forbidden("Must have admin rights to Repository.")


def check_owner(state: State, actor: str, account: str) -> None:
    """Only an account's owners install there: here, who is admin of one of its repositories."""
    theirs = [r for r in state.repositories.values() if r.owner == account]
    if theirs and not any(state.role(r, actor) == "admin" for r in theirs):
        raise Refused(403, "You must be an admin of the account.")


# ------------------------------------------------------------ webhooks


def _installation(
    state: State, actor: str, of: Installation, action: str, repositories: Iterable[Repository] | None = None
) -> None:
    payload: Json = {"action": action, "installation": shapes.installation(state, of)}
    if repositories is not None:
        payload["repositories"] = [_short(repository) for repository in repositories]
    if action == "created":
        payload["requester"] = None
    _send(state, "installation", action, actor, of, payload)


def _selection(
    state: State,
    actor: str,
    of: Installation,
    added: Iterable[Repository] = (),
    removed: Iterable[Repository] = (),
) -> None:
    payload: Json = {
        "action": "added" if added else "removed",
        "installation": shapes.installation(state, of),
        "repository_selection": "selected",
        "repositories_added": [_short(repository) for repository in added],
        "repositories_removed": [_short(repository) for repository in removed],
        "requester": None,
    }
    if of.suspended_at is None:
        _send(state, "installation_repositories", str(payload["action"]), actor, of, payload)


def _repository(
    state: State, actor: str, repository: Repository, action: str, changes: Json | None = None
) -> None:
    if repository.installation_id is None:
        return
    of = state.installation(repository.installation_id)
    if of.suspended_at is not None:
        return
    payload: Json = {"action": action}
    if changes is not None:
        payload["changes"] = changes
    payload |= {
        "repository": shapes.repository(state, repository),
        "installation": {"id": of.id, "node_id": f"MDIz{of.id}"},
    }
    _send(state, "repository", action, actor, of, payload, repository.id)


def _send(
    state: State,
    event: str,
    action: str,
    actor: str,
    of: Installation,
    payload: Json,
    repository_id: int | None = None,
) -> None:
    payload["sender"] = shapes.user(state, state.people[actor])
    body = json.dumps(payload, separators=(",", ":"), ensure_ascii=False)
    state.queue(event, action, repository_id, body, installation_id=of.id)


def _short(repository: Repository) -> Json:
    kept = ("id", "full_name", "private")
    return {name: getattr(repository, name) for name in kept} | {
        "name": repository.name,
        "node_id": repository.node_id,
    }
