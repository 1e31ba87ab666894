"""The playground keeps GitHub's rules: checked with githubkit's strict models and with bare HTTP."""

from __future__ import annotations

import hashlib
import hmac
import json
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from starlette.testclient import TestClient

from bot.ports import free_port
from tests.contract.recorder import held_to_contract
from tests.integration.playground_fixture import (
    Playground,
    Receiver,
    api,
    playground,
    playground_at,
    receiver,
)
from webhooks.drills.world import wait_until
from webhooks.playground import acts, ownership, people, seed
from webhooks.playground.app import create_app
from webhooks.playground.exchanges import BOT, FILE, Exchange
from webhooks.playground.misbehave import Rule

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from githubkit import AppAuthStrategy, GitHub
    from githubkit.exception import GraphQLFailed, RequestFailed

__all__ = ["api", "playground", "receiver"]

ADA, BEN, CLEO = people.MAINTAINER, people.CONTRIBUTOR, people.STRANGER
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def app_client(at: Playground) -> Any:
    key = at.credentials.private_key_file.read_text()
    auth = AppAuthStrategy(at.credentials.app_id, key)
    return GitHub(auth, base_url=at.api_url, auto_retry=False, http_cache=False, trust_env=False)


def bot_client(at: Playground) -> Any:
    client = app_client(at)
    return client.with_auth(client.auth.as_installation(at.credentials.installation_id))


def make_jwt(at: Playground, **changes: Any) -> str:
    now = int(time.time())
    claims = {"iss": at.credentials.app_id, "iat": now - 60, "exp": now + 500} | changes
    return jwt.encode(claims, at.credentials.private_key_file.read_text(), "RS256")


# ---------------------------------------------------------------- the calls that the bot makes


def test_githubkit_parses_every_answer_with_its_strict_models(playground: Playground) -> None:
    github = bot_client(playground)
    asked = playground.say(BEN, 1, "/ask How do I run the tests?")
    at: dict[str, Any] = {"owner": people.OWNER, "repo": "inkwell"}
    issues = github.rest.issues
    assert issues.get(**at, issue_number=1).parsed_data.title == "How do I run the tests?"
    assert len(issues.list_comments(**at, issue_number=1).parsed_data) == 2
    made = issues.create_comment(**at, issue_number=1, body="Run `pytest`.").parsed_data
    assert (made.user.login, made.user.type) == ("thumbprint[bot]", "Bot")
    assert made.performed_via_github_app.slug == "thumbprint"
    issues.update_comment(**at, comment_id=made.id, body="Run `make test`.")
    assert issues.get_comment(**at, comment_id=made.id).parsed_data.body == "Run `make test`."
    reactions = github.rest.reactions
    eyes = reactions.create_for_issue_comment(**at, comment_id=asked.id, content="eyes")
    assert eyes.status_code == 201
    assert reactions.create_for_issue_comment(**at, comment_id=asked.id, content="eyes").status_code == 200
    assert len(reactions.list_for_issue_comment(**at, comment_id=asked.id).parsed_data) == 1
    reactions.delete_for_issue_comment(**at, comment_id=asked.id, reaction_id=eyes.parsed_data.id)
    assert reactions.list_for_issue_comment(**at, comment_id=asked.id).parsed_data == []
    assert reactions.create_for_issue(**at, issue_number=1, content="confused").status_code == 201
    repo = github.rest.repos.get(**at).parsed_data
    assert github.request("GET", f"/repositories/{repo.id}").json()["full_name"] == "paperboat/inkwell"
    readme = github.rest.repos.get_content(**at, path="README.md").parsed_data
    assert readme.encoding == "base64"
    issues.delete_comment(**at, comment_id=made.id)
    with pytest.raises(RequestFailed) as gone:
        issues.get_comment(**at, comment_id=made.id)
    assert gone.value.response.status_code == 404


