"""`/playground/…`: what the pages' buttons and the tests call: act as a person, misbehave.

JSON in and out; these are not GitHub's calls. Left out: GitHub's own API, which is in `rest*.py`.
"""

from __future__ import annotations

import json
from typing import Any

import httpx
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from webhooks.playground import acts, files, ownership, shapes
from webhooks.playground.api import services
from webhooks.playground.misbehave import Rule
from webhooks.playground.refusals import Refused, not_found
from webhooks.playground.rest_app import delivery_item
from webhooks.playground.state import State
from webhooks.playground.things import Comment, Issue


async def act(request: Request) -> Response:
    """POST /playground/act `{"as": login, "do": verb, …}`: see `VERBS` for the verbs and their fields."""
    state = services(request).state
    fields = await _json(request)
    verb = VERBS.get(str(fields.get("do")))
    if verb is None:
        raise Refused(422, f"`do` is one of {', '.join(VERBS)}.")
    try:
        return JSONResponse(verb(state, state.person(str(fields.get("as", ""))).login, fields))
    except KeyError as error:
        raise Refused(422, f"The field {error} is missing.") from error


def _open(state: State, login: str, fields: dict[str, Any]) -> dict[str, Any]:
    repo = state.repository(fields["repository"])
    issue = acts.open_issue(
        state,
        login,
        repo,
        str(fields["title"]),
        str(fields.get("body", "")),
        tuple(fields.get("labels", ())),
        bool(fields.get("is_pull")),
    )
    return shapes.issue(state, issue)


def _say(state: State, login: str, fields: dict[str, Any]) -> dict[str, Any]:
    issue = state.issue(state.repository(fields["repository"]).id, int(fields["number"]))
    return shapes.comment(state, acts.say(state, login, issue, str(fields["body"])))


def _edit(state: State, login: str, fields: dict[str, Any]) -> dict[str, Any]:
    """`was` is the text that the editor began with: what somebody else wrote since is not overwritten."""
    post = _post(state, fields)
    if "was" in fields and _others_wrote(state, login, post, str(fields["was"])):
        raise Refused(409, "Somebody changed this meanwhile: copy your text, cancel, and edit it again.")
    acts.edit(state, login, post, str(fields["body"]))
    return _shape(state, post)


def _others_wrote(state: State, login: str, post: Issue | Comment, was: str) -> bool:
    """Whether a person but `login` changed a post since it read `was`; the app's own notes do not matter."""
    was = was.replace("\r\n", "\n")
    since: list[str] = []
    for revision in reversed(post.revisions):
        if revision.deleted_at is None and revision.body.replace("\r\n", "\n") == was:
            break
        since.append(revision.editor)
    return bool(set(since) - {login, state.bot.login})


def _delete(state: State, login: str, fields: dict[str, Any]) -> dict[str, Any]:
    acts.delete(state, login, _post(state, fields))
    return {}


