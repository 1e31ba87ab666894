"""What a push says of configuration: whether it touched a `thumbprint.yml` on the default branch. Pure.

It is read only where its bytes hold that name, so a push to anything else costs its signature and no more.
A push that lists no more commits than GitHub does may have touched it unseen: then it is taken to have.
Left out: reading the file (`bot/configurations.py`). Run: `pytest tests/unit/webhooks/test_pushes.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bot.config import ORGANISATION_PATH, PATH
from storage.records import Delivery, Repository
from webhooks.delivery import parse

PUSH = "push"
MOST_COMMITS = 2048
"""Commits that GitHub lists in a push: https://docs.github.com/webhooks/webhook-events-and-payloads#push"""


@dataclass(frozen=True)
class Changed:
    """A repository whose own file changed, or, if they are `defaults`, its account's."""

    repository: Repository
    own: bool
    defaults: bool


def touched(delivery: Delivery, repository: Repository | None) -> Changed | str:
    """What a push changed, or in a word why nothing. `repository` is the delivery's."""
    payload = parse(delivery.body)
    about = payload.get("repository")
    branch = about.get("default_branch") if isinstance(about, dict) else None
    if repository is None or not isinstance(branch, str):
        return "incomplete"
    if payload.get("ref") != f"refs/heads/{branch}":
        return "other_branch"
    commits = payload.get("commits")
    listed = commits if isinstance(commits, list) else []
    paths = set(_paths([*listed, payload.get("head_commit")]))
    everything = len(listed) >= MOST_COMMITS
    own = everything or PATH in paths
    defaults = repository.full_name.partition("/")[2] == ".github" and (
        everything or ORGANISATION_PATH in paths
    )
    return Changed(repository, own, defaults) if own or defaults else "no_configuration"


def _paths(commits: list[Any]) -> Iterator[str]:
    for commit in commits:
        for kind in ("added", "modified", "removed"):
            found = commit.get(kind) if isinstance(commit, dict) else None
            yield from (one for one in (found if isinstance(found, list) else ()) if isinstance(one, str))
