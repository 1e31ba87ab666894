"""GitHub's answers become our records, its refusals our errors; reads are repeated, a create never is."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.github import Client
from bot.github_access import Rights, connect
from bot.github_calls import Calls
from bot.reply import Marker, Why, render_body, with_boxes
from bot.settings import Settings
from storage.errors import ConfigurationError, GitHubRefused, GitHubUnavailable, Gone, RateLimited
from storage.records import Actor, Permission, PostKind, Reaction, Repository
from storage.redaction import CUT
from tests.contract.judging import Judged, judge

__all__ = ["judge"]

RIGHTS = Rights.in_repository(5, 9)
NOWHERE = Judged(lambda request: httpx.Response(500))
REPOSITORY = Repository(id=9, full_name="o/r", installation_id=5)
TOKEN = {
    "token": "ghs_t",
    "expires_at": "2100-01-01T00:00:00Z",
    "permissions": {},
    "repository_selection": "all",
}
BODY = render_body("Use `nox`.", Why(marker=Marker(answer_id="a_1")))
COMMENT = {
    "id": 3,
    "node_id": "IC_3",
    "body": "hi",
    "user": {"id": 1, "login": "anna", "type": "User"},
    "created_at": "2026-11-21T12:00:00Z",
    "html_url": "https://github.com/o/r/issues/7#issuecomment-3",
}


@pytest.fixture(scope="module")
def key_file(tmp_path_factory) -> Path:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path = tmp_path_factory.mktemp("key") / "app.pem"
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(pem)
    return path


class Wire:
    """Answers of GitHub's by path; keeps what was asked."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response]) -> None:
        self.answer = answer
        self.asked: list[httpx.Request] = []
        self.tokens = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/access_tokens"):
            self.tokens += 1
            return httpx.Response(201, json=TOKEN)
        self.asked.append(request)
        return self.answer(request)


@pytest.fixture
def client_of(key_file):
    def make(answer: Callable[[httpx.Request], httpx.Response], url="https://api.github.com"):
        wire = Wire(answer)
        settings = Settings(_env_file=None, app_id="77", private_key_file=key_file, github_url=url)
        kit = connect(settings, RIGHTS, Judged(wire))
        return Client(Calls(kit, sleep=lambda seconds: None), 5, "thumbprint", "77"), wire

    return make


def test_all_pages_of_a_thread_are_read(client_of):
    def answer(request):
        if request.url.path == "/repos/o/r/issues/7":
            return httpx.Response(200, json={**COMMENT, "number": 7, "title": "T", "locked": True})
        page = int(request.url.params["page"])
        more = {"link": f'<{request.url.copy_set_param("page", page + 1)}>; rel="next"'} if page < 3 else {}
        return httpx.Response(200, json=[{**COMMENT, "id": page * 10 + i} for i in range(2)], headers=more)

    client, _ = client_of(answer)
    thread = client.read_thread(REPOSITORY, 7)
    assert [post.id for post in thread.posts] == [7, 10, 11, 20, 21, 30, 31]
    assert thread.posts[0].kind is PostKind.ISSUE and thread.locked and not thread.is_pull_request


def test_odd_fields_do_no_harm(client_of):
    client, _ = client_of(lambda request: httpx.Response(200, json={"id": 3, "user": None, "body": None}))
    post = client.read_post("o/r", PostKind.COMMENT, 3)
    assert post.body == "" and post.author.login == "ghost" and not post.by_us


@pytest.mark.parametrize(
    ("user", "ours"),
    [
        ({"id": 4, "login": "thumbprint[bot]", "type": "Bot"}, True),
        ({"id": 4, "login": "thumbprint[bot]", "type": "User"}, False),
        ({"id": 4, "login": "other[bot]", "type": "Bot"}, False),
    ],
)
def test_only_a_bot_with_our_name_is_us(client_of, user, ours):
    client, _ = client_of(lambda request: httpx.Response(200, json={**COMMENT, "user": user}))
    assert client.read_post("o/r", PostKind.COMMENT, 3).by_us is ours


