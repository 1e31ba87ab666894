"""The pages of the nightly retraining: all runs, and the report of one. Reads only.

The figures are those of the run's folder (`learning/training/night_report.py`); plots are drawn into the
page. Left out: beginning a night from here, promoting by hand.
Run: `pytest tests/unit/webhooks/test_runs_page.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from fastapi.responses import PlainTextResponse, Response
from markupsafe import Markup

from bot.wording import age
from learning.training import night_report
from learning.training.night_plots import svg
from storage.database import UnitOfWork
from storage.errors import Gone
from storage.records import Run, RunStatus
from webhooks.pages.edge import HEADERS, Edge

SHOWN = 100
LOOKS = {RunStatus.PROMOTED: "on", RunStatus.FAILED: "off", RunStatus.KEPT: "frozen"}


@dataclass(frozen=True, kw_only=True)
class Row:
    """A run as the list shows it."""

    run: Run
    look: str
    age: str
    took: str


def row(run: Run, now: datetime) -> Row:
    """A run in words."""
    took = night_report.took((run.ended_at - run.started_at).total_seconds()) if run.ended_at else ""
    return Row(run=run, look=LOOKS.get(run.status, ""), age=age(run.started_at, now), took=took)


class RunPages:
    """The pages of one server."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    async def all(self, request: Request) -> Response:
        """GET /runs"""

        def page(unit: UnitOfWork, now: datetime) -> Response:
            rows = [row(one, now) for one in unit.adapters.runs(SHOWN)]
            return self._edge.html("runs.html", rows=rows)

        return await self._edge.look(request, page)

    async def one(self, request: Request, run_id: str) -> Response:
        """GET /runs/{id}"""

        def page(unit: UnitOfWork, now: datetime) -> Response:
            run = _run(unit, run_id)
            report = night_report.read(run)
            plots = [(one, Markup(svg(one))) for one in report.curves]  # noqa: S704 - numbers, and escaped
            return self._edge.html(
                "run.html", report=report, row=row(run, now), plots=plots, took=night_report.took
            )

        return await self._edge.look(request, page)

    async def text(self, request: Request, run_id: str) -> Response:
        """GET /runs/{id}/report.md"""

        def page(unit: UnitOfWork, now: datetime) -> Response:
            report = night_report.read(_run(unit, run_id))
            return PlainTextResponse(night_report.markdown(report), headers=HEADERS)

        return await self._edge.look(request, page)


def _run(unit: UnitOfWork, run_id: str) -> Run:
    found = next((one for one in unit.adapters.runs(1000) if one.id == run_id), None)
    if found is None:
        raise Gone("There is no such run here.")
    return found