def test_githubkit_parses_what_the_app_asks_about_itself(playground: Playground) -> None:
    github = app_client(playground)
    assert github.rest.apps.get_authenticated().parsed_data.slug == "thumbprint"
    (installation,) = github.rest.apps.list_installations().parsed_data
    assert installation.id == playground.credentials.installation_id
    playground.say(BEN, 1, "hello")
    playground.wait_for_deliveries()
    (item,) = github.rest.apps.list_webhook_deliveries().parsed_data
    assert (item.event, item.action, item.status_code) == ("issue_comment", "created", 202)
    whole = github.rest.apps.get_webhook_delivery(item.id).parsed_data
    assert whole.request.payload.model_dump()["comment"]["body"] == "hello"
    assert bot_client(playground).rest.rate_limit.get().parsed_data.resources.core.limit == 5000


def test_review_comments_are_flat_and_answered_at_their_root(playground: Playground) -> None:
    pull = playground.open_issue(ADA, "Faster table of contents", is_pull=True)
    root = acts.say(playground.state, BEN, pull, "/ask why?", "review_comment", path="toc.py", line=7)
    first = acts.say(playground.state, ADA, pull, "hm", "review_comment", reply_to=root)
    at: dict[str, Any] = {"owner": people.OWNER, "repo": "inkwell", "pull_number": pull.number}
    github = bot_client(playground)
    reply = github.rest.pulls.create_reply_for_review_comment(
        **at, comment_id=first.id, body="Because."
    ).parsed_data
    assert reply.in_reply_to_id == root.id
    assert len(github.rest.pulls.list_review_comments(**at).parsed_data) == 3
    assert (
        github.request("GET", f"/repos/paperboat/inkwell/pulls/{pull.number}").json()["number"] == pull.number
    )
    made = github.rest.reactions.create_for_pull_request_review_comment(
        people.OWNER, "inkwell", root.id, content="eyes"
    )
    assert made.status_code == 201
    event = playground.wait_for_deliveries()[-1]
    assert event.event == "pull_request_review_comment"


def test_permission_tells_writers_readers_strangers_and_bots_apart(api: httpx.Client) -> None:
    def ask(login: str) -> tuple[str, str, int]:
        answer = api.get(f"/repos/paperboat/inkwell/collaborators/{login}/permission").json()
        member = api.get(f"/repos/paperboat/inkwell/collaborators/{login}").status_code
        return answer["permission"], answer["role_name"], member

    assert ask(ADA) == ("write", "write", 204)
    assert ask(people.SECOND_MAINTAINER) == ("admin", "admin", 204)
    assert ask(people.SECOND_CONTRIBUTOR) == ("read", "triage", 204)
    assert ask(CLEO) == ("read", "read", 404)
    missing = api.get("/repos/paperboat/inkwell/collaborators/nobody-here/permission")
    assert (missing.status_code, missing.json()["message"]) == (404, "nobody-here is not a user")


# ---------------------------------------------------------------- who may


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, 200),
        ({"exp": 3000}, 401),
        ({"exp": -5}, 401),
        ({"iat": 3000}, 401),
        ({"iss": "1"}, 404),
    ],
)
def test_a_json_web_token_lives_ten_minutes_at_most(
    playground: Playground, changes: dict[str, Any], status: int
) -> None:
    now = int(time.time())
    claims = {name: now + value if isinstance(value, int) else value for name, value in changes.items()}
    headers = {"Authorization": f"Bearer {make_jwt(playground, **claims)}"}
    assert httpx.get(f"{playground.api_url}/app", headers=headers).status_code == status


def test_bad_tokens_are_401_with_githubs_message(playground: Playground, api: httpx.Client) -> None:
    url = f"{playground.api_url}/repos/paperboat/inkwell"
    assert httpx.get(url).json()["message"] == "Requires authentication"
    for token in ("ghs_wrong.signature", "nonsense", "ghs_"):
        answer = httpx.get(url, headers={"Authorization": f"token {token}"})
        assert (answer.status_code, answer.json()["message"]) == (401, "Bad credentials")
        assert "documentation_url" in answer.json()
    assert (
        httpx.get(f"{playground.api_url}/app", headers={"Authorization": "Bearer x.y.z"}).status_code == 401
    )
    assert api.get("/repos/paperboat/inkwell").status_code == 200
    playground.guard.revoke_all()
    assert api.get("/repos/paperboat/inkwell").status_code == 401


