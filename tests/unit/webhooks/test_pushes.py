"""A push is heard where it touches a configuration on the default branch, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from storage.records import Repository
from tests.unit.webhooks.test_route import APP, delivery
from webhooks.pushes import MOST_COMMITS, Changed
from webhooks.route import Ignored, route

OWN, DEFAULTS = ".github/thumbprint.yml", "thumbprint.yml"


def pushed(*commits: Any, name: str = "octo/inkwell", ref: str = "refs/heads/trunk", **more: Any) -> Any:
    content = {
        "ref": ref,
        "commits": list(commits),
        "repository": {"id": 1, "full_name": name, "default_branch": "trunk"},
        "installation": {"id": 2},
        **more,
    }
    return route(delivery(content, "push"), APP)


def changed(name: str = "octo/inkwell", own: bool = True, defaults: bool = False) -> Changed:
    return Changed(Repository(id=1, full_name=name, installation_id=2), own, defaults)


@pytest.mark.parametrize("kind", ["added", "modified", "removed"])
def test_a_commit_that_touches_the_file_is_heard(kind: str) -> None:
    assert pushed({"modified": ["README.md"]}, {kind: ["src/x.py", OWN]}) == changed()


def test_an_accounts_defaults_are_those_of_its_github_repository() -> None:
    there = "octo/.github"
    assert pushed({"added": [DEFAULTS]}, name=there) == changed(there, own=False, defaults=True)
    assert pushed({"added": [OWN, DEFAULTS]}, name=there) == changed(there, defaults=True)
    assert pushed({"added": [DEFAULTS]}) == Ignored("no_configuration")


def test_another_branch_or_file_changes_nothing() -> None:
    assert pushed({"added": [OWN]}, ref="refs/heads/feature") == Ignored("other_branch")
    assert pushed({"added": [OWN]}, ref="refs/tags/trunk") == Ignored("other_branch")
    assert pushed({"added": ["docs/thumbprint.yml"]}) == Ignored("no_configuration")
    assert pushed({"added": ["README.md"]}) == Ignored("no_configuration")


def test_a_push_of_more_commits_than_are_listed_may_have_touched_it() -> None:
    commits = [{"message": OWN}] * MOST_COMMITS
    assert pushed(*commits) == changed()


@pytest.mark.parametrize(
    "more",
    [
        {"commits": OWN},
        {"commits": [OWN, None, {"added": OWN}, {"added": [7, None]}]},
        {"repository": OWN},
        {"repository": {"id": "x", "default_branch": OWN}},
        {"ref": [OWN]},
        {"head_commit": [OWN], "installation": None},
    ],
)
def test_a_push_of_another_shape_is_ignored(more: dict[str, Any]) -> None:
    assert isinstance(pushed(**more), Ignored)
