"""The web server: the receiver of deliveries, the pages, and what a machine asks it.

Left out: what becomes of a delivery (`webhooks/receiver.py`), TLS (a proxy's), retries.

    thumbprint serve        # uvicorn --factory webhooks.app:create_app
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import structlog
from anyio import to_thread
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from bot import logs
from bot.commands.shared import load_settings
from bot.queue import Queue
from bot.settings import Settings
from storage.database import Database
from storage.errors import DatabaseBusy, DatabaseError, DatabaseFull
from storage.figures import Figures, figures
from webhooks.metrics import Metrics
from webhooks.pages.edge import Edge
from webhooks.pages.guard import CLOSED
from webhooks.pages.router import router as pages
from webhooks.receiver import Receiver, Webhook

PATIENCE = 0.3
"""The part of GitHub's deadline for a delivery that it may wait for other deliveries to be written, again for
other processes, and once more where a job is put into a queue by itself."""

log = structlog.get_logger()


def create_app(settings: Settings | None = None) -> FastAPI:
    """The receiver, ready to serve: database claimed and up to date. Uvicorn calls it without arguments.

    Raises ConfigurationError without a webhook secret, DatabaseError when another receiver has the database.
    """
    if settings is None:
        settings = load_settings()
        logs.configure(settings.log_level)
    busy_s = PATIENCE * settings.github_host.delivery_deadline_s
    database = Database(settings.resolved_database_url, busy_timeout_s=busy_s)
    queue = Queue(database)
    receiver = Receiver(settings, database, queue)
    if not (settings.playground or settings.pages_token.get_secret_value()):
        log.warning("pages_closed", reason=CLOSED)
    database.claim("serve")
    queue.migrate()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        log.info("receiver_started", database=database.name)
        receiver.sightings.start()
        yield
        await to_thread.run_sync(receiver.sightings.stop)
        await to_thread.run_sync(queue.close)
        await to_thread.run_sync(database.dispose)

    app = FastAPI(title="Thumbprint", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.settings, app.state.database, app.state.queue = settings, database, queue
    app.state.receiver = receiver
    metrics = Metrics(lambda: _figures(database))
    deadline_s = settings.github_host.delivery_deadline_s
    app.add_middleware(Webhook, receiver=receiver, metrics=metrics, deadline_s=deadline_s)
    _add_probes(app, receiver, database, queue)
    _add_metrics(app, Edge(settings, database), metrics)
    app.include_router(pages)
    return app


class Latest:
    """What a look says, one look at a time: who asks meanwhile shares the next one with all who do.

    So each answer is of a look that began after it was asked for, and a crowd that asks takes neither the
    database nor the threads that keep deliveries.
    """

    def __init__(self, look: Callable[[], tuple[int, dict[str, Any]]]) -> None:
        self._look, self._one_at_a_time = look, asyncio.Lock()
        self._began = -float("inf")
        self._said: tuple[int, dict[str, Any]] = (503, {"ready": False})

    async def __call__(self) -> tuple[int, dict[str, Any]]:
        """The answer."""
        asked = time.monotonic()
        async with self._one_at_a_time:
            if self._began < asked:
                began = time.monotonic()
                self._said, self._began = await to_thread.run_sync(self._look), began
            return self._said


def _add_probes(app: FastAPI, receiver: Receiver, database: Database, queue: Queue) -> None:
    def readiness() -> tuple[int, dict[str, Any]]:
        try:
            database.beat("serve")
            jobs = queue.unfinished()
            seen = database.last_beat("work")
            with database.unit(read_only=True) as unit:
                refused = unit.adapters.refused()
        except (DatabaseBusy, DatabaseError) as error:
            log.error("not_ready", reason=str(error))
            return 503, {"ready": False, "reason": type(error).__name__}
        if receiver.full:
            log.error("not_ready", reason="the database had no room for a delivery just now")
            return 503, {"ready": False, "reason": DatabaseFull.__name__}
        ago = None if seen is None else round((datetime.now(UTC) - seen).total_seconds(), 1)
        found = {"ready": True, "jobs": jobs, "worker_seen_s_ago": ago}
        return 200, {**found, **({"adapters_refused": refused} if refused else {})}

    @app.get("/healthz")
    async def healthz() -> Response:
        return PlainTextResponse("ok\n")

    said = Latest(readiness)

    @app.get("/readyz")
    async def readyz() -> Response:
        status, content = await said()
        return JSONResponse(content, status_code=status)


def _add_metrics(app: FastAPI, edge: Edge, metrics: Metrics) -> None:
    @app.get("/metrics")
    async def metrics_text(request: Request) -> Response:
        if refusal := edge.refusal(request):
            return refusal
        return Response(await to_thread.run_sync(metrics.render), media_type=CONTENT_TYPE_LATEST)


def _figures(database: Database) -> Figures:
    with database.unit(read_only=True) as unit:
        return figures(unit.connection, datetime.now(UTC))