def test_a_token_expires(tmp_path: Path, receiver: Receiver) -> None:
    with playground_at(tmp_path, receiver.url, token_life_s=0) as at:
        token = at.guard.issue_token(at.credentials.installation_id, {})["token"]
        answer = httpx.get(
            f"{at.api_url}/repos/paperboat/inkwell", headers={"Authorization": f"token {token}"}
        )
        assert answer.status_code == 401


def test_a_narrowed_token_reaches_no_further(playground: Playground) -> None:
    def get(wanted: dict[str, Any], method: str, path: str, **more: Any) -> httpx.Response:
        token = playground.guard.issue_token(playground.credentials.installation_id, wanted)["token"]
        headers = {"Authorization": f"token {token}"}
        return httpx.request(method, playground.api_url + path, headers=headers, **more)

    here, there = "/repos/paperboat/inkwell", "/repos/paperboat/sailcloth"
    assert get({"repositories": ["inkwell"]}, "GET", here).status_code == 200
    assert get({"repositories": ["inkwell"]}, "GET", there).status_code == 404
    only = {"repository_ids": [playground.repository("sailcloth").id]}
    assert get(only, "GET", here).status_code == 404
    readonly = {"permissions": {"issues": "read"}}
    assert get(readonly, "GET", f"{here}/issues/1").status_code == 200
    refused = get(readonly, "POST", f"{here}/issues/1/comments", json={"body": "x"})
    assert (refused.status_code, refused.json()["message"]) == (403, "Resource not accessible by integration")
    jwt_headers = {"Authorization": f"Bearer {make_jwt(playground)}"}
    url = f"{playground.api_url}/app/installations/{playground.credentials.installation_id}/access_tokens"
    for wanted in ({"repositories": ["nowhere"]}, {"permissions": {"issues": "admin"}}, {"typo": 1}):
        assert httpx.post(url, headers=jwt_headers, json=wanted).status_code == 422


def test_repositories_without_the_app_do_not_exist(playground: Playground, api: httpx.Client) -> None:
    with playground.state.change():
        seed.add_repository(playground.state, 5, "elsewhere", installed=False, private=True)
    assert api.get("/repos/paperboat/elsewhere").status_code == 404
    assert api.get("/repos/no/such").status_code == 404
    assert api.get("/no/such/call").status_code == 404


# ---------------------------------------------------------------- bad input and odd moments


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"json": {"body": "x" * 65_536}}, 201),
        ({"json": {"body": "x" * 65_537}}, 422),
        ({"json": {"body": "  \n"}}, 422),
        ({"json": {}}, 422),
        ({"json": {"body": 7}}, 422),
        ({"json": {"body": "x", "unknown": 1}}, 422),
        ({"content": b"{broken"}, 400),
    ],
)
def test_a_comment_body_is_checked_like_githubs(api: httpx.Client, sent: dict[str, Any], status: int) -> None:
    assert api.post("/repos/paperboat/inkwell/issues/1/comments", **sent).status_code == status


def test_locked_deleted_and_missing_threads_refuse_in_their_own_way(
    playground: Playground, api: httpx.Client
) -> None:
    comments = "/repos/paperboat/inkwell/issues/{}/comments"
    acts.set_locked(playground.state, ADA, playground.issue(1), True)
    assert api.post(comments.format(1), json={"body": "x"}).status_code == 403
    reaction = api.post("/repos/paperboat/inkwell/issues/1/reactions", json={"content": "eyes"})
    assert reaction.status_code == 403
    acts.delete(playground.state, ADA, playground.issue(2))
    assert api.get("/repos/paperboat/inkwell/issues/2").status_code == 410
    assert api.post(comments.format(2), json={"body": "x"}).status_code == 410
    assert api.post(comments.format(999), json={"body": "x"}).status_code == 404


def test_only_writers_change_what_others_wrote(playground: Playground) -> None:
    said = playground.say(BEN, 1, "mine")
    with pytest.raises(acts.Refused) as refused:
        playground.edit(CLEO, said, "vandalised")
    assert refused.value.status == 403
    playground.edit(ADA, said, "corrected")
    playground.edit(BEN, said, "mine again")
    assert [r.editor for r in said.revisions] == [BEN, ADA, BEN]


