"""A token reaches one repository with the least permissions, and is made anew while a job runs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from bot.acknowledgement import with_learned
from bot.github import Client, GitHub
from bot.github_access import PERMISSIONS, Pool
from bot.reply import Body, Marker, Why, render_body
from bot.settings import Settings
from storage.errors import GitHubRefused, Gone, ThumbprintError
from storage.records import Actor, Permission, PostKind, Reaction, Repository
from tests.integration.playground_fixture import Playground, Receiver, playground, playground_at, receiver
from webhooks.playground import acts, people, seed, shapes

__all__ = ["playground", "receiver"]

ADA, BEN = people.MAINTAINER, people.CONTRIBUTOR
HERE = "paperboat/inkwell"


def said(text: str) -> Body:
    return render_body(text, Why(marker=Marker(answer_id="a_1")))


class Wire(Pool):
    """The real connections, and what each token was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.wanted: list[dict[str, Any]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/access_tokens"):
            self.wanted.append(json.loads(request.content))
        return super().handle_request(request)


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def github(playground: Playground, wire: Wire) -> Iterator[GitHub]:
    made = GitHub(Settings(_env_file=None, **playground.settings()), wire)
    yield made
    made.close()


def client(github: GitHub, at: Playground, name: str = "inkwell", **more: Any) -> Client:
    return github.client(at.credentials.installation_id, at.repository(name).id, **more)


def test_a_token_is_asked_for_one_repository_and_the_manifests_permissions(
    playground: Playground, github: GitHub, wire: Wire
) -> None:
    here = playground.repository()
    for _ in range(2):
        client(github, playground).repository(here.id)
        client(github, playground, writes=False).repository(here.id)
    reading = {"contents": "read", "issues": "read", "metadata": "read", "pull_requests": "read"}
    assert wire.wanted == [
        {"repository_ids": [here.id], "permissions": PERMISSIONS},
        {"repository_ids": [here.id], "permissions": reading},
    ]


def test_github_refuses_what_lies_outside_of_a_token(playground: Playground, github: GitHub) -> None:
    elsewhere = playground.say(BEN, 1, "there", repository="sailcloth")
    ours = client(github, playground)
    with pytest.raises(Gone):
        ours.create_comment("paperboat/sailcloth", 1, said("not mine to answer"))
    assert ours.look([elsewhere.node_id]) == {elsewhere.node_id: None}
    assert ours.history(elsewhere.node_id) is None
    comment = playground.say(BEN, 1, "here")
    reader = client(github, playground, writes=False)
    with pytest.raises(GitHubRefused):
        reader.react(HERE, PostKind.COMMENT, comment.id, Reaction.EYES)
    seen = reader.look([comment.node_id])[comment.node_id]
    assert seen is not None and seen.reactions == ()


@pytest.mark.parametrize("installed", [True, False])
def test_an_accounts_defaults_are_read_with_a_token_for_nothing_else(
    playground: Playground, github: GitHub, wire: Wire, installed: bool
) -> None:
    with playground.state.change():
        seed.add_repository(playground.state, 77, ".github", installed=installed, private=True)
        playground.repository(".github").files["thumbprint.yml"] = "candidates: 2"
    said = client(github, playground).read_file(f"{people.OWNER}/.github", "thumbprint.yml")
    assert (said and said.content) == (b"candidates: 2" if installed else None)
    assert wire.wanted[1] == {
        "repositories": [".github"],
        "permissions": {"contents": "read", "metadata": "read"},
    }


def test_a_job_that_outlasts_its_token_gets_another(tmp_path: Path, receiver: Receiver, wire: Wire) -> None:
    with playground_at(tmp_path, receiver.url, token_life_s=61.5) as at:  # githubkit renews a minute early
        github = GitHub(Settings(_env_file=None, **at.settings()), wire)
        ours = client(github, at)
        ours.repository(at.repository().id)
        time.sleep(1.6)
        assert ours.create_comment(HERE, 1, said("written late")).by_us
        assert len(wire.wanted) == 2
        at.guard.revoke_all()
        assert ours.create_comment(HERE, 1, said("written after a revocation")).by_us
        assert len(wire.wanted) == 3 and len(at.answers(1)) == 2
        github.close()


# ---------------------------------------------------------------- the manifest, and the calls made


def calls(at: Playground, ours: Client) -> Iterator[Callable[[], object]]:
    """Everything that the bot does on GitHub, on an issue and on a pull request."""
    repository = Repository(
        id=at.repository().id, full_name=HERE, installation_id=at.credentials.installation_id
    )
    pull = at.open_issue(BEN, "A change", "/ask please", is_pull=True)
    inline = acts.say(at.state, BEN, pull, "why?", "review_comment", path="toc.py", line=1)
    comment = at.say(BEN, 1, "hello")
    yield lambda: ours.repository(repository.id)
    for number in (1, pull.number):
        yield lambda number=number: ours.read_thread(repository, number)
        yield lambda number=number: ours.create_comment(HERE, number, said("an answer"))
        yield lambda number=number: ours.our_comments(HERE, number, PostKind.COMMENT, at.state.clock())
        yield lambda number=number: ours.react(HERE, PostKind.ISSUE, number, Reaction.EYES)
    yield lambda: ours.read_post(HERE, PostKind.COMMENT, comment.id)
    yield lambda: ours.react(HERE, PostKind.COMMENT, comment.id, Reaction.EYES)
    yield lambda: ours.withdraw(HERE, PostKind.COMMENT, comment.id, Reaction.EYES)
    former = said("former")
    yield lambda: ours.update_comment(
        HERE,
        PostKind.COMMENT,
        ours.create_comment(HERE, 1, former).id,
        lambda standing: with_learned(standing.body, [], taken_back_by=BEN),
    )
    yield lambda: ours.create_comment(HERE, pull.number, said("inline"), reply_to=inline.id)
    yield lambda: ours.react(HERE, PostKind.REVIEW_COMMENT, inline.id, Reaction.EYES)
    yield lambda: _there(ours.read_file(HERE, "README.md"))
    yield lambda: _at_least(ours.permission(HERE, Actor(id=at.state.person(ADA).id, login=ADA)))
    yield lambda: _there(ours.look([comment.node_id])[comment.node_id])
    yield lambda: _there(ours.history(comment.node_id))
    yield lambda: ours.delete_comment(HERE, ours.create_comment(HERE, 1, said("once too often")))
    yield lambda: ours.root(HERE, inline.id)
    yield lambda: ours.written_since(HERE, at.state.clock())


def _there(said: object) -> None:
    if said is None:
        raise Gone("it was not to be seen")


def _at_least(permission: Permission) -> None:
    assert permission is Permission.WRITE


def refused(at: Playground, ours: Client) -> int:
    count = 0
    for call in calls(at, ours):
        try:
            call()
        except ThumbprintError:
            count += 1
    return count


class Noted:
    """A client that notes which of its methods are used."""

    def __init__(self, client: Client) -> None:
        self.client, self.used = client, set[str]()

    def __getattr__(self, name: str) -> Any:
        self.used.add(name)
        return getattr(self.client, name)


def test_the_permissions_suffice_for_every_call(playground: Playground, github: GitHub) -> None:
    noted: Any = Noted(client(github, playground))
    assert refused(playground, noted) == 0
    assert noted.used == {name for name in vars(Client) if not name.startswith("_")}


@pytest.mark.parametrize(
    ("name", "less"), [("issues", "read"), ("pull_requests", "read"), ("contents", "none")]
)
def test_with_less_of_any_permission_some_call_is_refused(
    playground: Playground, monkeypatch: pytest.MonkeyPatch, name: str, less: str
) -> None:
    for where in (PERMISSIONS, shapes.PERMISSIONS):
        monkeypatch.setitem(where, name, less)
    monkeypatch.setattr(
        "bot.github_access.PERMISSIONS", {k: v for k, v in PERMISSIONS.items() if v != "none"}
    )
    with closing(GitHub(Settings(_env_file=None, **playground.settings()))) as github:
        assert refused(playground, client(github, playground)) > 0


def test_the_manifest_asks_for_these_permissions_and_no_others() -> None:
    manifest = yaml.safe_load((Path(__file__).parents[2] / "app.yml").read_text())
    assert manifest["default_permissions"] == PERMISSIONS == shapes.PERMISSIONS
