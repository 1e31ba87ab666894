"""The contract's own tests: it passes what GitHub takes, and finds what GitHub would refuse or never send."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from graphql import GraphQLEnumType, GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema, build_schema
from openapi_spec_validator import validate

from bot.github_looks import HISTORY, MANY, MORE
from tests.contract import judging
from tests.contract.cut import OPERATIONS, TYPES, cut_openapi, cut_schema
from tests.contract.queries import schema
from tests.contract.recorder import differences_of
from tests.contract.rest import description
from webhooks.playground.exchanges import BOT, Exchange
from webhooks.playground.schema import SCHEMA

TOKEN = "Bearer ghs_abc"
LIMITS = {f"x-ratelimit-{name}": "1" for name in ("limit", "remaining", "reset", "used", "resource")}
HEAD = {"content-type": "application/json; charset=utf-8", "x-github-request-id": "1", **LIMITS}
COMMENTS = "/api/v3/repos/octo/inkwell/issues/3/comments"


def exchange(method: str = "GET", path: str = COMMENTS, query: str = "", **changes: Any) -> Exchange:
    """One of the bot's: a list of comments that is empty, unless told otherwise."""
    made: dict[str, Any] = {
        "headers": {"user-agent": BOT, "authorization": TOKEN, "content-type": "application/json"},
        "body": b"",
        "status": 200,
        "answer_headers": HEAD | {"etag": '"0f"'},
        "answer": b"[]",
    }
    made["headers"] |= changes.pop("headers", {})
    made["answer_headers"] |= changes.pop("answer_headers", {})
    return Exchange(method=method, path=path, query=query, **made | changes)


def refused(number: int = 404, /, **more: Any) -> dict[str, Any]:
    said = {"message": "Not Found", "documentation_url": "https://docs.github.com", "status": str(number)}
    return {"status": number, "answer": json.dumps(said | more).encode()}


def web_token(life_s: int) -> str:
    return "Bearer " + jwt.encode({"iss": "1", "iat": 0, "exp": life_s}, "k" * 32, "HS256")


def test_every_town_of_the_tests_keeps_what_its_playground_exchanges() -> None:
    """Its playground is a process of its own: it writes exchanges down in a home that a test gives it."""
    found = 0
    for path in sorted(Path(__file__).parents[1].rglob("test_*.py")):
        if "from bot.drills.town import town" in (text := path.read_text()):
            calls = [one for one in ast.walk(ast.parse(text)) if isinstance(one, ast.Call)]
            towns = [one for one in calls if ast.unparse(one.func) == "town"]
            found += len(towns)
            bare = [one.lineno for one in towns if "home" not in {each.arg for each in one.keywords}]
            assert not bare, f"{path.name}:{bare}: give it the fixture `home` of test_drills.py"
    assert found > 9


def test_what_github_takes_passes() -> None:
    assert differences_of(exchange(query="per_page=100&page=1&since=2026-11-21T00%3A00%3A00Z")) == []
    assert differences_of(exchange(**refused())) == []
    by_number = exchange(path="/api/v3/repositories/7/contents/docs/a%20b.md", **refused())
    assert differences_of(by_number) == []


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (exchange(path="/api/v3/repos/octo/inkwell/stargazers"), "no such call"),
        (exchange("DELETE"), "no such call"),
        (exchange(query="sort=up"), "no parameter sort"),
        (exchange(query="per_page=101"), "per_page=101"),
        (exchange(query="page=0"), "page=0"),
        (exchange(query="page=one"), "Query parameter error: page"),
        (exchange(query="page=1&page=2"), "page is given twice"),
        (exchange(query="since=2026-11-21"), "since=2026-11-21"),
        (exchange(path=COMMENTS.replace("/3/", "/three/")), "Path parameter error: issue_number"),
        (exchange(path=COMMENTS.replace("inkwell", "ink well")), "not percent-encoded"),
        (exchange(body=b"{}"), "a read has no body"),
        (exchange(headers={"user-agent": BOT, "authorization": ""}), "needs credentials"),
        (exchange(headers={"authorization": "Basic eDp5"}), "bearer's"),
        (exchange(headers={"authorization": web_token(600)}), "an installation's token"),
        (exchange(headers={"x-github-api-version": "2020-01-01"}), "no API version"),
        (exchange(path="/api/v3/app"), "the App's JSON web token"),
        (exchange(path="/api/v3/app", headers={"authorization": web_token(900)}), "900 s"),
        (exchange(path="/api/v3/app", headers={"authorization": web_token(600)}), "RS256, not HS256"),
        (exchange("POST", body=b""), "Missing required request body"),
        (exchange("POST", body=b"{"), "Failed to deserialize"),
        (exchange("POST", body=b'{"body": 7}'), "7 is not of type"),
        (exchange("POST", body=b'{"body": "x", "reply": 1}'), "'reply' was unexpected"),
        (exchange("POST", body=b'{"body": " \\n"}'), "1 to 65536"),
        (exchange("POST", body=json.dumps({"body": "x" * 65_537}).encode()), "1 to 65536"),
        (exchange("POST", body=b"body=x", headers={"content-type": "text/plain"}), "application/json"),
    ],
)
def test_what_github_refuses_is_found_in_the_bots_requests(asked: Exchange, said: str) -> None:
    found = [one for one in differences_of(asked) if one.startswith("the request")]
    assert any(said in one for one in found), found