def test_lists_are_paged_with_links(playground: Playground, api: httpx.Client) -> None:
    for index in range(7):
        playground.say(BEN, 3, f"comment {index}")
    url = "/repos/paperboat/inkwell/issues/3/comments?per_page=4"
    bodies: list[str] = []
    while url:
        answer = api.get(url)
        bodies += [comment["body"] for comment in answer.json()]
        url = answer.links.get("next", {}).get("url", "")
    assert bodies[2:] == [f"comment {index}" for index in range(7)]
    assert (
        api.get("/repos/paperboat/inkwell/issues/3/comments?per_page=4")
        .links["last"]["url"]
        .endswith("page=3")
    )


def test_renamed_repositories_redirect_by_id(playground: Playground, api: httpx.Client) -> None:
    repository = playground.repository()
    ownership.rename(playground.state, people.SECOND_MAINTAINER, repository, "inkpot")
    moved = api.get("/repos/paperboat/inkwell/issues/1?x=1")
    assert moved.status_code == 301
    assert moved.headers["location"].endswith(f"/repositories/{repository.id}/issues/1?x=1")
    assert api.get(moved.headers["location"]).json()["title"] == "How do I run the tests?"
    assert api.post("/repos/paperboat/inkwell/issues/1/comments", json={"body": "x"}).status_code == 307
    assert api.get("/repos/paperboat/inkpot").json()["id"] == repository.id


def test_etags_save_points_and_every_answer_says_what_is_left(api: httpx.Client) -> None:
    first = api.get("/repos/paperboat/inkwell/issues/1")
    left = int(first.headers["x-ratelimit-remaining"])
    again = api.get("/repos/paperboat/inkwell/issues/1", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, int(again.headers["x-ratelimit-remaining"])) == (304, left)
    assert int(api.get("/repos/paperboat/inkwell").headers["x-ratelimit-remaining"]) == left - 1


def test_exhausted_limits_refuse_with_githubs_headers(playground: Playground, api: httpx.Client) -> None:
    playground.limits.content_per_minute = 1
    comments = "/repos/paperboat/inkwell/issues/1/comments"
    assert api.post(comments, json={"body": "1"}).status_code == 201
    slow_down = api.post(comments, json={"body": "2"})
    assert (slow_down.status_code, int(slow_down.headers["retry-after"]) > 0) == (403, True)
    playground.limits.exhaust(60)
    refused = api.get("/repos/paperboat/inkwell")
    assert (refused.status_code, refused.headers["x-ratelimit-remaining"]) == (403, "0")
    assert api.get("/rate_limit").status_code == 200


# ---------------------------------------------------------------- GraphQL

QUERY = """
query($ids: [ID!]!, $after: String) {
  rateLimit { cost remaining }
  nodes(ids: $ids) { __typename ... on IssueComment {
    id databaseId lastEditedAt body editor { login }
    reactions(first: 2, after: $after) {
      nodes { id content createdAt user { login databaseId } } pageInfo { hasNextPage endCursor } totalCount }
    userContentEdits(first: 10) { nodes { editedAt editor { login } deletedAt diff } }
  } }
}"""


def test_graphql_tells_reactions_by_person_and_the_edit_history(playground: Playground) -> None:
    said = playground.say(BEN, 1, "one")
    for login, content in ((ADA, "+1"), (ADA, "-1"), (CLEO, "rocket")):
        playground.react(login, said, content)
    playground.edit(ADA, said, "two")
    github = bot_client(playground)
    data = github.graphql(QUERY, {"ids": [said.node_id]})
    (node,) = data["nodes"]
    assert (node["databaseId"], node["body"], node["editor"]["login"]) == (said.id, "two", ADA)
    given = node["reactions"]
    assert [(r["user"]["login"], r["content"]) for r in given["nodes"]] == [
        (ADA, "THUMBS_UP"),
        (ADA, "THUMBS_DOWN"),
    ]
    assert given["pageInfo"]["hasNextPage"]
    after = github.graphql(QUERY, {"ids": [said.node_id], "after": given["pageInfo"]["endCursor"]})
    assert [r["content"] for r in after["nodes"][0]["reactions"]["nodes"]] == ["ROCKET"]
    assert [(e["editor"]["login"], e["diff"]) for e in node["userContentEdits"]["nodes"]] == [
        (ADA, "two"),
        (BEN, "one"),
    ]
    acts.redact(playground.state, ADA, said, said.revisions[0].id)
    edits = github.graphql(QUERY, {"ids": [said.node_id]})["nodes"][0]["userContentEdits"]["nodes"]
    assert edits[1]["diff"] is None
    assert edits[1]["deletedAt"]


