"""The pages: what each repository taught, why an answer says what it says, and the JSON for the playground.

Server-rendered, one style sheet, no script. Every request passes `guard.py`; a change is a POST that ends
in a redirect. Left out: signing in people by GitHub, training runs.

    thumbprint serve        # then http://127.0.0.1:8000/memory
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.concurrency import run_in_threadpool

from bot import lessons, undo
from bot.queue import Queue
from bot.settings import Settings
from bot.wording import number
from storage.database import Database, UnitOfWork
from storage.errors import Gone
from storage.records import Actor, Learning
from webhooks.pages import views
from webhooks.pages.guard import Guard, Refusal

HERE = Path(__file__).parent
LARGEST_FORM = 4096
VISITOR = Actor(id=0, login="memory page")
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; "
        "base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


router = APIRouter()
"""All routes of the pages; the application has `settings`, `database` and `queue` in its state."""


class Site:
    """The pages of one server."""

    def __init__(self, settings: Settings, database: Database, queue: Queue) -> None:
        self._database, self._queue = database, queue
        self._guard = Guard(
            settings.pages_token.get_secret_value(), settings.webhook_secret.get_secret_value()
        )
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=select_autoescape(default=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals.update(guard=self._guard, query=urlencode)
        self._templates.filters.update(number=number)

    # ------------------------------------------------------------ looking

    async def home(self, request: Request) -> Response:
        """GET /"""
        return RedirectResponse("/memory", status_code=302, headers=HEADERS)

    async def style(self, request: Request) -> Response:
        """GET /pages/style.css"""
        style = (HERE / "static" / "style.css").read_text()
        return Response(style, media_type="text/css", headers={"Cache-Control": "max-age=60"})

    async def icon(self, request: Request) -> Response:
        """GET /pages/icon.svg"""
        picture = (HERE / "static" / "icon.svg").read_bytes()
        return Response(picture, media_type="image/svg+xml", headers={"Cache-Control": "max-age=3600"})

    async def repositories(self, request: Request) -> Response:
        """GET /memory"""

        def page(unit: UnitOfWork, now: datetime) -> Response:
            known = [(one, unit.phrases.count(one.id)) for one in unit.repositories.all()]
            return self._html("repositories.html", known=known)

        return await self._look(request, page)

    async def memory(self, request: Request, repository_id: int) -> Response:
        """GET /memory/{id}?q=&page="""
        text = request.query_params.get("q", "")[:200]
        number = request.query_params.get("page", "1")

        def page(unit: UnitOfWork, now: datetime) -> Response:
            wanted = int(number) if number.isdecimal() and len(number) < 8 else 1
            return self._html("memory.html", memory=views.memory(unit, repository_id, text, wanted, now))

        return await self._look(request, page)

    async def export(self, request: Request, repository_id: int) -> Response:
        """GET /memory/{id}/export"""

        def page(unit: UnitOfWork, now: datetime) -> Response:
            repository = views.repository_of(unit, repository_id)
            text = "".join(lessons.export(unit, repository, now))
            name = repository.full_name.replace("/", "-")
            return PlainTextResponse(
                text, headers={**HEADERS, "Content-Disposition": f'attachment; filename="{name}-memory.txt"'}
            )

        return await self._look(request, page)

    async def answer(self, request: Request, answer_id: str) -> Response:
        """GET /answers/{id}"""
        return await self._look(
            request, lambda unit, now: self._html("answer.html", why=views.why(unit, answer_id, now))
        )

    async def learned(self, request: Request) -> Response:
        """GET /api/learned?repository_id=&limit="""
        asked = request.query_params.get("repository_id", ""), request.query_params.get("limit", "20")
        if not all(one.isdecimal() and len(one) < 18 for one in asked):
            return JSONResponse({"message": "repository_id and limit are numbers."}, 422, HEADERS)
        repository_id, limit = map(int, asked)

        def page(unit: UnitOfWork, now: datetime) -> Response:
            news = views.news(unit, repository_id, min(max(1, limit), 100), now)
            return JSONResponse([views.as_json(one) for one in news], headers=HEADERS)

        return await self._look(request, page)

    # ------------------------------------------------------------ changing

    async def forget(self, request: Request, repository_id: int) -> Response:
        """POST /memory/{id}/forget: phrase_id, and where to go back to (q, page)."""
        form = await _form(request)

        def change(unit: UnitOfWork, now: datetime) -> Response:
            phrase = unit.phrases.phrases_of([form.get("phrase_id", "")]).get(form.get("phrase_id", ""))
            if phrase is None or phrase.repository_id != repository_id:
                raise Gone("There is no such phrase in this repository.")
            undo.forget(unit, self._queue, phrase.id, VISITOR, now)
            back = urlencode({"q": form.get("q", ""), "page": form.get("page", "1")})
            return RedirectResponse(f"/memory/{repository_id}?{back}", 303, HEADERS)

        return await self._change(request, form, change)

    async def learning(self, request: Request, repository_id: int) -> Response:
        """POST /memory/{id}/learning: on, frozen or off."""
        form = await _form(request)

        def change(unit: UnitOfWork, now: datetime) -> Response:
            wanted = {one.value: one for one in Learning}.get(form.get("learning", ""))
            if wanted is None:
                raise Gone("Learning is on, frozen or off.")
            undo.set_learning(unit, self._queue, repository_id, wanted, now)
            return RedirectResponse(f"/memory/{repository_id}", 303, HEADERS)

        return await self._change(request, form, change)

    async def forget_by_api(self, request: Request, phrase_id: str) -> Response:
        """POST /api/phrases/{id}/forget: undo in the playground's panel."""

        def change(unit: UnitOfWork, now: datetime) -> Response:
            phrase = undo.forget(unit, self._queue, phrase_id, VISITOR, now)
            return JSONResponse({"phrase_id": phrase.id, "forgotten": True}, headers=HEADERS)

        return await self._change(request, None, change)

    # ------------------------------------------------------------ both

    async def _look(self, request: Request, page: Callable[[UnitOfWork, datetime], Response]) -> Response:
        if refusal := self._guard.may_read(request.headers, _peer(request)):
            return self._refused(request, refusal)

        def read() -> Response:
            with self._database.unit(read_only=True) as unit:
                return page(unit, datetime.now(UTC))

        return await self._carried_out(request, read)

    async def _change(
        self,
        request: Request,
        form: dict[str, str] | None,
        change: Callable[[UnitOfWork, datetime], Response],
    ) -> Response:
        if refusal := self._guard.may_change(request.headers, _peer(request), form):
            return self._refused(request, refusal)

        def write() -> Response:
            with self._database.unit() as unit:
                response = change(unit, datetime.now(UTC))
                unit.commit()
            return response

        return await self._carried_out(request, write)

    async def _carried_out(self, request: Request, work: Callable[[], Response]) -> Response:
        try:
            return await run_in_threadpool(work)
        except Gone as error:
            return self._refused(request, Refusal(status=404, reason=str(error)))

    def _refused(self, request: Request, refusal: Refusal) -> Response:
        headers = {**HEADERS, "WWW-Authenticate": 'Basic realm="Thumbprint"'} if refusal.ask else HEADERS
        if request.url.path.startswith("/api/"):
            return JSONResponse({"message": refusal.reason}, refusal.status, headers)
        page = self._templates.get_template("refused.html").render(refusal=refusal)
        return HTMLResponse(page, refusal.status, headers)

    def _html(self, template: str, **values: object) -> Response:
        page = self._templates.get_template(template).render(**values)
        return HTMLResponse(page, headers=HEADERS)


