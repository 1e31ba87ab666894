"""`create_app()`: the whole playground as one ASGI application, for a process or for a test's thread.

Only loopback: the Host header must name it (no DNS rebinding); browsers' writes must come from our own pages.
Left out: TLS, sign-in. Run: `python -m webhooks.playground --port 8001 --home var/playground`
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from storage.errors import ConfigurationError
from webhooks.pages.guard import FORWARDED
from webhooks.playground import control, graphql, pages, registration, rest, rest_app, rest_reactions, seed
from webhooks.playground.api import PREFIX, Moved, Services, services, with_etag
from webhooks.playground.auth import TOKEN_LIFE_S, Guard
from webhooks.playground.credentials import Credentials, ensure
from webhooks.playground.deliveries import TIMEOUT_S, Deliverer
from webhooks.playground.exchanges import Recorder, kept_in
from webhooks.playground.limits import Limits
from webhooks.playground.misbehave import Rule
from webhooks.playground.refusals import Refused, not_found
from webhooks.playground.state import State, utcnow

LOOPBACK = ("127.0.0.1", "localhost", "::1")
Endpoint = Callable[[Request], Awaitable[Response]]


def create_app(
    home: Path,
    *,
    base_url: str,
    app_url: str,
    app_token: str = "",
    credentials: Credentials | None = None,
    clock: Callable[[], datetime] = utcnow,
    token_life_s: float = TOKEN_LIFE_S,
    delivery_timeout_s: float = TIMEOUT_S,
) -> Starlette:
    """The playground kept in `home`, reached at `base_url`, delivering to the app at `app_url`.

    `app_token` is what the app's pages ask for before they change anything. Raises ConfigurationError when
    a URL is not on loopback, SetupError when `home` cannot be used. `.state.services.state` is the state.
    """
    for name, url in (("base_url", base_url), ("app_url", app_url)):
        if urlsplit(url).hostname not in LOOPBACK:
            raise ConfigurationError(
                f"The playground is for this machine only: {name} must be on 127.0.0.1, not {url}."
            )
    state = State(home, credentials or ensure(home), base_url, clock)
    seed.plant(state)
    shared = Services(state, Guard(state, token_life_s), Limits(clock))
    keep = kept_in(home)
    deliverer = Deliverer(state, app_url, delivery_timeout_s)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        deliverer.start()
        yield
        await asyncio.to_thread(deliverer.stop)
        state.close()

    calls = [
        *rest_app.ROUTES,
        *registration.CALLS,
        *rest.ROUTES,
        *rest_reactions.ROUTES,
        Route("/{path:path}", _unknown),
    ]
    api = [Route(f"{PREFIX}{r.path}", api_call(r.endpoint), methods=r.methods) for r in calls]
    app = Starlette(
        routes=[
            *api,
            Route("/api/graphql", api_call(graphql.endpoint), methods=["POST"]),
            Mount("/playground", routes=control.ROUTES),
            *registration.PAGES,
            *pages.ROUTES,
            Route("/{path:path}", _unknown),
        ],
        middleware=[Middleware(OnlyHere), *([Middleware(Recorder, keep=keep)] if keep else [])],
        exception_handlers={Refused: _refused},
        lifespan=lifespan,
    )
    app.state.registry = registration.Registry(state, home)
    app.state.services, app.state.app_url, app.state.app_token = shared, app_url.rstrip("/"), app_token
    return app


def api_call(endpoint: Endpoint) -> Endpoint:
    """What every API call gets: misbehaviour, rate limit, GitHub's errors, redirects, ETag, headers."""

    async def call(request: Request) -> Response:
        shared = services(request)
        path, method = request.url.path.removeprefix(PREFIX).removeprefix("/api"), request.method
        wrong = shared.state.misbehaviour
        if (late := wrong.take("delay", method, path)) is not None:
            await asyncio.sleep(late.seconds)
        if (broken := wrong.take("error", method, path)) is not None:
            return failure(broken)
        response = await _answer(endpoint, request, shared)
        if (lost := wrong.take("drop", method, path)) is not None:
            return failure(lost)
        return response

    return call


async def _answer(endpoint: Endpoint, request: Request, shared: Services) -> Response:
    bucket, counted = shared.limits.core, _counts(request)
    try:
        if counted:
            shared.limits.check(bucket)
        response = with_etag(request, await endpoint(request))
    except Refused as refused:
        response = _refused(request, refused)
    except Moved as moved:
        body = {"message": "Moved Permanently", "url": moved.location}
        code = 301 if request.method in ("GET", "HEAD") else 307
        response = JSONResponse(body, status_code=code, headers={"location": moved.location})
    if counted:
        if response.status_code == 304:
            bucket.used = max(0, bucket.used - 1)
        for name, value in bucket.headers(shared.state.clock()).items():
            response.headers.setdefault(name, value)
    response.headers["x-github-media-type"] = "github.v3; format=json"
    response.headers["x-github-request-id"] = f"{shared.state.revision:04X}:PLAYGROUND"
    return response


def _counts(request: Request) -> bool:
    if request.url.path in (f"{PREFIX}/rate_limit", "/api/graphql"):
        return False
    return "ghs_" in request.headers.get("authorization", "")


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    if not request.url.path.startswith(("/api/", "/playground/")):
        return pages.refused_page(request, error)
    return JSONResponse(error.body, status_code=error.status, headers=error.headers)


async def _unknown(request: Request) -> Response:
    raise not_found()


def failure(rule: Rule) -> Response:
    """What a broken server answers: an HTML page with its status, or half a response and no more."""
    if rule.status == 0:
        return Cut()
    return HTMLResponse("<html><body><h1>Unicorn!</h1></body></html>", status_code=rule.status)


class Cut(Response):
    """Promises a body and ends without it: the server closes the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the head only."""
        head = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
        await send({"type": "http.response.start", "status": 200, "headers": head})


class OnlyHere:
    """Refuses what is not addressed to loopback, what a proxy forwarded, and other sites' pages' writes."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let it through, or answer 403."""
        if scope["type"] == "http":
            request = Request(scope)
            origin = request.headers.get("origin")
            host = request.headers.get("host", "")
            forwarded = any(name in request.headers for name in FORWARDED)
            if forwarded or urlsplit(f"//{host}").hostname not in LOOPBACK:
                await PlainTextResponse("This playground answers on 127.0.0.1 only.", 403)(
                    scope, receive, send
                )
                return
            if (
                origin is not None
                and request.method not in ("GET", "HEAD")
                and not registration.FROM_ELSEWHERE.fullmatch(request.url.path)
                and urlsplit(origin).netloc != host
            ):
                await PlainTextResponse("Only the playground's own pages may do that.", 403)(
                    scope, receive, send
                )
                return
        await self.app(scope, receive, send)