def test_graphql_gives_partial_data_when_a_node_is_gone(playground: Playground) -> None:
    kept, gone = playground.say(BEN, 1, "kept"), playground.say(BEN, 1, "gone")
    playground.delete(BEN, gone)
    github = bot_client(playground)
    with pytest.raises(GraphQLFailed) as failed:
        github.graphql(QUERY, {"ids": [gone.node_id, kept.node_id]})
    response = failed.value.response
    assert response.data["nodes"][0] is None
    assert response.data["nodes"][1]["body"] == "kept"
    assert response.errors[0].type == "NOT_FOUND"


def test_a_hundred_nodes_cost_two_points_with_edits(playground: Playground, api: httpx.Client) -> None:
    url = f"{playground.base_url}/api/graphql"
    said = playground.say(BEN, 1, "x")
    answer = api.post(url, json={"query": QUERY, "variables": {"ids": [said.node_id] * 100}})
    assert answer.json()["data"]["rateLimit"]["cost"] == 2
    assert answer.headers["x-ratelimit-used"] == "2"
    many = api.post(url, json={"query": QUERY, "variables": {"ids": [said.node_id] * 101}}).json()
    assert "100" in many["errors"][0]["message"]
    assert api.post(url, json={"query": "{ nonsense }"}).json()["errors"]


# ---------------------------------------------------------------- deliveries


def test_deliveries_are_signed_in_order_and_none_is_sent_for_reactions(
    playground: Playground, receiver: Receiver
) -> None:
    said = playground.say(BEN, 1, "before ä")
    playground.react(ADA, said, "-1")
    playground.edit(ADA, said, "after")
    playground.delete(BEN, said)
    playground.open_issue(CLEO, "New here")
    received = receiver.wait(4)
    assert [(r.headers["X-GitHub-Event"], r.payload["action"]) for r in received] == [
        ("issue_comment", "created"),
        ("issue_comment", "edited"),
        ("issue_comment", "deleted"),
        ("issues", "opened"),
    ]
    for delivery in received:
        secret = playground.credentials.webhook_secret.encode()
        expected = "sha256=" + hmac.new(secret, delivery.body, hashlib.sha256).hexdigest()
        assert delivery.headers["X-Hub-Signature-256"] == expected
        assert delivery.path == "/webhooks/github"
        assert delivery.headers["User-Agent"].startswith("GitHub-Hookshot/")
    edited = received[1].payload
    assert edited["changes"] == {"body": {"from": "before ä"}}
    assert (edited["sender"]["login"], edited["comment"]["user"]["login"]) == (ADA, BEN)
    assert edited["installation"]["id"] == playground.credentials.installation_id
    assert len({r.headers["X-GitHub-Delivery"] for r in received}) == 4


def test_the_bots_own_comments_fire_too(
    playground: Playground, receiver: Receiver, api: httpx.Client
) -> None:
    api.post("/repos/paperboat/inkwell/issues/1/comments", json={"body": "I answer."})
    (delivery,) = receiver.wait(1)
    assert delivery.payload["sender"]["type"] == "Bot"
    assert delivery.payload["comment"]["performed_via_github_app"]["slug"] == "thumbprint"


