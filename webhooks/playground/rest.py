"""The REST calls on repositories, issues and comments that the bot makes.

Source: https://docs.github.com/en/rest. `api.py` checks the caller first; `acts.py` holds the rules.
Left out: every call that the bot never makes; they answer 404.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime, timedelta
from typing import Any, TypeVar

from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from webhooks.playground import acts, payloads, shapes
from webhooks.playground.api import PREFIX, Call, Handler, on_repository, page
from webhooks.playground.refusals import Refused, not_found
from webhooks.playground.things import Comment, Issue, Repository


async def get_repository(call: Call) -> Response:
    """GET /repos/{owner}/{name}: a `full-repository`."""
    counts = {"subscribers_count": 0, "network_count": 0}
    return JSONResponse(shapes.repository(call.state, call.repository) | counts)


async def get_issue(call: Call) -> Response:
    """GET …/issues/{number}; 410 when it was deleted."""
    return JSONResponse(shapes.issue(call.state, _shown(call, call.issue())))


async def get_pull(call: Call) -> Response:
    """GET …/pulls/{number}; 404 for a plain issue."""
    found = _shown(call, call.issue())
    if not found.is_pull:
        raise not_found()
    return JSONResponse(payloads.whole_pull_request(call.state, found))


async def list_comments(call: Call) -> Response:
    """GET …/issues/{number}/comments, oldest first; `since` filters by change."""
    return page(call.request, [shapes.comment(call.state, c) for c in _visible(call, "issue_comment")])


async def list_review_comments(call: Call) -> Response:
    """GET …/pulls/{number}/comments, oldest first."""
    return page(call.request, [shapes.comment(call.state, c) for c in _visible(call, "review_comment")])


async def list_issues(call: Call) -> Response:
    """GET …/issues, pull requests among them; `state`, `since` (by change), `sort`, `direction`."""
    wanted = call.request.query_params.get("state", "open")
    found = [i for i in call.state.issues(call.repository.id) if wanted in ("all", i.state)]
    chosen = _ordered(call, _since(call, found), newest_first=True)
    return page(call.request, [shapes.issue(call.state, each) for each in chosen])


def of_repository(kind: str) -> Handler:
    """GET …/issues/comments or …/pulls/comments: all of a repository's, oldest first unless told."""

    async def listed(call: Call) -> Response:
        issues = reversed(call.state.issues(call.repository.id))
        found = [comment for issue in issues for comment in call.state.comments(issue, kind)]
        chosen = _ordered(call, _since(call, found), newest_first=False)
        return page(call.request, [shapes.comment(call.state, each) for each in chosen])

    return listed


async def create_comment(call: Call) -> Response:
    """POST …/issues/{number}/comments."""
    fields = await call.fields(["body"])
    made = acts.say(call.state, call.actor, call.issue(), fields["body"])
    shape = shapes.comment(call.state, made)
    return JSONResponse(shape, status_code=201, headers={"location": shape["url"]})


async def reply_to_review_comment(call: Call) -> Response:
    """POST …/pulls/{number}/comments/{comment_id}/replies; flat: the reply belongs to the root."""
    fields = await call.fields(["body"])
    root = call.comment("review_comment")
    if root.number != call.issue().number:
        raise not_found()
    made = acts.say(call.state, call.actor, call.issue(), fields["body"], "review_comment", reply_to=root)
    return JSONResponse(shapes.comment(call.state, made), status_code=201)


def comment_handlers(kind: str) -> dict[str, Handler]:
    """GET, PATCH and DELETE of one comment of a kind."""

    async def get(call: Call) -> Response:
        return JSONResponse(shapes.comment(call.state, _shown(call, call.comment(kind))))

    async def update(call: Call) -> Response:
        fields = await call.fields(["body"])
        found = call.comment(kind)
        acts.edit(call.state, call.actor, found, fields["body"])
        return JSONResponse(shapes.comment(call.state, found))

    async def remove(call: Call) -> Response:
        acts.delete(call.state, call.actor, call.comment(kind))
        return Response(status_code=204)

    return {"GET": get, "PATCH": update, "DELETE": remove}


async def get_permission(call: Call) -> Response:
    """GET …/collaborators/{login}/permission: the legacy `permission` and the real `role_name`."""
    try:
        person = call.state.person(call.request.path_params["login"])
    except Refused as error:
        raise Refused(404, f"{call.request.path_params['login']} is not a user") from error
    role = call.state.role(call.repository, person.login)
    legacy = {"maintain": "write", "triage": "read"}.get(role, role)
    user = shapes.user(call.state, person) | {"permissions": _flags(role), "role_name": role}
    return JSONResponse({"permission": legacy, "role_name": role, "user": user})


async def check_collaborator(call: Call) -> Response:
    """GET …/collaborators/{login}: 204 for a collaborator, else 404."""
    login = call.request.path_params["login"].lower()
    if login not in (name.lower() for name in call.repository.collaborators):
        raise not_found()
    return Response(status_code=204)


