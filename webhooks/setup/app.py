"""The setup pages: say where GitHub reaches us, go to GitHub, come back with a code, see the link to install.

The registration itself is GitHub's manifest flow. Nothing secret is ever in an address of ours but GitHub's
code, which is used up at once; pages tell other sites no more than their origin.
Left out: TLS (a proxy's), changing an App that is registered (GitHub's settings).

    thumbprint setup
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import structlog
from anyio import to_thread
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from bot import app_store
from bot.app_store import RegisteredApp
from bot.hosts import Host, host_of, is_loopback
from bot.registration import exchange
from storage.errors import GitHubRefused, ThumbprintError
from storage.redaction import hide
from webhooks.pages.edge import read_form
from webhooks.pages.guard import crosses_sites, is_local
from webhooks.setup.manifest import BACK_PATH, base, manifest, public_address
from webhooks.setup.visits import Visit, Visits

COOKIE = "thumbprint_setup"
HERE, PAGES = Path(__file__).parent, Path(__file__).parents[1] / "pages"
ASSETS = {
    "/pages/style.css": (PAGES / "static" / "style.css", "text/css"),
    "/pages/icon.svg": (PAGES / "static" / "icon.svg", "image/svg+xml"),
    "/setup/go.js": (HERE / "static" / "go.js", "text/javascript"),
}
BEGIN_AGAIN = "begin again, and delete the App that may stand half-way at {web}/settings/apps."

log = structlog.get_logger()


class Setup:
    """One setup: registers one App into `home`, then `on_stored` is called and nothing more is registered.

    Who comes by `local_port` from this machine needs no token; everyone else does.
    """

    def __init__(
        self,
        home: Path,
        github: Host,
        *,
        token: str,
        local_port: int,
        public_url: str = "",
        on_stored: Callable[[RegisteredApp], None] = lambda app: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._home, self._github, self._public_url = home, github, public_url
        self._local_port, self._on_stored = local_port, on_stored
        self._visits = Visits(token, clock)
        self._registered: RegisteredApp | None = None
        self._one_at_a_time = asyncio.Lock()
        self._templates = Environment(
            loader=FileSystemLoader([HERE / "templates", PAGES / "templates"]),
            autoescape=select_autoescape(default=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    # ------------------------------------------------------------ the pages

    async def form(self, request: Request) -> Response:
        """GET /setup: sign in, say where we are, or see the link to install."""
        visit = self._visit(request)
        if visit is None:
            return self._page(None, "sign_in.html", 401 if self._registered is None else 404)
        if self._registered is not None:
            return self._page(visit, "registered.html", app=self._registered)
        return self._ask(visit, public_url=self._public_url or _public(visit))

    async def sign_in(self, request: Request) -> Response:
        """POST /setup/token: a browser that is not on this machine shows the token."""
        form = await read_form(request)
        if crosses_sites(request.headers):
            return self._refused(None, "Only these pages themselves may do that.", 403)
        visit = self._visits.sign_in(form.get("token", ""))
        if visit is None:
            return self._page(None, "sign_in.html", 403, wrong=True)
        visit.visited_url = _visited_url(request)
        return self._with_cookie(visit, RedirectResponse("/setup", 303))

    async def begin(self, request: Request) -> Response:
        """POST /setup: the way to GitHub, with the manifest."""
        form = await read_form(request)
        visit = self._visit(request)
        if visit is None or self._registered is not None:
            return await self.form(request)
        if crosses_sites(request.headers):
            return self._refused(visit, "Only these pages themselves may do that.", 403)
        visit.visited_url = _visited_url(request)
        asked = {name: form.get(name, "").strip() for name in ("public_url", "organisation", "github")}
        try:
            host = self._host(asked["github"])
            public_url = public_address(asked["public_url"], host)
        except ValueError as error:
            return self._ask(visit, 422, wrong=str(error), **asked)
        state = self._visits.begin(visit, host)
        return self._page(
            visit,
            "go.html",
            form_to=host.web,
            url=f"{host.new_app(asked['organisation'])}?state={state}",
            host=urlsplit(host.web).netloc,
            manifest=json.dumps(manifest(public_url, visit.visited_url)),
        )

    async def created(self, request: Request) -> Response:
        """GET /setup/created?code=&state=: back from GitHub."""
        visit = self._visit(request)
        if visit is None or self._registered is not None:
            return await self.form(request)
        host = self._visits.finish(visit, request.query_params.get("state", ""))
        code = request.query_params.get("code", "")
        if host is None or not code:
            again = BEGIN_AGAIN.format(web=self._github.web)
            said = f"This registration was not begun by this browser within the last hour: {again}"
            return self._refused(visit, said, 400)
        visit.code = (host, code)
        return await self._register(visit)

    async def again(self, request: Request) -> Response:
        """POST /setup/again: what GitHub or the disk refused, tried once more."""
        await read_form(request)
        visit = self._visit(request)
        if visit is None or self._registered is not None or not (visit.code or visit.unkept):
            return await self.form(request)
        if crosses_sites(request.headers):
            return self._refused(visit, "Only these pages themselves may do that.", 403)
        return await self._register(visit)

    # ------------------------------------------------------------ what they stand on

    async def _register(self, visit: Visit) -> Response:
        """Exchange the code and keep the App; what fails may be tried again, unless the code is used up."""
        async with self._one_at_a_time:
            return await self._exchange(visit)

    async def _exchange(self, visit: Visit) -> Response:
        if self._registered is not None or not (visit.code or visit.unkept):
            return RedirectResponse("/setup", 303)
        try:
            if visit.unkept is None:
                assert visit.code is not None
                visit.unkept, visit.code = await to_thread.run_sync(exchange, *visit.code), None
            app = visit.unkept
            await to_thread.run_sync(app_store.write, self._home, app)
        except GitHubRefused as error:
            assert visit.code is not None
            web, visit.code = visit.code[0].web, None
            log.warning("registration_refused", status=error.status)
            return self._refused(visit, f"{error} So {BEGIN_AGAIN.format(web=web)}", 502)
        except ThumbprintError as error:
            log.warning("registration_failed", kind=type(error).__name__)
            return self._refused(visit, str(error), 503, again=True)
        visit.unkept, self._registered = None, app
        self._visits.use_up_token()
        log.info("app_registered", app=app.id, slug=app.slug)
        self._on_stored(app)
        return RedirectResponse("/setup", 303)

    def _visit(self, request: Request) -> Visit | None:
        """The visit of who may be here; None for who has to sign in."""
        known = self._visits.known(request.cookies.get(COOKIE, ""))
        if known is not None:
            return known
        peer = request.client.host if request.client else ""
        by_local_port = (request.scope.get("server") or ("", None))[1] == self._local_port
        if by_local_port and self._registered is None and is_local(request.headers, peer):
            return self._visits.new()
        return None

    def _host(self, text: str) -> Host:
        """The GitHub that was asked for. Raises ValueError; one on this machine has to be a setting."""
        host = host_of(text) if text else self._github
        if host != self._github and is_loopback(urlsplit(host.web).hostname or ""):
            raise ValueError(f"{text} is this machine, and no GitHub: leave it empty for github.com.")
        return host

    def _ask(self, visit: Visit, status: int = 200, **values: str) -> Response:
        empty = {"public_url": "", "organisation": "", "github": "", "wrong": ""}
        shown = {**empty, **values}
        if not shown["github"]:
            shown["github"] = self._github.web
        return self._page(visit, "setup.html", status, app=base(), default=self._github.web, **shown)

    def _refused(self, visit: Visit | None, reason: str, status: int, *, again: bool = False) -> Response:
        return self._page(visit, "failed.html", status, reason=reason, again=again)

    def _page(
        self, visit: Visit | None, template: str, status: int = 200, *, form_to: str = "", **values: object
    ) -> Response:
        text = self._templates.get_template(template).render(**{"wrong": "", **values})
        headers = {
            "Content-Security-Policy": (
                "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; base-uri 'none'; "
                f"frame-ancestors 'none'; form-action 'self' {form_to}".rstrip()
            ),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "strict-origin",
            "Cache-Control": "no-store",
        }
        return self._with_cookie(visit, HTMLResponse(text, status, headers))

    def _with_cookie(self, visit: Visit | None, response: Response) -> Response:
        if visit is not None:
            secure = visit.visited_url.startswith("https:")
            # Lax, for the way back from GitHub is a link from another site
            response.set_cookie(COOKIE, visit.id, httponly=True, secure=secure, samesite="lax", path="/setup")
        return response


def _visited_url(request: Request) -> str:
    """Our address as this browser sees it: a proxy may rewrite Host, and no page can forge Origin."""
    origin = urlsplit(request.headers.get("origin", ""))
    if origin.scheme in ("http", "https") and origin.netloc:
        return f"{origin.scheme}://{origin.netloc}"
    return f"{request.url.scheme}://{request.headers.get('host', '')}"


def _public(visit: Visit) -> str:
    """The address by which a browser elsewhere came is one that GitHub may know as well."""
    here = is_loopback(urlsplit(visit.visited_url).hostname or "127.0.0.1")
    return "" if here else visit.visited_url


def new_token() -> str:
    """A one-time token: 160 bits, to be copied by hand, and kept out of every log from now on."""
    made = secrets.token_hex(20)
    hide([made])
    return made


def create_app(setup: Setup) -> FastAPI:
    """The pages of one setup as an application."""
    app = FastAPI(title="Thumbprint", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_api_route("/setup", setup.form, methods=["GET"])
    app.add_api_route("/setup", setup.begin, methods=["POST"])
    app.add_api_route("/setup/token", setup.sign_in, methods=["POST"])
    app.add_api_route("/setup/again", setup.again, methods=["POST"])
    app.add_api_route(BACK_PATH, setup.created, methods=["GET"])

    @app.get("/")
    async def home() -> Response:
        return RedirectResponse("/setup", 302)

    @app.get("/{path:path}")
    async def asset(path: str) -> Response:
        if f"/{path}" not in ASSETS:
            return Response("There is only /setup here.\n", 404, media_type="text/plain")
        file, kind = ASSETS[f"/{path}"]
        return Response(file.read_bytes(), media_type=kind, headers={"Cache-Control": "max-age=60"})

    return app