def test_failed_deliveries_are_kept_and_redelivered_with_their_guid(
    playground: Playground, receiver: Receiver
) -> None:
    receiver.status = 500
    playground.say(BEN, 1, "hello")
    (failed,) = playground.wait_for_deliveries()
    assert (failed.failed, failed.status_code) == (True, 500)
    receiver.status = 202
    headers = {"Authorization": f"Bearer {make_jwt(playground)}"}
    url = f"{playground.api_url}/app/hook/deliveries"
    (item,) = httpx.get(url, params={"status": "failure"}, headers=headers).json()
    assert httpx.post(f"{url}/{item['id']}/attempts", headers=headers).status_code == 202
    again = playground.wait_for_deliveries()[-1]
    assert (again.guid, again.redelivery, again.status_code) == (failed.guid, True, 202)
    assert receiver.received[0].body == receiver.received[1].body


def test_a_receiver_that_takes_too_long_has_failed(tmp_path: Path, receiver: Receiver) -> None:
    receiver.delay_s = 0.5
    with playground_at(tmp_path, receiver.url, delivery_timeout_s=0.1) as at:
        at.say(BEN, 1, "hello")
        (late,) = at.wait_for_deliveries()
    assert (late.status, late.failed) == ("timed out", True)


def test_everything_survives_a_restart(tmp_path: Path, receiver: Receiver) -> None:
    with playground_at(tmp_path, receiver.url) as first:
        said = first.say(BEN, 1, "kept")
        first.react(ADA, said, "heart")
        first.edit(ADA, said, "kept and edited")
        token = first.guard.issue_token(first.credentials.installation_id, {})["token"]
        first.wait_for_deliveries()
        ids = (first.credentials, first.repository().id, len(first.state.deliveries))
    with playground_at(tmp_path, receiver.url) as second:
        assert ids == (second.credentials, second.repository().id, len(second.state.deliveries))
        found = second.comments(1)[-1]
        assert (found, second.state.reactions_to(found)[0].content) == (said, "heart")
        assert second.say(BEN, 1, "next").id == said.id + 1
        headers = {"Authorization": f"token {token}"}
        assert httpx.get(f"{second.api_url}/repos/paperboat/inkwell", headers=headers).status_code == 200


# ---------------------------------------------------------------- misbehaving


def test_it_misbehaves_as_told(playground: Playground, receiver: Receiver, api: httpx.Client) -> None:
    def tell(**rule: Any) -> None:
        assert httpx.post(f"{playground.base_url}/playground/misbehave", json=rule).status_code == 200

    comments = "/repos/paperboat/inkwell/issues/1/comments"
    before = len(playground.comments(1))
    tell(kind="error", times=2, path="*/comments")
    assert [api.get(comments).status_code for _ in range(3)] == [502, 502, 200]
    tell(kind="drop", status=502)
    assert api.post(comments, json={"body": "committed, answer lost"}).status_code == 502
    tell(kind="drop", status=0)
    with pytest.raises(httpx.RemoteProtocolError):
        api.post(comments, json={"body": "committed, connection lost"})
    assert len(playground.comments(1)) == before + 2
    tell(kind="lag", seconds=60)
    assert len(api.get(comments).json()) == before
    newest = f"/repos/paperboat/inkwell/issues/comments/{playground.comments(1)[-1].id}"
    tell(kind="lag", seconds=60)
    assert [api.get(newest).status_code for _ in range(2)] == [404, 200]
    tell(kind="lag", seconds=600)
    assert api.get("/repos/paperboat/inkwell/issues/1").status_code == 200, "it is older than that"
    tell(kind="delay", seconds=0.3)
    started = time.monotonic()
    api.get(comments)
    assert time.monotonic() - started >= 0.3
    playground.wait_for_deliveries()
    receiver.received.clear()
    tell(kind="duplicate")
    playground.say(BEN, 1, "twice")
    first, second = receiver.wait(2)
    assert first.headers["X-GitHub-Delivery"] == second.headers["X-GitHub-Delivery"]
    tell(kind="withhold")
    playground.say(BEN, 1, "never")
    wait_until(lambda: playground.deliveries()[-1].failed, 5, "the delivery was not withheld")
    assert len(receiver.received) == 2
    assert httpx.post(f"{playground.base_url}/playground/misbehave", json={"kind": "?"}).status_code == 422
    playground.state.misbehaviour.add(Rule(kind="error", times=0))
    httpx.delete(f"{playground.base_url}/playground/misbehave")
    assert api.get(comments).status_code == 200