def test_what_a_test_asks_wrongly_is_a_difference_only_if_the_playground_takes_it() -> None:
    wrong: dict[str, Any] = {"body": b'{"body": 7}', "headers": {"user-agent": "a test"}}
    assert differences_of(exchange("POST", **wrong, **refused(422, message="Invalid request."))) == []
    taken = differences_of(exchange("POST", **wrong, status=201))
    assert any("7 is not of type" in one for one in taken)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"answer": b'[{"id": 1}]'}, "'node_id' is a required property"),
        ({"answer": b"{}"}, "not of type 'array'"),
        ({"status": 201}, "no answer with this status"),
        ({"answer_headers": {"etag": ""}}, "ETag"),
        ({"answer_headers": {"x-ratelimit-used": ""}}, "X-RateLimit-Used"),
        ({"answer_headers": {"x-github-request-id": ""}, "path": "/api/v3/x"}, "no such call"),
        ({"answer_headers": {"content-type": "text/html"}}, "an answer is JSON"),
        ({"answer_headers": {"link": '<https://x>; rel="next"'}}, "a page with a next one is full"),
        (refused(418), "refuses nothing with 418"),
        (refused(404, status="403"), "a refusal's status is 403"),
        (refused(404, reason="none"), "a refusal has message"),
        (
            refused(403, message="You have exceeded a secondary rate limit") | {"answer_headers": {}},
            "Retry-After",
        ),
        ({"status": 304, "answer": b"[]"}, "has no body"),
        ({"status": 301}, "Location"),
    ],
)
def test_what_github_never_answers_is_found(changes: dict[str, Any], said: str) -> None:
    found = differences_of(exchange(**changes))
    assert any(said in one for one in found), found


# ---------------------------------------------------------------- GraphQL


def asked(query: str, answer: Any = None, **variables: Any) -> Exchange:
    said = {"data": answer} if answer is not None else {"errors": [{"message": "no", "type": "NOT_FOUND"}]}
    body = json.dumps({"query": query, "variables": variables}).encode()
    return exchange("POST", "/api/graphql", body=body, answer=json.dumps(said).encode())


def page(**user: Any) -> dict[str, Any]:
    node = {"content": "HEART", "createdAt": "2026-11-21T00:00:00Z", "user": user or None}
    return {"pageInfo": {"hasNextPage": False, "endCursor": None}, "nodes": [node]}


COST = {"rateLimit": {"cost": 1, "limit": 5000, "remaining": 4000}}


def node(**changes: Any) -> dict[str, Any]:
    """A comment as `MANY` asks for it."""
    hidden = {"isMinimized": False, "minimizedReason": None}
    return {"id": "IC_1", "reactions": page(), **hidden, "userContentEdits": None, **changes}


def test_our_own_queries_and_their_answers_pass() -> None:
    user = {"__typename": "User", "login": "mona", "databaseId": 7}
    by = {"__typename": "Bot", "login": "thumbprint"}
    edits = {"nodes": [{"id": "UCE_1", "deletedAt": None, "editor": by}]}
    nodes = {"nodes": [node(reactions=page(**user), userContentEdits=edits), None], **COST}
    assert differences_of(asked(MANY, nodes, ids=["IC_1", "IC_2"])) == []
    more = {"node": {"id": "IC_1", "reactions": page()}, **COST}
    assert differences_of(asked(MORE, more, id="IC_1", after="x")) == []
    edit = {
        "editedAt": "2026-11-21T00:00:00Z",
        "deletedAt": None,
        "diff": "x",
        "editor": {**by, "databaseId": 4},
    }
    about = {"pageInfo": {"hasNextPage": False, "endCursor": None}, "nodes": [edit, None]}
    comment = {"id": "IC_1", "body": "x", "includesCreatedEdit": True, "userContentEdits": about}
    assert differences_of(asked(HISTORY, {"node": comment, **COST}, id="IC_1", after=None)) == []


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (asked("query { nodes"), "no query"),
        (asked("query { viewer { karma } }"), "Cannot query field 'karma'"),
        (asked(MANY, ids=[None]), "$ids"),
        (asked(MANY, ids=["x"], more=1), "more is not declared"),
        (asked(MANY, ids=["x"] * 101), "at most 100 ids"),
        (asked(MORE.replace("100", "101"), id="x"), "1 to 100"),
        (asked(MORE.replace("first: 100,", ""), id="x"), "needs first or last"),
        (asked("query { viewer { login bioHTML isSiteAdmin pinnedItems } }"), "pinnedItems"),
    ],
)
def test_what_github_refuses_is_found_in_a_query(one: Exchange, said: str) -> None:
    found = differences_of(one)
    assert any(said in each for each in found), found


