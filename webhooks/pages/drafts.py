"""The drafts' page: answers that wait for an approval, each to be posted, changed and posted, or discarded.

Who may change something on the other pages decides about all of them, and who has the token of one repository
(`thumbprint drafts`) about those of that repository, at `/drafts?repository_id=`. Left out: telling
maintainers that a draft waits. Run: `pytest tests/unit/webhooks/test_drafts_page.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from bot import drafts
from bot.queue import Queue
from bot.settings import Settings
from bot.wording import age
from storage.database import UnitOfWork
from storage.records import Answer, Draft
from webhooks.pages.edge import HEADERS, Edge, read_form

SHOWN = 50
LARGEST_TEXT = 9 * 65_536 + 4096
"""Bytes of a form with the longest comment in it, each of whose characters is percent-encoded."""


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A draft as the page shows it."""

    draft: Draft
    answer: Answer
    age: str
    left: str
    url: str
    version: str


def waiting(
    unit: UnitOfWork, now: datetime, github_web: str, repository_id: int | None = None
) -> list[Waiting]:
    """The drafts that wait, oldest first; of one repository, if it is named."""
    found = []
    for draft in unit.drafts.waiting(SHOWN, repository_id):
        answer = unit.answers.get(draft.answer_id)
        if answer is not None:
            asked = answer.question
            found.append(
                Waiting(
                    draft=draft,
                    answer=answer,
                    age=age(draft.made_at, now),
                    left=age(now, draft.expires_at) if draft.expires_at > now else "now",
                    version=drafts.version(draft),
                    url=f"{github_web}/{asked.full_name}/issues/{asked.number}",
                )
            )
    return found


class DraftPages:
    """The page of one server."""

    def __init__(self, edge: Edge, queue: Queue, settings: Settings) -> None:
        self._edge, self._queue, self._settings = edge, queue, settings

    async def show(self, request: Request) -> Response:
        """GET /drafts?repository_id="""
        within = _number(request.query_params.get("repository_id", ""))

        def page(unit: UnitOfWork, now: datetime) -> Response:
            found = waiting(unit, now, self._settings.github_host.web, within)
            count = unit.drafts.count(within)
            return self._edge.html("drafts.html", count=count, drafts=found, rows=_rows, within=within)

        return await self._edge.look(request, page, within)

    async def approve(self, request: Request, answer_id: str) -> Response:
        """POST /drafts/{id}/approve: `text`, as it is to be posted, and the `version` that was seen."""
        return await self._decide(
            request,
            answer_id,
            lambda unit, seen, form, now: drafts.approve(
                unit, self._queue, self._settings, seen, form.get("text", ""), now
            ),
        )

    async def discard(self, request: Request, answer_id: str) -> Response:
        """POST /drafts/{id}/discard"""
        return await self._decide(
            request, answer_id, lambda unit, seen, form, now: drafts.discard(unit, seen, now)
        )

    async def _decide(
        self,
        request: Request,
        answer_id: str,
        decide: Callable[[UnitOfWork, drafts.Seen, dict[str, str], datetime], object],
    ) -> Response:
        form = await read_form(request, LARGEST_TEXT)
        within = _number(form.get("repository_id", ""))
        seen = drafts.Seen(answer_id=answer_id, version=form.get("version", ""), repository_id=within)

        def change(unit: UnitOfWork, now: datetime) -> Response:
            decide(unit, seen, form, now)
            back = "/drafts" if within is None else f"/drafts?repository_id={within}"
            return RedirectResponse(back, status_code=303, headers=HEADERS)

        return await self._edge.change(request, form, change, within)


def _number(text: str) -> int | None:
    """A repository's number, None for none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def _rows(text: str) -> int:
    """Lines of a field in which a text is read without scrolling, within bounds."""
    return min(24, max(4, sum(1 + len(line) // 90 for line in text.splitlines()) + 1))