TOO_FAST = "was submitted too quickly"
ABUSE = "You have triggered an abuse detection mechanism. Please retry your request again later."
BLOCKED = "You have been temporarily blocked from content creation. Please retry your request again later."


@pytest.mark.parametrize(
    ("status", "said"),
    [
        *((422, one) for one in (TOO_FAST, ABUSE, BLOCKED)),
        *((403, one) for one in (TOO_FAST, ABUSE, BLOCKED)),
        (403, "You have exceeded a secondary rate limit."),
    ],
)
def test_who_wrote_too_fast_waits_a_minute_though_no_header_says_so(client_of, status, said):
    """A finished answer is lost to no limit, in whichever words GitHub sets it."""
    errors = [{"resource": "IssueComment", "code": "custom", "field": "body", "message": said}]
    content = {"message": "Validation Failed", "errors": errors} if status == 422 else {"message": said}
    client, wire = client_of(lambda request: httpx.Response(status, json=content))
    with pytest.raises(RateLimited) as raised:
        client.create_comment("o/r", 7, BODY)
    assert raised.value.retry_after_s == 60.0 and len(wire.asked) == 1


@pytest.mark.parametrize(
    ("status", "headers", "error"),
    [
        (500, {}, GitHubUnavailable),
        (502, {}, GitHubUnavailable),
        (404, {}, Gone),
        (410, {}, Gone),
        (403, {}, GitHubRefused),
        (422, {}, GitHubRefused),
        (403, {"retry-after": "7"}, RateLimited),
        (429, {"retry-after": "7"}, RateLimited),
        (429, {}, RateLimited),
        (503, {"retry-after": "7"}, GitHubUnavailable),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "0"}, RateLimited),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "soon"}, RateLimited),
    ],
)
def test_each_refusal_is_one_error_of_ours(client_of, status, headers, error):
    client, _ = client_of(lambda request: httpx.Response(status, headers=headers, json={"message": "no"}))
    with pytest.raises(error) as raised:
        client.create_comment("o/r", 7, BODY)
    if headers.get("retry-after"):
        assert raised.value.retry_after_s == 7.0
    assert "nox" not in str(raised.value)


@pytest.mark.parametrize("status", [403, 429, 503])
@pytest.mark.parametrize(
    ("said", "wait_s"),
    [
        ("1.5", 1.5),
        ("in a while", 60.0),
        ("inf", 60.0),
        ("-3", 0.0),
        ("1e9", 86_400.0),
        ("", 60.0),
        (90, 90.0),
    ],
)
def test_every_way_to_say_how_long_to_wait_is_understood(client_of, status, said, wait_s):
    """A number here stands for the date in so many seconds."""
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=said), usegmt=True) if said == 90 else said
    client, _ = client_of(lambda request: httpx.Response(status, headers={"retry-after": date}, json={}))
    with pytest.raises(GitHubUnavailable if status == 503 else RateLimited) as raised:
        client.create_comment("o/r", 7, BODY)
    assert raised.value.retry_after_s == pytest.approx(wait_s, abs=5 if said == 90 else 0)


def test_a_limit_on_tokens_is_a_limit_and_no_unusable_key(key_file):
    settings = Settings(_env_file=None, app_id="77", private_key_file=key_file)
    limited = httpx.Response(429, headers={"retry-after": "1.5"}, json={})
    kit = connect(settings, RIGHTS, Judged(lambda request: limited))
    with pytest.raises(RateLimited) as raised:
        Client(Calls(kit), 5, "thumbprint", "77").read_post("o/r", PostKind.COMMENT, 3)
    assert raised.value.retry_after_s == 1.5


