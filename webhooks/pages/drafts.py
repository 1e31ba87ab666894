"""The drafts' page: answers that wait for an approval, each to be posted, changed and posted, or discarded.

The same guards as for the other pages: who may change something there decides here. Left out: telling
maintainers that a draft waits. Run: `pytest tests/unit/webhooks/test_drafts_page.py`.
"""

from __future__ import annotations

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


def waiting(unit: UnitOfWork, now: datetime, github_web: str) -> list[Waiting]:
    """The drafts that wait, oldest first."""
    found = []
    for draft in unit.drafts.waiting(SHOWN):
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
        """GET /drafts"""

        def page(unit: UnitOfWork, now: datetime) -> Response:
            found = waiting(unit, now, self._settings.github_host.web)
            return self._edge.html("drafts.html", count=unit.drafts.count(), drafts=found, rows=_rows)

        return await self._edge.look(request, page)

    async def approve(self, request: Request, answer_id: str) -> Response:
        """POST /drafts/{id}/approve: `text`, as it is to be posted, and the `version` that was seen."""
        form = await read_form(request, LARGEST_TEXT)

        def change(unit: UnitOfWork, now: datetime) -> Response:
            seen = drafts.Seen(answer_id=answer_id, version=form.get("version", ""))
            drafts.approve(unit, self._queue, self._settings, seen, form.get("text", ""), now)
            return _back()

        return await self._edge.change(request, form, change)

    async def discard(self, request: Request, answer_id: str) -> Response:
        """POST /drafts/{id}/discard"""
        form = await read_form(request, LARGEST_TEXT)

        def change(unit: UnitOfWork, now: datetime) -> Response:
            drafts.discard(unit, drafts.Seen(answer_id=answer_id, version=form.get("version", "")), now)
            return _back()

        return await self._edge.change(request, form, change)


def _rows(text: str) -> int:
    """Lines of a field in which a text is read without scrolling, within bounds."""
    return min(24, max(4, sum(1 + len(line) // 90 for line in text.splitlines()) + 1))


def _back() -> Response:
    return RedirectResponse("/drafts", status_code=303, headers=HEADERS)
