"""Looking at comments by GraphQL: all pages, what is gone, what the budget did not reach, whole histories."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from bot.github_looks import MOST_REACTIONS
from storage.errors import OverBudget
from storage.records import Reaction
from storage.redaction import CUT
from tests.unit.bot.test_github import client_of, key_file

__all__ = ["client_of", "key_file"]

ANNA = {"__typename": "User", "login": "anna", "databaseId": 1}
US = {"__typename": "Bot", "login": "thumbprint", "databaseId": 4}


def page(*contents: str, more: bool = False, user: Any = ANNA) -> dict[str, Any]:
    nodes = [{"content": one, "createdAt": "2026-11-21T12:00:00Z", "user": user} for one in contents]
    return {"pageInfo": {"hasNextPage": more, "endCursor": "c"}, "nodes": nodes}


def node(name: str = "IC_1", **fields: Any) -> dict[str, Any]:
    return {"id": name, "reactions": page(), "isMinimized": False, "userContentEdits": None, **fields}


def said(*nodes: Any, **more: Any) -> httpx.Response:
    return httpx.Response(200, json={"data": {"nodes": list(nodes)}, **more})


@pytest.mark.parametrize(
    ("url", "path"),
    [("https://api.github.com", "/graphql"), ("https://ghe.example/api/v3", "/api/graphql")],
)
def test_reactions_are_read_to_the_last_page_and_a_gone_comment_is_none(client_of, url, path):
    def answer(request):
        assert request.url.path == path
        if b"nodes(ids" in request.content:
            first = {**page("THUMBS_UP", more=True)}
            first["nodes"].append({"content": "HEART", "createdAt": None, "user": None})
            return said(node(reactions=first), None, errors=[{"type": "NOT_FOUND", "message": "x"}])
        return httpx.Response(200, json={"data": {"node": node(reactions=page("HEART"))}})

    client, _ = client_of(answer, url)
    found = client.look(["IC_1", "IC_2"])
    assert [one.reaction for one in found["IC_1"].reactions] == [Reaction.PLUS_ONE, Reaction.HEART]
    assert found["IC_1"].reactions[0].actor.id == 1 and found["IC_2"] is None


def test_a_comment_that_is_deleted_between_two_pages_is_gone_and_nobody_withdrew_anything(client_of):
    def answer(request):
        if b"nodes(ids" in request.content:
            return said(node(reactions=page("THUMBS_UP", more=True)), node("IC_2", reactions=page("HEART")))
        return httpx.Response(200, json={"data": {"node": None}})

    client, _ = client_of(answer, "https://api.github.com")
    found = client.look(["IC_1", "IC_2"])
    assert found["IC_1"] is None and len(found["IC_2"].reactions) == 1


def test_no_more_than_a_thousand_reactions_of_one_comment_are_read(client_of):
    endless = page(*["HEART"] * 100, more=True)

    def answer(request):
        if b"nodes(ids" in request.content:
            return said(node(reactions=endless))
        return httpx.Response(200, json={"data": {"node": node(reactions=endless)}})

    client, wire = client_of(answer)
    assert len(client.look(["IC_1"])["IC_1"].reactions) == MOST_REACTIONS
    assert len(wire.asked) == 10


def test_what_the_budget_does_not_reach_is_left_out_and_nothing_of_it_is_taken_for_gone(client_of):
    class Meter:
        left = 2

        def pay(self, resource):
            if not self.left:
                raise OverBudget("x")
            self.left -= 1

        def told(self, resource, cost, remaining, limit):
            assert (resource, cost, remaining, limit) == ("graphql", 1, 4000, 5000)

    def answer(request):
        rate = {"cost": 1, "remaining": 4000, "limit": 5000}
        if b"nodes(ids" in request.content:
            nodes = [node(f"IC_{n}", reactions=page("HEART", more=True)) for n in (1, 2)]
            return httpx.Response(200, json={"data": {"nodes": nodes, "rateLimit": rate}})
        return httpx.Response(200, json={"data": {"node": node(reactions=page("HEART")), "rateLimit": rate}})

    client, wire = client_of(answer)
    client._calls._meter = Meter()
    assert list(client.look(["IC_1", "IC_2"])) == ["IC_1"]
    with pytest.raises(OverBudget):
        client.look(["IC_1"])
    assert len(wire.asked) == 2


def test_a_history_is_news_when_others_edit_or_a_revision_is_deleted_and_not_when_we_do(client_of):
    def digest(*edits):
        client, _ = client_of(lambda request: said(node(userContentEdits={"nodes": list(edits)})))
        return client.look(["IC_1"])["IC_1"].edits

    ours = {"id": "E1", "deletedAt": None, "editor": US}
    theirs = {"id": "E2", "deletedAt": None, "editor": ANNA}
    assert digest() == digest(ours) == digest({**ours, "id": "E3"}, ours) == ""
    assert digest(theirs, ours) == digest({**ours, "id": "E3"}, theirs, ours) != ""
    deleted = {**theirs, "deletedAt": "2026-11-21T12:00:00Z"}
    assert digest(theirs, ours) != digest(deleted, ours) != digest({**ours, "deletedAt": "x"}) != ""


def test_why_a_comment_is_hidden_is_read_however_github_spells_it(client_of):
    for spelt in ("off-topic", "OFF_TOPIC", "Off-Topic"):
        client, _ = client_of(lambda r, s=spelt: said(node(isMinimized=True, minimizedReason=s)))
        assert client.look(["IC_1"])["IC_1"].hidden == "off-topic"
    client, _ = client_of(lambda request: said(node(isMinimized=True, minimizedReason=None)))
    assert client.look(["IC_1"])["IC_1"].hidden == "hidden"


def test_a_history_is_read_over_all_pages_oldest_first_and_holes_in_it_are_nobodys(client_of):
    def edit(text, editor, deleted=None):
        at = "2026-11-21T12:00:00Z"
        return {"editedAt": at, "deletedAt": deleted, "diff": text, "editor": editor}

    pages = {
        None: [edit("three", ANNA), None],
        "c": [edit("two", None, deleted="2026-11-21T13:00:00Z"), edit("one", US)],
    }

    def answer(request):
        import json

        after = json.loads(request.content)["variables"]["after"]
        edits = {"pageInfo": {"hasNextPage": after is None, "endCursor": "c"}, "nodes": pages[after]}
        body = {"id": "IC_1", "body": "three", "includesCreatedEdit": True, "userContentEdits": edits}
        return httpx.Response(200, json={"data": {"node": body}})

    client, _ = client_of(answer)
    history = client.history("IC_1")
    assert [one.text for one in history.revisions] == ["one", None, None, "three"]
    assert [one.editor.id for one in history.revisions] == [4, 0, 0, 1]
    assert [one.ours for one in history.revisions] == [True, False, False, False]
    assert history.revisions[1].deleted_at == datetime(2026, 11, 21, 13, tzinfo=UTC) and history.whole
    pages["c"].pop()
    assert not client.history("IC_1").whole
    client, _ = client_of(lambda request: httpx.Response(200, json={"data": {"node": None}}))
    assert client.history("IC_1") is None


def test_a_history_is_read_without_secrets(client_of):
    secret, at = f"ghp_{'a1' * 18}", {"editedAt": "2026-11-21T12:00:00Z", "deletedAt": None}
    edits = {
        "pageInfo": {"hasNextPage": False, "endCursor": "c"},
        "nodes": [{**at, "diff": f"set {secret}", "editor": ANNA}, {**at, "diff": "set it", "editor": US}],
    }
    body = {"id": "IC_1", "body": f"set {secret}", "includesCreatedEdit": True, "userContentEdits": edits}
    client, _ = client_of(lambda request: httpx.Response(200, json={"data": {"node": body}}))
    history = client.history("IC_1")
    assert [one.text for one in history.revisions] == ["set it", f"set {CUT}"]
    assert history.body == f"set {CUT}"