@pytest.mark.parametrize(("wait", "asked"), [("0.3", 3), ("120", 1)])
def test_a_read_is_tried_again_no_sooner_than_github_asks(client_of, wait, asked):
    client, wire = client_of(lambda request: httpx.Response(503, headers={"retry-after": wait}))
    with pytest.raises(GitHubUnavailable) as raised:
        client.read_post("o/r", PostKind.COMMENT, 3)
    assert raised.value.retry_after_s == float(wait)
    assert len(wire.asked) == asked


@pytest.mark.parametrize(
    "failure", [httpx.ConnectError("x"), httpx.ReadTimeout("x"), httpx.RemoteProtocolError("x")]
)
def test_a_lost_connection_is_unavailable_and_a_create_is_sent_once(client_of, failure):
    def answer(request):
        raise failure

    client, wire = client_of(answer)
    with pytest.raises(GitHubUnavailable):
        client.create_comment("o/r", 7, BODY)
    assert len(wire.asked) == 1
    with pytest.raises(GitHubUnavailable):
        client.read_post("o/r", PostKind.COMMENT, 3)
    assert len(wire.asked) == 4


def test_a_read_that_fails_twice_succeeds(client_of):
    left = [502, 503]
    client, _ = client_of(lambda r: httpx.Response(left.pop()) if left else httpx.Response(200, json=COMMENT))
    assert client.read_post("o/r", PostKind.COMMENT, 3).id == 3


def test_a_revoked_token_is_replaced_once(client_of):
    left = [401]
    client, wire = client_of(
        lambda r: httpx.Response(left.pop(), json={}) if left else httpx.Response(201, json=COMMENT)
    )
    assert client.create_comment("o/r", 7, BODY).id == 3
    assert wire.tokens == 2 and len(wire.asked) == 2


def test_a_failing_token_request_is_mapped_too(key_file):
    settings = Settings(_env_file=None, app_id="77", private_key_file=key_file)
    kit = connect(settings, RIGHTS, Judged(lambda request: httpx.Response(404, json={})))
    with pytest.raises(Gone):
        Client(Calls(kit), 5, "thumbprint", "77").read_post("o/r", PostKind.COMMENT, 3)


def test_a_reply_goes_to_the_root_of_its_review_thread(client_of):
    def answer(request):
        if request.method == "GET":
            return httpx.Response(200, json={**COMMENT, "in_reply_to_id": 1})
        return httpx.Response(201, json=COMMENT)

    client, wire = client_of(answer)
    client.create_comment("o/r", 7, BODY, reply_to=3)
    assert wire.asked[-1].url.path == "/repos/o/r/pulls/7/comments/1/replies"


SOMEBODY = Actor(id=7, login="x")


@pytest.mark.parametrize(
    ("role", "legacy", "collaborator", "level"),
    [
        ("admin", "admin", True, Permission.ADMIN),
        ("maintain", "write", True, Permission.MAINTAIN),
        ("write", "write", True, Permission.WRITE),
        ("triage", "read", True, Permission.TRIAGE),
        ("read", "read", True, Permission.READ),
        ("read", "read", False, Permission.PUBLIC),
        ("none", "none", False, Permission.NONE),
        ("our-custom-role", "write", True, Permission.WRITE),
        (None, "write", True, Permission.WRITE),
    ],
)
def test_permission_is_asked_and_public_read_is_told_apart(client_of, role, legacy, collaborator, level):
    def answer(request):
        if request.url.path.endswith("/permission"):
            return httpx.Response(200, json={"permission": legacy, "role_name": role})
        return httpx.Response(204 if collaborator else 404)

    client, _ = client_of(answer)
    assert client.permission("o/r", SOMEBODY) is level


FLAGS = {"pull": True, "triage": True, "push": True, "maintain": True, "admin": False}


