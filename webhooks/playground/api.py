"""What every API call goes through: rate limit, token, repository, permission, body, paging, ETag.

`rest*.py` holds the calls themselves. Left out: media types other than JSON, API versions.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from webhooks.playground.auth import Guard, Token
from webhooks.playground.limits import Limits
from webhooks.playground.refusals import Refused, forbidden, not_found
from webhooks.playground.state import State
from webhooks.playground.things import Comment, Issue, Repository

PREFIX = "/api/v3"


@dataclass(frozen=True)
class Services:
    """What the handlers share: on `app.state.services`."""

    state: State
    guard: Guard
    limits: Limits


def services(request: Request) -> Services:
    """The playground behind a request."""
    found: Services = request.app.state.services
    return found


class Moved(Exception):
    """The repository has another name now; `location` is where the same call goes."""

    def __init__(self, location: str) -> None:
        super().__init__(location)
        self.location = location


@dataclass(frozen=True)
class Call:
    """One authenticated call on one repository."""

    request: Request
    state: State
    repository: Repository
    token: Token

    @property
    def actor(self) -> str:
        """The login that the app acts as."""
        return self.state.bot.login

    def issue(self) -> Issue:
        """The issue in the path. 404, or 410 when it was deleted."""
        found = self.state.issue(self.repository.id, self.number("number"))
        if found.deleted:
            raise Refused(410, "This issue was deleted")
        return found

    def comment(self, kind: str = "issue_comment") -> Comment:
        """The comment in the path. 404 also when it, or its issue, was deleted."""
        found = self.state.comment(self.repository.id, self.number("comment_id"), kind)
        if self.state.issue(self.repository.id, found.number).deleted:
            raise not_found()
        return found

    def about_pull(self) -> bool:
        """Whether the path leads to a pull request; also where it leads nowhere, which is for the handler."""
        try:
            at = "number" in self.request.path_params
            number = self.number("number") if at else self.comment().number
            return self.state.issue(self.repository.id, number).is_pull
        except Refused:
            return True

    def number(self, name: str) -> int:
        """A path parameter that is a number, else 404."""
        text = str(self.request.path_params[name])
        if not text.isdecimal() or len(text) > 18:
            raise not_found()
        return int(text)

    async def fields(self, required: Sequence[str], optional: Sequence[str] = ()) -> dict[str, Any]:
        """The JSON body's fields, checked as GitHub checks them."""
        return await json_fields(self.request, required, optional)


async def json_fields(
    request: Request, required: Sequence[str], optional: Sequence[str] = ()
) -> dict[str, Any]:
    """The body's fields. 400 on broken JSON, 422 on a missing, unknown or wrongly typed one."""
    raw = await request.body()
    try:
        body = json.loads(raw) if raw else {}
    except ValueError as error:
        raise Refused(400, "Problems parsing JSON") from error
    if not isinstance(body, dict):
        raise Refused(400, "Body should be a JSON object")
    for name in required:
        if name not in body:
            raise Refused(422, f'Invalid request.\n\n"{name}" wasn\'t supplied.')
        if not isinstance(body[name], str):
            raise Refused(
                422, f"Invalid request.\n\nFor 'properties/{name}', {body[name]!r} is not a string."
            )
    for name in body:
        if name not in required and name not in optional:
            raise Refused(422, f'Invalid request.\n\n"{name}" is not a permitted key.')
    return body


Handler = Callable[[Call], Awaitable[Response]]


def on_repository(
    permission: str, level: str, handler: Handler, *, or_permission: str = "", content: bool = False
) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint on `/repos/{owner}/{name}/…`: the checks in GitHub's order, then the handler.

    `or_permission` suffices for a pull request, which shares calls with issues; `content` counts as creating
    content.
    """

    async def endpoint(request: Request) -> Response:
        shared = services(request)
        token = shared.guard.installation(request.headers.get("authorization", ""))
        repository = _repository(request, shared.state)
        if not token.reaches(repository):
            raise not_found()
        call = Call(request, shared.state, repository, token)
        instead = or_permission and token.may(or_permission, level) and call.about_pull()
        if not (token.may(permission, level) or instead):
            raise forbidden()
        if level == "write" and repository.archived:
            raise forbidden("Repository was archived so is read-only.")
        if content:
            shared.limits.check_content()
        return await handler(call)

    return endpoint


def _repository(request: Request, state: State) -> Repository:
    params = request.path_params
    if "repository_id" in params:
        text = str(params["repository_id"])
        found = state.repositories.get(int(text)) if text.isdecimal() else None
        if found is None or found.deleted:
            raise not_found()
        return found
    full_name = f"{params['owner']}/{params['name']}"
    if (moved := state.renamed(full_name)) is not None:
        rest = request.url.path.removeprefix(f"{PREFIX}/repos/{full_name}")
        query = f"?{request.url.query}" if request.url.query else ""
        raise Moved(f"{state.base_url}{PREFIX}/repositories/{moved.id}{rest}{query}")
    return state.repository(full_name)


def page(request: Request, items: Sequence[dict[str, Any]], within: str = "", **more: Any) -> Response:
    """One page of a list, with GitHub's `Link` header. `per_page` is at most 100, 30 unless told.

    `within`: the key under which the list stands, beside `more`, where it is not the answer itself.
    """
    per_page = min(100, max(1, _query_number(request, "per_page", 30)))
    number = max(1, _query_number(request, "page", 1))
    last = max(1, -(-len(items) // per_page))
    relations = {"prev": number - 1, "next": number + 1, "last": last, "first": 1}
    if number == 1:
        del relations["prev"], relations["first"]
    if number >= last:
        del relations["next"], relations["last"]
    base = services(request).state.base_url + request.url.path
    links = []
    for relation, at in relations.items():
        query = request.url.include_query_params(per_page=per_page, page=at).query
        links.append(f'<{base}?{query}>; rel="{relation}"')
    headers = {"link": ", ".join(links)} if links else {}
    shown = list(items[(number - 1) * per_page : number * per_page])
    return JSONResponse(more | {within: shown} if within else shown, headers=headers)


def with_etag(request: Request, response: Response) -> Response:
    """A GET's answer with an ETag, or 304 when the caller has it already."""
    if request.method not in ("GET", "HEAD") or response.status_code != 200:
        return response
    etag = f'W/"{hashlib.sha256(bytes(response.body)).hexdigest()}"'
    response.headers["etag"] = etag
    response.headers["cache-control"] = "private, max-age=60, s-maxage=60"
    response.headers["vary"] = "Accept, Authorization, Cookie, X-GitHub-OTP"
    if etag in request.headers.get("if-none-match", ""):
        kept = {name: response.headers[name] for name in ("etag", "cache-control", "vary")}
        return Response(status_code=304, headers=kept)
    return response


def _query_number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 10 else default
