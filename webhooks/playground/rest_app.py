"""The REST calls that are of no repository: the App, its installations, tokens and deliveries, and accounts.

Source: https://docs.github.com/en/rest/apps and /users. Left out: changing
the webhook's configuration; suspending by a call, which `ownership.py` does for people.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from webhooks.playground import shapes
from webhooks.playground.api import PREFIX, json_fields, page, services
from webhooks.playground.refusals import Refused, forbidden, not_found
from webhooks.playground.state import LISTED, State
from webhooks.playground.things import Delivery


async def get_app(request: Request) -> Response:
    """GET /app."""
    state = services(request).state
    return JSONResponse(shapes.app(state) | {"installations_count": 1})


async def list_installations(request: Request) -> Response:
    """GET /app/installations, suspended ones too."""
    state = services(request).state
    there = [one for one in state.installations.values() if not one.removed]
    return page(request, [shapes.installation(state, one) for one in there])


async def get_installation(request: Request) -> Response:
    """GET /app/installations/{id}."""
    state, text = services(request).state, request.path_params["installation_id"]
    if not text.isdecimal():
        raise not_found()
    return JSONResponse(shapes.installation(state, state.installation(int(text))))


async def repository_installation(request: Request) -> Response:
    """GET /repos/{owner}/{name}/installation."""
    state = services(request).state
    found = state.repository(f"{request.path_params['owner']}/{request.path_params['name']}")
    if found.installation_id is None:
        raise not_found()
    return JSONResponse(shapes.installation(state, state.installation(found.installation_id)))


async def list_repositories(request: Request) -> Response:
    """GET /installation/repositories: those that the token reaches."""
    shared = services(request)
    token = shared.guard.installation(request.headers.get("authorization", ""))
    if not token.may("metadata", "read"):
        raise forbidden()
    state = shared.state
    reached = [r for r in state.reached(token.installation_id) if token.reaches(r)]
    shown = [shapes.repository(state, one) for one in reached]
    return page(
        request, shown, within="repositories", total_count=len(shown), repository_selection="selected"
    )


async def get_account(request: Request) -> Response:
    """GET /user/{id}: an account by its number, whatever it is called by now."""
    shared, number = services(request), request.path_params["account_id"]
    shared.guard.installation(request.headers.get("authorization", ""))
    for person in shared.state.people.values():
        if str(person.id) == number:
            return JSONResponse(shapes.public_user(shared.state, person))
    raise not_found()


async def create_token(request: Request) -> Response:
    """POST /app/installations/{id}/access_tokens."""
    wanted = await json_fields(request, [], ["repositories", "repository_ids", "permissions"])
    text = request.path_params["installation_id"]
    if not text.isdecimal():
        raise not_found()
    return JSONResponse(services(request).guard.issue_token(int(text), wanted), status_code=201)


async def list_deliveries(request: Request) -> Response:
    """GET /app/hook/deliveries, newest first, by `cursor`; `status=failure` or `success` filters."""
    state = services(request).state
    per_page = request.query_params.get("per_page", "30")
    size = min(100, max(1, int(per_page))) if per_page.isdecimal() else 30
    cursor = request.query_params.get("cursor", "")
    done = state.listed()
    if cursor:
        if not cursor.startswith("v1_") or not cursor[3:].isdecimal():
            raise Refused(422, "Validation Failed", [{"field": "cursor", "code": "invalid"}])
        done = [d for d in done if d.id < int(cursor[3:])]
    if (wanted := request.query_params.get("status")) in ("success", "failure"):
        done = [d for d in done if d.failed == (wanted == "failure")]
    headers = {}
    if len(done) > size:
        url = f"{state.base_url}{PREFIX}/app/hook/deliveries"
        headers["link"] = f'<{url}?per_page={size}&cursor=v1_{done[size - 1].id}>; rel="next"'
    return JSONResponse([delivery_item(state, d) for d in done[:size]], headers=headers)


async def get_delivery(request: Request) -> Response:
    """GET /app/hook/deliveries/{id}, with request and response."""
    found = _delivery(request)
    return JSONResponse(
        delivery_item(services(request).state, found)
        | {
            "url": "",
            "request": {"headers": found.request_headers, "payload": json.loads(found.body)},
            "response": {"headers": found.response_headers, "payload": found.response_body},
        }
    )


async def redeliver(request: Request) -> Response:
    """POST /app/hook/deliveries/{id}/attempts: the same GUID and body again, 202."""
    found, state = _delivery(request), services(request).state
    with state.change():
        state.queue(
            found.event, found.action, found.repository_id, found.body, found.guid, found.installation_id
        )
    return JSONResponse({}, status_code=202)


async def rate_limit(request: Request) -> Response:
    """GET /rate_limit: costs nothing, and any valid credential will do."""
    shared = services(request)
    authorization = request.headers.get("authorization", "")
    if authorization:
        shared.guard.installation(authorization)
    overview = shared.limits.overview()
    return JSONResponse({"resources": overview | {"search": overview["core"]}, "rate": overview["core"]})


def delivery_item(state: State, of: Delivery) -> dict[str, Any]:
    """A `hook-delivery-item`."""
    return {
        "id": of.id,
        "guid": of.guid,
        "delivered_at": shapes.when(of.sent_at or of.queued_at),
        "redelivery": of.redelivery,
        "duration": round(of.seconds, 2),
        "status": of.status,
        "status_code": of.status_code,
        "event": of.event,
        "action": of.action or None,
        "installation_id": of.installation_id,
        "repository_id": of.repository_id,
        "throttled_at": None,
    }


def _delivery(request: Request) -> Delivery:
    text = request.path_params["delivery_id"]
    state = services(request).state
    found = state.deliveries.get(int(text)) if text.isdecimal() else None
    if found is None or found.queued_at < state.clock() - LISTED:
        raise not_found()
    return found


Endpoint = Callable[[Request], Awaitable[Response]]


def _as_app(endpoint: Endpoint) -> Endpoint:
    async def checked(request: Request) -> Response:
        services(request).guard.app(request.headers.get("authorization", ""))
        return await endpoint(request)

    return checked


ROUTES = [
    Route("/app", _as_app(get_app), methods=["GET"]),
    Route("/app/installations", _as_app(list_installations), methods=["GET"]),
    Route("/app/installations/{installation_id}", _as_app(get_installation), methods=["GET"]),
    Route("/app/installations/{installation_id}/access_tokens", _as_app(create_token), methods=["POST"]),
    Route("/repos/{owner}/{name}/installation", _as_app(repository_installation), methods=["GET"]),
    Route("/app/hook/deliveries", _as_app(list_deliveries), methods=["GET"]),
    Route("/app/hook/deliveries/{delivery_id}", _as_app(get_delivery), methods=["GET"]),
    Route("/app/hook/deliveries/{delivery_id}/attempts", _as_app(redeliver), methods=["POST"]),
    Route("/installation/repositories", list_repositories, methods=["GET"]),
    Route("/user/{account_id}", get_account, methods=["GET"]),
    Route("/rate_limit", rate_limit, methods=["GET"]),
]