def _react(state: State, login: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Toggle, as a click does; `on` true or false sets it instead."""
    post, content = _post(state, fields), str(fields["content"])
    mine = [r for r in state.reactions_to(post) if (r.login, r.content) == (login, content)]
    wanted = bool(fields.get("on", not mine))
    if wanted and not mine:
        acts.react(state, login, post, content)
    elif mine and not wanted:
        acts.withdraw(state, login, post, mine[0].id)
    return _shape(state, post)


def _tick(state: State, login: str, fields: dict[str, Any]) -> dict[str, Any]:
    post = _post(state, fields)
    if "was" in fields and post.body.replace("\r\n", "\n") != str(fields["was"]).replace("\r\n", "\n"):
        raise Refused(409, "This comment changed meanwhile: look at it again, then tick.")
    acts.tick(state, login, post, int(fields["number"]))
    return _shape(state, post)


def _minimise(state: State, login: str, fields: dict[str, Any]) -> dict[str, Any]:
    post = _post(state, fields)
    if not isinstance(post, Comment):
        raise not_found()
    acts.minimise(state, login, post, str(fields["reason"]))
    return _shape(state, post)


def _write(state: State, login: str, fields: dict[str, Any]) -> dict[str, Any]:
    """`was` is the text that the editor began with, as for posts."""
    repository, path = state.repository(fields["repository"]), str(fields["path"])
    if "was" in fields and str(fields["was"]).replace("\r\n", "\n") != repository.files.get(path, ""):
        raise Refused(409, "Somebody changed this file meanwhile: copy your text and open it again.")
    files.write(state, login, repository, path, str(fields["text"]))
    return {"path": path}


def _redact(state: State, login: str, fields: dict[str, Any]) -> dict[str, Any]:
    acts.redact(state, login, _post(state, fields), int(fields["revision"]))
    return {}


def _lock(state: State, login: str, fields: dict[str, Any]) -> dict[str, Any]:
    post = _post(state, fields)
    if not isinstance(post, Issue):
        raise not_found()
    acts.set_locked(state, login, post, bool(fields.get("on", not post.locked)))
    return _shape(state, post)


def _close(state: State, login: str, fields: dict[str, Any]) -> dict[str, Any]:
    post = _post(state, fields)
    if not isinstance(post, Issue):
        raise not_found()
    acts.set_open(state, login, post, not bool(fields.get("on", post.state == "open")))
    return _shape(state, post)


def _ownership(state: State, login: str, fields: dict[str, Any]) -> dict[str, Any]:
    """What owners and admins do: `do` is one of `OWNERSHIP`; `repository`, or `account`, says to what."""
    name, on = str(fields["do"]), bool(fields.get("on", True))
    if name in ("install", "uninstall", "suspend"):
        account = str(fields["account"])
        ownership.check_owner(state, login, account)
        if name == "install":
            return shapes.installation(state, ownership.install(state, login, account))
        found = state.installed_on(account)
        if found is None:
            raise not_found()
        if name == "uninstall":
            ownership.uninstall(state, login, found.id)
        else:
            ownership.suspend(state, login, found.id, on)
        return {}
    repository = state.repository(fields["repository"])
    ownership.check_admin(state, login, repository)
    if name == "rename":
        ownership.rename(state, login, repository, str(fields["name"]))
    elif name == "transfer":
        ownership.transfer(state, login, repository, str(fields["account"]))
    elif name == "delete_repository":
        ownership.delete(state, login, repository)
    else:
        switch = {
            "select": ownership.select,
            "privatise": ownership.set_private,
            "archive": ownership.set_archived,
        }
        switch[name](state, login, repository, on)
    return shapes.repository(state, repository)


OWNERSHIP = (
    *("install", "uninstall", "suspend"),  # account, on
    *("select", "privatise", "archive", "rename", "transfer", "delete_repository"),  # repository, on
)

VERBS = {
    "open": _open,  # repository, title, body, labels, is_pull
    "say": _say,  # repository, number, body
    "edit": _edit,  # node, body, was
    "delete": _delete,  # node
    "react": _react,  # node, content, on
    "write": _write,  # repository, path, text, was
    "redact": _redact,  # node, revision
    "tick": _tick,  # node, number: of the box, from 0; was: the text that it was seen in
    "minimise": _minimise,  # node, reason: "" shows it again
    "lock": _lock,  # node, on
    "close": _close,  # node, on
    **dict.fromkeys(OWNERSHIP, _ownership),
}


async def misbehave(request: Request) -> Response:
    """GET, POST (a rule) or DELETE (all of them) /playground/misbehave."""
    state = services(request).state
    if request.method == "POST":
        try:
            state.misbehaviour.add(Rule.model_validate(await _json(request)))
        except ValidationError as error:
            raise Refused(422, "; ".join(f"{e['loc'][-1]}: {e['msg']}" for e in error.errors())) from error
    elif request.method == "DELETE":
        state.misbehaviour.clear()
    return JSONResponse([rule.model_dump() for rule in state.misbehaviour.rules()])


async def drill(request: Request) -> Response:
    """POST /playground/limits `{"exhaust_s": n}` or `{"revoke": true}`: no points left; every token bad."""
    shared, fields = services(request), await _json(request)
    if "exhaust_s" in fields:
        shared.limits.exhaust(float(fields["exhaust_s"]))
    if fields.get("revoke"):
        shared.guard.revoke_all()
    return JSONResponse(shared.limits.overview())


async def list_deliveries(request: Request) -> Response:
    """GET /playground/deliveries.json: newest first, pending ones too."""
    state = services(request).state
    newest = sorted(state.deliveries.values(), key=lambda d: -d.id)[:50]
    return JSONResponse([delivery_item(state, sent) for sent in newest])


async def redeliver(request: Request) -> Response:
    """POST /playground/deliveries/{id}/redeliver."""
    state = services(request).state
    found = state.deliveries.get(int(request.path_params["delivery_id"]))
    if found is None:
        raise not_found()
    with state.change():
        again = state.queue(
            found.event, found.action, found.repository_id, found.body, found.guid, found.installation_id
        )
    return JSONResponse(delivery_item(state, again), status_code=202)


async def revision(request: Request) -> Response:
    """GET /playground/revision: a number that grows with every change."""
    return JSONResponse({"revision": services(request).state.revision})


async def learned(request: Request) -> Response:
    """GET /playground/learned: the app's `/api/learned`, fetched here: the page needs no other origin."""
    query = {"repository_id": request.query_params.get("repository_id", ""), "limit": "30"}
    return await _from_app(request, "GET", "/api/learned", query)


async def forget(request: Request) -> Response:
    """POST /playground/phrases/{id}/forget: undo, by the app's `/api/phrases/{id}/forget`."""
    return await _from_app(request, "POST", f"/api/phrases/{request.path_params['phrase_id']}/forget", {})


async def _from_app(request: Request, method: str, path: str, query: dict[str, str]) -> Response:
    app = request.app.state
    headers = {"X-Thumbprint-Token": app.app_token} if app.app_token else {}
    try:
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            answer = await client.request(method, f"{app.app_url}{path}", params=query, headers=headers)
            body = answer.json() if answer.content else {}
    except (httpx.HTTPError, ValueError):
        return JSONResponse({"message": f"Thumbprint does not answer at {app.app_url}."}, status_code=502)
    return JSONResponse(body, status_code=answer.status_code)


async def _json(request: Request) -> dict[str, Any]:
    try:
        fields = json.loads(await request.body())
    except ValueError as error:
        raise Refused(400, "Problems parsing JSON") from error
    if not isinstance(fields, dict):
        raise Refused(400, "Body should be a JSON object")
    return fields


def _post(state: State, fields: dict[str, Any]) -> Issue | Comment:
    post = state.posts.get(str(fields["node"]))
    if post is None or post.deleted:
        raise not_found()
    return post


def _shape(state: State, post: Issue | Comment) -> dict[str, Any]:
    return shapes.issue(state, post) if isinstance(post, Issue) else shapes.comment(state, post)


ROUTES = [
    Route("/act", act, methods=["POST"]),
    Route("/misbehave", misbehave, methods=["GET", "POST", "DELETE"]),
    Route("/limits", drill, methods=["POST"]),
    Route("/deliveries.json", list_deliveries, methods=["GET"]),
    Route("/deliveries/{delivery_id:int}/redeliver", redeliver, methods=["POST"]),
    Route("/revision", revision, methods=["GET"]),
    Route("/learned", learned, methods=["GET"]),
    Route("/phrases/{phrase_id}/forget", forget, methods=["POST"]),
]