# ---------------------------------------------------------------- loopback only


def test_other_hosts_and_other_sites_pages_are_refused(playground: Playground) -> None:
    rebound = httpx.get(playground.base_url, headers={"Host": "evil.example"})
    assert rebound.status_code == 403
    forwarded = httpx.get(playground.base_url, headers={"X-Forwarded-For": "203.0.113.9"})
    assert forwarded.status_code == 403 and "127.0.0.1 only" in forwarded.text
    act = {"as": ADA, "do": "say", "repository": "paperboat/inkwell", "number": 1, "body": "x"}
    url = f"{playground.base_url}/playground/act"
    assert httpx.post(url, json=act, headers={"Origin": "http://evil.example"}).status_code == 403
    assert httpx.post(url, json=act, headers={"Origin": playground.base_url}).status_code == 200


def test_people_act_over_http_too(playground: Playground) -> None:
    def act(login: str, verb: str, **fields: Any) -> httpx.Response:
        return httpx.post(f"{playground.base_url}/playground/act", json={"as": login, "do": verb, **fields})

    made = act(BEN, "say", repository="paperboat/inkwell", number=1, body="hello").json()
    node = made["node_id"]
    assert act(ADA, "react", node=node, content="heart").json()["reactions"]["heart"] == 1
    assert act(ADA, "react", node=node, content="heart").json()["reactions"]["heart"] == 0
    assert act(ADA, "edit", node=node, body="better").json()["body"] == "better"
    assert act(CLEO, "delete", node=node).status_code == 403
    assert act(BEN, "delete", node=node).status_code == 200
    assert act(BEN, "open", repository="paperboat/inkwell", title="T", body="").json()["number"] == 4
    assert act("nobody", "say").status_code == 404
    assert act(BEN, "dance").status_code == 422


# ---------------------------------------------------------------- a process of its own


def start(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "webhooks.playground", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.mark.slow
def test_it_runs_as_a_process_and_only_on_loopback(tmp_path: Path) -> None:
    port = free_port()
    home = f"--home={tmp_path / 'pg'}"
    elsewhere = start("--host", "0.0.0.0", "--port", str(port), home)
    assert elsewhere.returncode != 0
    assert "this machine only" in elsewhere.stderr
    command = [sys.executable, "-m", "webhooks.playground", "--port", str(port), home]
    with subprocess.Popen(command) as process:
        try:
            url = f"http://127.0.0.1:{port}/"
            wait_until(lambda: answers(url), 30, "the playground did not start")
            taken = start("--port", str(port), home)
            assert taken.returncode != 0
            assert taken.stderr.startswith(f"Port {port} is taken")
        finally:
            process.terminate()
        assert process.wait(15) in (0, -signal.SIGTERM)


def test_exchanges_are_written_down_where_a_file_is_there_for_them_and_held_to_the_contract(
    tmp_path: Path,
) -> None:
    base, wrong = "http://127.0.0.1:9", "/api/v3/octocat"
    asked: list[tuple[bytes, bytes]] = [
        (b"user-agent", BOT.encode()),
        (b"authorization", "Bearer ö".encode()),
    ]
    found = pytest.raises(AssertionError, match=r"GET /api/v3/octocat\?s=1 → 404.*no such call")
    with found, held_to_contract(tmp_path):
        app = create_app(tmp_path, base_url=base, app_url=base)
        with TestClient(app, base_url=base, client=("127.0.0.1", 9)) as bot:
            for _ in range(2):
                bot.get(f"{wrong}?s=1", headers=asked)
    [line] = (tmp_path / FILE).read_text().splitlines()
    made = Exchange.of(line)
    assert (made.by_bot, made.path, made.query, made.status) == (True, wrong, "s=1", 404)
    assert json.loads(made.answer)["message"] == "Not Found"
    assert made.line() == f"{line}\n"


def answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.HTTPError:
        return False
