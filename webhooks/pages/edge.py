"""How any page is asked for: who may, in one unit of work, with headers that let a browser do nothing else.

Left out: the pages themselves (`router.py`), who may look and change (`guard.py`).
Run: `pytest tests/unit/webhooks/test_pages.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import structlog
from fastapi import Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.concurrency import run_in_threadpool

from bot.settings import Settings
from bot.wording import did, number
from storage.columns import storable
from storage.database import Database, UnitOfWork
from storage.errors import DatabaseBusy, DatabaseError, Gone
from storage.records import LARGEST_ID
from webhooks.pages.guard import Guard, Refusal

FOLDER = Path(__file__).parent
LARGEST_FORM = 4096
NOWHERE = "There is no such page here."
AWAY = "The database does not answer just now: try again in a moment. The server's log says why."
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; "
        "base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


log = structlog.get_logger()


class Edge:
    """What stands between a request and a page of one server."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._database = database
        self._guard = Guard(
            settings.pages_token.get_secret_value(),
            settings.webhook_secret.get_secret_value(),
            playground=settings.playground,
        )
        self._templates = Environment(
            loader=FileSystemLoader(FOLDER / "templates"),
            autoescape=select_autoescape(default=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals.update(guard=self._guard, query=urlencode)
        self._templates.filters.update(number=number, did=did)

    def refusal(self, request: Request, repository_id: int | None = None) -> Response | None:
        """What who may not look is answered; None for who may. `repository_id`: at its drafts."""
        refusal = self._guard.may_read(request.headers, _peer(request), repository_id)
        return None if refusal is None else self._refused(request, refusal)

    async def look(
        self,
        request: Request,
        page: Callable[[UnitOfWork, datetime], Response],
        repository_id: int | None = None,
    ) -> Response:
        """A page from one read-only unit of work; 404 in words for what is not there.

        `repository_id`: it shows the drafts of this repository and nothing else.
        """
        if refused := self.refusal(request, repository_id):
            return refused

        def read() -> Response:
            with self._database.unit(read_only=True) as unit:
                return page(unit, datetime.now(UTC))

        return await self._carried_out(request, read)

    async def change(
        self,
        request: Request,
        form: dict[str, str] | None,
        change: Callable[[UnitOfWork, datetime], Response],
        repository_id: int | None = None,
    ) -> Response:
        """A change in one unit of work, committed. `form` is what a browser sent, None for an API call.

        `repository_id`: it decides about a draft of this repository and does nothing else.
        """
        if refusal := self._guard.may_change(request.headers, _peer(request), form, repository_id):
            return self._refused(request, refusal)

        def write() -> Response:
            with self._database.unit() as unit:
                response = change(unit, datetime.now(UTC))
                unit.commit()
            return response

        return await self._carried_out(request, write)

    async def _carried_out(self, request: Request, work: Callable[[], Response]) -> Response:
        if not all(_can_be_kept(one) for one in request.path_params.values()):
            return self._refused(request, Refusal(status=404, reason=NOWHERE))
        try:
            return await run_in_threadpool(work)
        except Gone as error:
            return self._refused(request, Refusal(status=404, reason=str(error)))
        except (DatabaseBusy, DatabaseError) as error:
            log.error("page_failed", kind=type(error).__name__, reason=str(error))
            return self._refused(request, Refusal(status=503, reason=AWAY))

    def _refused(self, request: Request, refusal: Refusal) -> Response:
        headers = {**HEADERS, "WWW-Authenticate": 'Basic realm="Thumbprint"'} if refusal.ask else HEADERS
        if request.url.path.startswith("/api/"):
            return JSONResponse({"message": refusal.reason}, refusal.status, headers)
        page = self._templates.get_template("refused.html").render(refusal=refusal)
        return HTMLResponse(page, refusal.status, headers)

    def html(self, template: str, **values: object) -> Response:
        """A page from its template."""
        page = self._templates.get_template(template).render(**values)
        return HTMLResponse(page, headers=HEADERS)


def _can_be_kept(part: object) -> bool:
    """Whether a part of a path may name something that a database holds: no huge number, no NUL."""
    return part <= LARGEST_ID if isinstance(part, int) else "\x00" not in str(part)


def _peer(request: Request) -> str:
    return request.client.host if request.client else ""


async def read_form(request: Request, largest: int = LARGEST_FORM) -> dict[str, str]:
    """A urlencoded form of so many bytes; what is too large or not one is empty, and so refused."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > largest:
            return {}
    try:
        fields = parse_qsl(body.decode(), max_num_fields=10)
        return {name: storable(value) for name, value in fields}
    except ValueError:
        return {}
