"""The pages: what each repository taught, why an answer says what it says, and the JSON for the playground.

Server-rendered, one style sheet, no script. Every request passes `edge.py`; a change is a POST that ends
in a redirect. Left out: signing in people by GitHub.

    thumbprint serve        # then http://127.0.0.1:8000/memory
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from bot import lessons, undo
from bot.queue import Queue
from bot.settings import Settings
from storage.columns import storable
from storage.database import Database, UnitOfWork
from storage.errors import Gone
from storage.records import Actor, Learning
from webhooks.pages import views
from webhooks.pages.drafts import DraftPages
from webhooks.pages.edge import FOLDER, HEADERS, Edge, read_form
from webhooks.pages.runs import RunPages

VISITOR = Actor(id=0, login="memory page")

router = APIRouter()
"""All routes of the pages; the application has `settings`, `database` and `queue` in its state."""


class Site:
    """The pages of one server."""

    def __init__(self, settings: Settings, database: Database, queue: Queue) -> None:
        self._queue = queue
        self._edge = Edge(settings, database)
        self.drafts = DraftPages(self._edge, queue, settings)
        self.runs = RunPages(self._edge)

    # ------------------------------------------------------------ looking

    async def home(self, request: Request) -> Response:
        """GET /"""
        return RedirectResponse("/memory", status_code=302, headers=HEADERS)

    async def style(self, request: Request) -> Response:
        """GET /pages/style.css"""
        style = (FOLDER / "static" / "style.css").read_text()
        return Response(style, media_type="text/css", headers={"Cache-Control": "max-age=60"})

    async def icon(self, request: Request) -> Response:
        """GET /pages/icon.svg"""
        picture = (FOLDER / "static" / "icon.svg").read_bytes()
        return Response(picture, media_type="image/svg+xml", headers={"Cache-Control": "max-age=3600"})

    async def repositories(self, request: Request) -> Response:
        """GET /memory"""

        def page(unit: UnitOfWork, now: datetime) -> Response:
            known = [(one, unit.phrases.count(one.id)) for one in unit.repositories.all()]
            return self._edge.html("repositories.html", known=known, drafts=unit.drafts.count())

        return await self._edge.look(request, page)

    async def memory(self, request: Request, repository_id: int) -> Response:
        """GET /memory/{id}?q=&page="""
        text = storable(request.query_params.get("q", "")[:200])
        number = request.query_params.get("page", "1")

        def page(unit: UnitOfWork, now: datetime) -> Response:
            wanted = int(number) if number.isdecimal() and len(number) < 8 else 1
            return self._edge.html("memory.html", memory=views.memory(unit, repository_id, text, wanted, now))

        return await self._edge.look(request, page)

    async def export(self, request: Request, repository_id: int) -> Response:
        """GET /memory/{id}/export"""

        def page(unit: UnitOfWork, now: datetime) -> Response:
            repository = views.repository_of(unit, repository_id)
            text = "".join(lessons.export(unit, repository, now))
            name = repository.full_name.replace("/", "-")
            return PlainTextResponse(
                text, headers={**HEADERS, "Content-Disposition": f'attachment; filename="{name}-memory.txt"'}
            )

        return await self._edge.look(request, page)

    async def answer(self, request: Request, answer_id: str) -> Response:
        """GET /answers/{id}"""
        return await self._edge.look(
            request, lambda unit, now: self._edge.html("answer.html", why=views.why(unit, answer_id, now))
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

        return await self._edge.look(request, page)

    # ------------------------------------------------------------ changing

    async def forget(self, request: Request, repository_id: int) -> Response:
        """POST /memory/{id}/forget: phrase_id, and where to go back to (q, page)."""
        form = await read_form(request)

        def change(unit: UnitOfWork, now: datetime) -> Response:
            phrase = unit.phrases.phrases_of([form.get("phrase_id", "")]).get(form.get("phrase_id", ""))
            if phrase is None or phrase.repository_id != repository_id:
                raise Gone("There is no such phrase in this repository.")
            undo.forget(unit, self._queue, phrase.id, VISITOR, now)
            back = urlencode({"q": form.get("q", ""), "page": form.get("page", "1")})
            return RedirectResponse(f"/memory/{repository_id}?{back}", 303, HEADERS)

        return await self._edge.change(request, form, change)

    async def learning(self, request: Request, repository_id: int) -> Response:
        """POST /memory/{id}/learning: on, frozen or off."""
        form = await read_form(request)

        def change(unit: UnitOfWork, now: datetime) -> Response:
            wanted = {one.value: one for one in Learning}.get(form.get("learning", ""))
            if wanted is None:
                raise Gone("Learning is on, frozen or off.")
            kept = unit.configurations.get(repository_id)
            if kept and kept.learning:
                raise Gone(
                    f"This repository's file, or its organisation's, says learning: {kept.learning.value}, "
                    "and that holds: change it there."
                )
            undo.set_learning(unit, self._queue, repository_id, wanted, now)
            return RedirectResponse(f"/memory/{repository_id}", 303, HEADERS)

        return await self._edge.change(request, form, change)

    async def forget_by_api(self, request: Request, phrase_id: str) -> Response:
        """POST /api/phrases/{id}/forget: undo in the playground's panel."""

        def change(unit: UnitOfWork, now: datetime) -> Response:
            phrase = undo.forget(unit, self._queue, phrase_id, VISITOR, now)
            return JSONResponse({"phrase_id": phrase.id, "forgotten": True}, headers=HEADERS)

        return await self._edge.change(request, None, change)


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
    ("/drafts", lambda site, request: site.drafts.show(request)),
    ("/runs", lambda site, request: site.runs.all(request)),
    ("/runs/{run_id}", lambda site, request, run_id: site.runs.one(request, run_id)),
    ("/runs/{run_id}/report.md", lambda site, request, run_id: site.runs.text(request, run_id)),
    ("/pages/style.css", Site.style),
    ("/pages/icon.svg", Site.icon),
):
    _route("GET", _path, _page)
for _path, _change in (
    ("/memory/{repository_id:int}/forget", Site.forget),
    ("/memory/{repository_id:int}/learning", Site.learning),
    ("/api/phrases/{phrase_id}/forget", Site.forget_by_api),
    ("/drafts/{answer_id}/approve", lambda site, request, answer_id: site.drafts.approve(request, answer_id)),
    ("/drafts/{answer_id}/discard", lambda site, request, answer_id: site.drafts.discard(request, answer_id)),
):
    _route("POST", _path, _change)