def test_a_query_for_too_many_nodes_is_found() -> None:
    inner = "comments(first: 100) { nodes { reactions(first: 100) { nodes { id } } } }"
    query = f"query($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on Issue {{ {inner} }} }} }}"
    assert any("nodes, over 500000" in one for one in differences_of(asked(query, ids=["x"] * 100)))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"nodes": [node(reactions={"nodes": []})], **COST}, "the field is missing"),
        ({}, "the field is missing"),
        ({"nodes": [node(reactions=page() | {"nodes": [{"content": "TADA"}]})], **COST}, "TADA"),
        ({"nodes": [node(reactions=None)], **COST}, "non-nullable"),
        ({"nodes": [node(karma=1)], **COST}, "no Node has all of"),
        ({"nodes": [], **COST, "karma": 1}, "not asked for"),
    ],
)
def test_what_the_schema_excludes_is_found_in_an_answer(answer: dict[str, Any], said: str) -> None:
    found = differences_of(asked(MANY, answer, ids=["IC_1"]))
    assert any(said in one for one in found), found


def test_the_playgrounds_schema_is_a_part_of_githubs() -> None:
    assert list(outside(SCHEMA, schema())) == []


def outside(part: GraphQLSchema, whole: GraphQLSchema) -> Any:
    """What a schema has that the other one has not, or has otherwise."""
    for name, kind in part.type_map.items():
        theirs = whole.type_map.get(name)
        if isinstance(kind, GraphQLEnumType):
            if not isinstance(theirs, GraphQLEnumType) or set(kind.values) != set(theirs.values):
                yield name
        elif isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) and not name.startswith("__"):
            assert isinstance(theirs, GraphQLObjectType | GraphQLInterfaceType), name
            if {one.name for one in kind.interfaces} - {one.name for one in theirs.interfaces}:
                yield f"{name}'s interfaces"
            for field, made in kind.fields.items():
                known = theirs.fields.get(field)
                if known is None or str(made.type) != str(known.type):
                    yield f"{name}.{field}"
                elif {k: str(a.type) for k, a in made.args.items()}.items() - {
                    k: str(a.type) for k, a in known.args.items()
                }.items():
                    yield f"{name}.{field}'s arguments"


# ---------------------------------------------------------------- the cut


def test_the_cut_description_is_a_valid_one_with_every_operation() -> None:
    validate(description())  # type: ignore[arg-type]
    found = [one["operationId"] for item in description()["paths"].values() for one in item.values()]
    assert sorted(found) == sorted(OPERATIONS)
    assert set(TYPES) <= set(schema().type_map)


def test_an_operation_that_github_renamed_is_named() -> None:
    with pytest.raises(SystemExit, match="repos/get"):
        cut_openapi({"paths": {}})
    with pytest.raises(SystemExit, match="IssueComment"):
        cut_schema("type Query { viewer: ID }")


def test_cutting_keeps_properties_that_are_named_like_prose() -> None:
    schema_of = description()["components"]["schemas"]["full-repository"]
    assert {"description", "tags_url"} <= set(schema_of["properties"])
    assert build_schema(cut_schema(_everything())).type_map.keys() >= TYPES


def _everything() -> str:
    return "\n".join(f"{'interface' if name in _ABSTRACT else 'type'} {name} {{ id: ID }}" for name in TYPES)


_ABSTRACT = {"Node", "Actor", "Reactable", "Comment", "Minimizable", "Lockable"}


ASKED = {"authorization": TOKEN, "user-agent": BOT, "content-type": "application/json"}


@pytest.mark.parametrize(
    ("method", "path", "content"),
    [
        ("GET", "/repos/octo/inkwell/issues/3/comments?page=0", None),
        ("GET", "/repos/octo/inkwell/no-such-call", None),
        ("POST", "/repos/octo/inkwell/issues/3/comments", {"body": ""}),
        ("POST", "/repos/octo/inkwell/issues/3/comments", {"body": "x", "more": 1}),
        ("POST", "/graphql", {"query": "{ viewer { noSuchField } }"}),
    ],
)
@pytest.mark.parametrize("host", ["https://api.github.com", "https://ghes.test/api/v3"])
def test_what_a_mocked_wire_is_asked_wrongly_is_found(
    host: str, method: str, path: str, content: dict[str, Any] | None
) -> None:
    root = host.removesuffix("/v3") if path == "/graphql" else host
    with httpx.Client(transport=judging.Judged(lambda request: httpx.Response(200))) as client:
        client.get(host + "/repos/octo/inkwell/issues/3/comments?per_page=100", headers=ASKED)
        assert judging.taken() == []
        client.request(method, root + path, headers=ASKED, json=content)
        assert judging.taken()


def test_no_test_answers_the_bot_over_a_wire_that_nobody_judges() -> None:
    root = Path(__file__).parents[1]
    bare = {path.name for path in root.rglob("*.py") if "httpx.MockTransport" in path.read_text()}
    assert bare == {"judging.py", "test_contract.py"}
    for path in root.rglob("*.py"):
        text = path.read_text()
        if "contract.judging import" in text and path != Path(__file__):
            assert "import Judged, judge\n" in text, f"{path} judges, and lets no test fail by it"