@pytest.mark.parametrize(
    ("legacy", "flags", "level"),
    [
        ("write", FLAGS, Permission.MAINTAIN),
        ("write", {**FLAGS, "maintain": False}, Permission.WRITE),
        ("read", {"pull": True, "triage": True}, Permission.TRIAGE),
        ("read", {"pull": True, "triage": False}, Permission.READ),
        ("read", FLAGS, Permission.READ),  # flags that say more than the legacy field are not believed
        ("write", {**FLAGS, "admin": True}, Permission.WRITE),
        ("admin", {**FLAGS, "admin": True}, Permission.ADMIN),
        ("none", FLAGS, Permission.NONE),
        ("write", "odd", Permission.WRITE),
        (None, FLAGS, Permission.NONE),
    ],
)
def test_a_custom_role_counts_as_what_it_builds_on(client_of, legacy, flags, level):
    def answer(request):
        said = {"permission": legacy, "role_name": "release-crew", "user": {"permissions": flags}}
        return httpx.Response(200, json=said) if request.url.path.endswith("ion") else httpx.Response(204)

    client, _ = client_of(answer)
    assert client.permission("o/r", SOMEBODY) is level


def test_an_unknown_person_may_nothing(client_of):
    client, _ = client_of(lambda request: httpx.Response(404, json={}))
    assert client.permission("o/r", SOMEBODY) is Permission.NONE


def test_of_equal_reactions_only_our_own_is_withdrawn_and_one_that_is_gone_is_no_error(client_of):
    given = [{"id": 8, "user": {"id": 1, "login": "anna"}}, {"id": 9, "user": {"login": "thumbprint[bot]"}}]

    def answer(request):
        if request.method == "GET":
            assert request.url.params["content"] == "+1"
            return httpx.Response(200, json=given)
        return httpx.Response(404, json={})

    client, wire = client_of(answer)
    client.withdraw("o/r", PostKind.COMMENT, 3, Reaction.PLUS_ONE)
    deleted = [request.url.path for request in wire.asked if request.method == "DELETE"]
    assert deleted == ["/repos/o/r/issues/comments/3/reactions/9"]


def test_a_graphql_error_is_a_refusal(client_of):
    said = {"data": None, "errors": [{"type": "FORBIDDEN", "message": "x"}]}
    client, _ = client_of(lambda request: httpx.Response(200, json=said))
    with pytest.raises(GitHubRefused):
        client.look(["IC_1"])


def test_a_missing_file_is_none_and_a_folder_too(client_of):
    client, _ = client_of(lambda request: httpx.Response(404, json={}))
    assert client.read_file("o/r", "x.yml") is None
    client, _ = client_of(lambda request: httpx.Response(200, json=[{"path": "x"}]))
    assert client.read_file("o/r", "x.yml") is None


def test_of_many_pull_requests_only_those_that_may_ask_cost_a_call(client_of):
    bodies = ["a change", None, "see\n/ask why?", "@thumbprint why?", "not `/ask`"]
    listed = [
        {**COMMENT, "number": number, "body": body, "pull_request": {"url": "…"}}
        for number, body in enumerate(bodies, start=1)
    ]

    def answer(request):
        if request.url.path == "/repos/o/r/issues":
            return httpx.Response(200, json=listed)
        number = request.url.path.rpartition("/")[2]
        return httpx.Response(200, json=[] if number == "comments" else {"id": 70 + int(number)})

    client, wire = client_of(answer)
    found = client.written_since("o/r", datetime(2026, 11, 21, tzinfo=UTC))
    assert [one["id"] for one in found["pull_request"]] == [73, 74] and found["issues"] == []
    assert len(wire.asked) == 5


def test_ours_are_found_since_a_time(client_of):
    us = {"id": 4, "login": "thumbprint[bot]", "type": "Bot"}
    client, wire = client_of(
        lambda request: httpx.Response(200, json=[COMMENT, {**COMMENT, "id": 4, "user": us}])
    )
    since = datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert [post.id for post in client.our_comments("o/r", 7, PostKind.COMMENT, since)] == [4]
    assert wire.asked[0].url.params["since"] == "2026-11-21T12:00:00Z"