def _peer(request: Request) -> str:
    return request.client.host if request.client else ""


async def _form(request: Request) -> dict[str, str]:
    """A small urlencoded form; what is too large or not one is empty, and so refused."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_FORM:
            return {}
    try:
        return dict(parse_qsl(body.decode(), max_num_fields=10))
    except ValueError:
        return {}


def _site(request: Request) -> Site:
    """The application's one Site."""
    state = request.app.state
    if not hasattr(state, "pages"):
        state.pages = Site(state.settings, state.database, state.queue)
    site: Site = state.pages
    return site


def _route(method: str, path: str, page: Callable[..., Awaitable[Response]]) -> None:
    async def endpoint(request: Request) -> Response:
        return await page(_site(request), request, **request.path_params)

    router.add_route(path, endpoint, methods=[method], include_in_schema=False)


for _path, _page in (
    ("/", Site.home),
    ("/memory", Site.repositories),
    ("/memory/{repository_id:int}", Site.memory),
    ("/memory/{repository_id:int}/export", Site.export),
    ("/answers/{answer_id}", Site.answer),
    ("/api/learned", Site.learned),
    ("/pages/style.css", Site.style),
    ("/pages/icon.svg", Site.icon),
):
    _route("GET", _path, _page)
for _path, _change in (
    ("/memory/{repository_id:int}/forget", Site.forget),
    ("/memory/{repository_id:int}/learning", Site.learning),
    ("/api/phrases/{phrase_id}/forget", Site.forget_by_api),
):
    _route("POST", _path, _change)
