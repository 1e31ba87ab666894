"""The REST calls on reactions: list with paging, create (200 when it was there), delete.

Source: https://docs.github.com/en/rest/reactions/reactions
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from webhooks.playground import acts, shapes
from webhooks.playground.api import Call, Handler, on_repository, page
from webhooks.playground.refusals import invalid
from webhooks.playground.things import CONTENTS, Comment, Issue

Subject = Callable[[Call], Issue | Comment]


def _issue(call: Call) -> Issue | Comment:
    return call.issue()


def _comment(call: Call) -> Issue | Comment:
    return call.comment()


def _review_comment(call: Call) -> Issue | Comment:
    return call.comment("review_comment")


def _handlers(subject: Subject) -> tuple[Handler, Handler, Handler]:
    async def list_reactions(call: Call) -> Response:
        wanted = call.request.query_params.get("content")
        if wanted is not None and wanted not in CONTENTS:
            raise invalid("Reaction", "content", "invalid")
        given = call.state.reactions_to(subject(call))
        shown = [r for r in given if wanted in (None, r.content)]
        return page(call.request, [shapes.reaction(call.state, r) for r in shown])

    async def create(call: Call) -> Response:
        fields = await call.fields(["content"])
        given, is_new = acts.react(call.state, call.actor, subject(call), fields["content"])
        return JSONResponse(shapes.reaction(call.state, given), status_code=201 if is_new else 200)

    async def remove(call: Call) -> Response:
        acts.withdraw(call.state, call.actor, subject(call), call.number("reaction_id"))
        return Response(status_code=204)

    return list_reactions, create, remove


def _routes(root: str) -> list[Route]:
    routes = []
    for path, permission, subject in (
        ("/issues/{number}", "issues", _issue),
        ("/issues/comments/{comment_id}", "issues", _comment),
        ("/pulls/comments/{comment_id}", "pull_requests", _review_comment),
    ):
        also = "pull_requests" if permission == "issues" else ""
        list_reactions, create, remove = _handlers(subject)
        for suffix, method, level, handler in (
            ("/reactions", "GET", "read", list_reactions),
            ("/reactions", "POST", "write", create),
            ("/reactions/{reaction_id}", "DELETE", "write", remove),
        ):
            endpoint = on_repository(permission, level, handler, or_permission=also)
            routes.append(Route(f"{root}{path}{suffix}", endpoint, methods=[method]))
    return routes


ROUTES = [*_routes("/repos/{owner}/{name}"), *_routes("/repositories/{repository_id}")]