async def get_contents(call: Call) -> Response:
    """GET …/contents/{path}: a file in base64 (or raw, when asked for), or a folder's listing."""
    path = call.request.path_params["path"].strip("/")
    if call.request.query_params.get("ref", "main") not in ("main", "refs/heads/main", "HEAD"):
        raise Refused(404, f"No commit found for the ref {call.request.query_params['ref']}")
    text = call.repository.files.get(path)
    if text is None:
        inside = sorted(name for name in call.repository.files if not path or name.startswith(f"{path}/"))
        if not inside:
            raise not_found()
        return JSONResponse([_content(call, call.repository, name) for name in inside])
    if "raw" in call.request.headers.get("accept", ""):
        return PlainTextResponse(text, media_type="application/vnd.github.raw+json; charset=utf-8")
    encoded = base64.encodebytes(text.encode(errors="surrogateescape")).decode()
    return JSONResponse(_content(call, call.repository, path) | {"encoding": "base64", "content": encoded})


def _content(call: Call, repo: Repository, path: str) -> dict[str, Any]:
    data = repo.files[path].encode(errors="surrogateescape")
    sha = hashlib.sha1(f"blob {len(data)}\0".encode() + data, usedforsecurity=False).hexdigest()
    api = f"{call.state.base_url}{PREFIX}/repos/{repo.full_name}"
    url, git = f"{api}/contents/{path}?ref=main", f"{api}/git/blobs/{sha}"
    html = f"{call.state.base_url}/{repo.full_name}/blob/main/{path}"
    return {
        "name": path.rsplit("/", 1)[-1],
        "path": path,
        "sha": sha,
        "size": len(data),
        "url": url,
        "html_url": html,
        "git_url": git,
        "download_url": f"{call.state.base_url}/{repo.full_name}/raw/main/{path}",
        "type": "file",
        "_links": {"self": url, "git": git, "html": html},
    }


def _visible(call: Call, kind: str) -> list[Comment]:
    newest = _newest(call)
    comments = call.state.comments(call.issue(), kind)
    return _since(call, [one for one in comments if newest is None or one.created_at <= newest])


Entry = TypeVar("Entry", Issue, Comment)


def _shown(call: Call, post: Entry) -> Entry:
    """The post; 404 where the copy that is read is from before it."""
    newest = _newest(call)
    if newest is not None and post.created_at > newest:
        raise not_found()
    return post


def _newest(call: Call) -> datetime | None:
    """Until when the copy of the data that this call reads shows posts; None where it shows all."""
    path = call.request.url.path.removeprefix(PREFIX)
    rule = call.state.misbehaviour.take("lag", "GET", path)
    return None if rule is None else call.state.clock() - timedelta(seconds=rule.seconds)


def _since(call: Call, posts: list[Entry]) -> list[Entry]:
    """Those that changed at `since` or later."""
    since = call.request.query_params.get("since")
    if not since:
        return posts
    try:
        after = datetime.fromisoformat(since)
        return [post for post in posts if post.updated_at >= after]
    except (ValueError, TypeError) as error:
        raise Refused(422, "Validation Failed", [{"field": "since", "code": "invalid"}]) from error


def _ordered(call: Call, posts: list[Entry], newest_first: bool) -> list[Entry]:
    """By `sort` and `direction`; `direction` is ignored without `sort`, as on GitHub."""
    asked = call.request.query_params
    by = "updated_at" if asked.get("sort") == "updated" else "created_at"
    descending = asked.get("direction", "desc") == "desc" if "sort" in asked else newest_first
    return sorted(posts, key=lambda post: (getattr(post, by), post.id), reverse=descending)


def _flags(role: str) -> dict[str, bool]:
    levels = {"pull": "read", "triage": "triage", "push": "write", "maintain": "maintain", "admin": "admin"}
    order = ("none", *levels.values())
    return {flag: order.index(role) >= order.index(needed) for flag, needed in levels.items()}


def _routes(root: str) -> list[Route]:
    def route(path: str, method: str, permission: str, handler: Handler, **more: Any) -> Route:
        level = "read" if method == "GET" else "write"
        endpoint = on_repository(permission, level, handler, **more)
        return Route(f"{root}{path}", endpoint, methods=[method])

    pulls = {"or_permission": "pull_requests"}
    routes = [
        route("", "GET", "metadata", get_repository),
        route("/issues", "GET", "issues", list_issues),
        route("/issues/comments", "GET", "issues", of_repository("issue_comment")),
        route("/pulls/comments", "GET", "pull_requests", of_repository("review_comment")),
        route("/issues/{number}", "GET", "issues", get_issue, **pulls),
        route("/pulls/{number}", "GET", "pull_requests", get_pull),
        route("/issues/{number}/comments", "GET", "issues", list_comments, **pulls),
        route("/issues/{number}/comments", "POST", "issues", create_comment, content=True, **pulls),
        route("/pulls/{number}/comments", "GET", "pull_requests", list_review_comments),
        route(
            "/pulls/{number}/comments/{comment_id}/replies",
            "POST",
            "pull_requests",
            reply_to_review_comment,
            content=True,
        ),
        route("/collaborators/{login}/permission", "GET", "metadata", get_permission),
        route("/collaborators/{login}", "GET", "metadata", check_collaborator),
        route("/contents/{path:path}", "GET", "contents", get_contents),
    ]
    for method, handler in comment_handlers("issue_comment").items():
        routes.append(route("/issues/comments/{comment_id}", method, "issues", handler, **pulls))
    for method, handler in comment_handlers("review_comment").items():
        routes.append(route("/pulls/comments/{comment_id}", method, "pull_requests", handler))
    return sorted(routes, key=lambda r: "/comments/{comment_id}" not in r.path)


ROUTES = [*_routes("/repos/{owner}/{name}"), *_routes("/repositories/{repository_id}")]