def test_a_missing_id_or_key_says_which_setting(tmp_path):
    with pytest.raises(ConfigurationError, match="THUMBPRINT_APP_ID"):
        connect(Settings(_env_file=None), RIGHTS, NOWHERE)
    with pytest.raises(ConfigurationError, match="THUMBPRINT_PRIVATE_KEY_FILE"):
        connect(
            Settings(_env_file=None, app_id="77", private_key_file=tmp_path / "none.pem"), RIGHTS, NOWHERE
        )


def test_an_unusable_key_says_so(tmp_path):
    (tmp_path / "bad.pem").write_text("not a key")
    settings = Settings(_env_file=None, app_id="77", private_key_file=tmp_path / "bad.pem")
    kit = connect(settings, RIGHTS, Judged(lambda request: httpx.Response(500)))
    with pytest.raises(ConfigurationError, match="private key"):
        Client(Calls(kit, sleep=lambda seconds: None), 5, "thumbprint", "77").read_post(
            "o/r", PostKind.COMMENT, 3
        )


@pytest.mark.parametrize("named", [None, 8], ids=["the name is nobody's", "the name is another's by now"])
@pytest.mark.parametrize("called", ["y", "x", None], ids=["renamed", "as before", "gone"])
def test_a_permission_is_that_of_the_account_and_not_of_a_name(client_of, named, called):
    def answer(request):
        path = request.url.path
        if path == "/user/7":
            return httpx.Response(200, json={"login": called}) if called else httpx.Response(404, json={})
        if path.endswith("/y/permission"):
            return httpx.Response(200, json={"role_name": "write", "user": {"id": 7}})
        if named is None:
            return httpx.Response(404, json={})
        return httpx.Response(200, json={"role_name": "admin", "user": {"id": named}})

    client, _ = client_of(answer)
    assert client.permission("o/r", SOMEBODY) is (Permission.WRITE if called == "y" else Permission.NONE)


@pytest.mark.parametrize("status", [403, 422, 502])
def test_an_error_names_nobody(client_of, status):
    """Errors are kept with the jobs that they end; `thumbprint forget-user` does not look there."""
    client, _ = client_of(lambda request: httpx.Response(status, json={"message": "no"}))
    with pytest.raises((GitHubRefused, GitHubUnavailable, RateLimited)) as raised:
        client.permission("o/r", replace(SOMEBODY, login="pat-quill"))
    assert "pat-quill" not in str(raised.value)


SECRET = f"ghp_{'a1' * 18}"
LEAKY = f"My token is {SECRET}."


def test_what_is_read_to_be_understood_holds_no_secret(client_of):
    def answer(request):
        said = {**COMMENT, "body": LEAKY}
        if request.url.path == "/repos/o/r/issues/7":
            return httpx.Response(200, json={**said, "number": 7, "title": LEAKY})
        listed = request.url.path.endswith("/comments")
        return httpx.Response(200, json=[said] if listed else said)

    client, _ = client_of(answer)
    thread = client.read_thread(REPOSITORY, 7)
    texts = [thread.title, *(post.body for post in thread.posts)]
    texts.append(client.read_post("o/r", PostKind.COMMENT, 3).body)
    assert texts == [f"My token is {CUT}."] * 4


def test_what_is_written_back_is_made_of_all_that_people_wrote_in_our_comment(client_of):
    us = {"id": 4, "login": "thumbprint[bot]", "type": "Bot"}
    standing = f"{LEAKY}\n\n{BODY}"
    seen = []

    def answer(request):
        if request.method == "PATCH":
            seen.append(json.loads(request.content)["body"])
        return httpx.Response(200, json={**COMMENT, "user": us, "body": standing})

    def change(post):
        seen.append(post.body)
        return with_boxes(post.body)

    client, _ = client_of(answer)
    client.update_comment("o/r", PostKind.COMMENT, 3, change)
    assert seen[0] == standing and seen[-1] == with_boxes(standing) != standing
    assert seen[-1].startswith(LEAKY)
