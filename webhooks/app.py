"""The receiver: an HTTP edge that makes deliveries durable before it acknowledges them, and the pages.

202 is answered after the commit of the delivery together with its job, never before. When the database cannot
take it the answer is 503, which GitHub shows as failed and can redeliver. Left out: TLS (a proxy's), retries.

    thumbprint serve        # uvicorn --factory webhooks.app:create_app
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog
from anyio import to_thread
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.requests import ClientDisconnect

from bot import logs
from bot.commands.shared import load_settings
from bot.queue import Job, Queue
from bot.settings import Settings
from storage.database import Database
from storage.errors import BadDelivery, DatabaseBusy, DatabaseError
from storage.records import Delivery
from webhooks.delivery import Secrets, verify
from webhooks.metrics import Metrics
from webhooks.pages.guard import CLOSED
from webhooks.pages.router import router as pages
from webhooks.route import ANSWERED, App, Ignored, route

MOST_BYTES = 25 * 2**20
"""GitHub sends no larger payloads."""

MOST_BYTES_ANSWERED = 2 * 2**20
"""A comment has at most 65,536 characters; the rest of its payload is a few hundred fields."""

PATIENCE = 0.5
"""The part of GitHub's deadline for a delivery that it may wait for the database."""

OVER = "the former webhook secret is accepted no more: unset THUMBPRINT_WEBHOOK_SECRET_OLD and its _UNTIL"

log = structlog.get_logger()


@dataclass(frozen=True)
class Outcome:
    """What became of a delivery: the HTTP status, one word for the log, and why."""

    status: int
    outcome: str
    reason: str = ""
    detail: str = ""


class Receiver:
    """Takes deliveries for one app into one database."""

    def __init__(self, settings: Settings, database: Database, queue: Queue) -> None:
        now = datetime.now(UTC)
        self._secrets = Secrets(
            current=settings.webhook_secret.get_secret_value(),
            former=settings.webhook_secret_old.get_secret_value(),
            former_until=settings.webhook_secret_old_until,
        )
        self._secrets.check(now)
        if self._secrets.former and len(self._secrets.at(now)) == 1:
            log.warning("rotation_over", reason=OVER)
        self._app = App(slug=settings.app_slug, id=settings.app_id)
        self._database = database
        self._queue = queue

    def handle(self, headers: Mapping[str, str], body: bytes) -> Outcome:
        """Verify, route and keep one delivery. Raises nothing that a delivery or the database can cause."""
        now = datetime.now(UTC)
        try:
            delivery = verify(headers, body, self._secrets.at(now), now)
            found = route(delivery, self._app)
            if isinstance(found, Ignored):
                return Outcome(202, "ignored", found.reason)
            if not self.keep(delivery, found):
                return Outcome(202, "duplicate", found.name.value)
        except BadDelivery as error:
            return Outcome(error.status, "refused", f"http_{error.status}", str(error))
        except (DatabaseBusy, DatabaseError) as error:
            return Outcome(503, "failed", type(error).__name__, str(error))
        return Outcome(202, "accepted", found.name.value)

    def keep(self, delivery: Delivery, job: Job) -> bool:
        """Make a delivery and its job durable in one transaction; False if either is known already."""
        with self._database.unit() as unit:
            if not unit.deliveries.add(delivery):
                return False
            unit.repositories.upsert(job.repository)
            if job.question is not None:
                unit.answers.ask(job.question)
            if not self._queue.put(unit, job, delivery.guid):
                return False
            unit.commit()
        return True


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
        yield
        await to_thread.run_sync(queue.close)
        await to_thread.run_sync(database.dispose)

    app = FastAPI(title="Thumbprint", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.settings, app.state.database, app.state.queue = settings, database, queue
    metrics = Metrics()
    _add_webhook(app, receiver, metrics)
    _add_probes(app, database, queue, metrics)
    app.include_router(pages)
    return app


def _add_webhook(app: FastAPI, receiver: Receiver, metrics: Metrics) -> None:
    @app.post("/webhooks/github")
    async def receive(request: Request) -> Response:
        began = time.perf_counter()
        try:
            body = await read_body(request)
            outcome = await to_thread.run_sync(receiver.handle, request.headers, body)
        except BadDelivery as error:
            outcome = Outcome(error.status, "refused", f"http_{error.status}", str(error))
        except ClientDisconnect:
            outcome = Outcome(400, "refused", "disconnected", "the connection ended before the body did")
        seconds = time.perf_counter() - began
        metrics.count(outcome.outcome, outcome.reason, seconds)
        say = log.error if outcome.status == 503 else log.info
        say(
            "delivery_" + outcome.outcome,
            guid=request.headers.get("x-github-delivery", "")[:100],
            kind=request.headers.get("x-github-event", "")[:60],
            reason=outcome.reason,
            detail=outcome.detail,
            seconds=round(seconds, 3),
        )
        content = {"outcome": outcome.outcome, "reason": outcome.reason}
        if outcome.detail:
            content["detail"] = outcome.detail
        return JSONResponse(content, status_code=outcome.status)


def _add_probes(app: FastAPI, database: Database, queue: Queue, metrics: Metrics) -> None:
    def readiness() -> tuple[int, dict[str, Any]]:
        try:
            database.beat("serve")
            jobs = queue.unfinished()
            seen = database.last_beat("work")
        except (DatabaseBusy, DatabaseError) as error:
            log.error("not_ready", reason=str(error))
            return 503, {"ready": False, "reason": type(error).__name__}
        ago = None if seen is None else round((datetime.now(UTC) - seen).total_seconds(), 1)
        return 200, {"ready": True, "jobs": jobs, "worker_seen_s_ago": ago}

    def text() -> str:
        try:
            jobs = queue.unfinished()
        except (DatabaseBusy, DatabaseError):
            jobs = {}
        return metrics.render(jobs)

    @app.get("/healthz")
    async def healthz() -> Response:
        return PlainTextResponse("ok\n")

    @app.get("/readyz")
    async def readyz() -> Response:
        status, content = await to_thread.run_sync(readiness)
        return JSONResponse(content, status_code=status)

    @app.get("/metrics")
    async def metrics_text() -> Response:
        return PlainTextResponse(await to_thread.run_sync(text))


async def read_body(request: Request) -> bytes:
    """The raw body, within the cap for its event, counted while it comes in. Raises BadDelivery(413)."""
    answered = request.headers.get("x-github-event") in ANSWERED
    cap = MOST_BYTES_ANSWERED if answered else MOST_BYTES
    said = request.headers.get("content-length", "")
    body = bytearray()
    if not said.isdecimal() or int(said[:20]) <= cap:
        async for chunk in request.stream():
            body += chunk
            if len(body) > cap:
                break
        else:
            return bytes(body)
    raise BadDelivery(f"the body is larger than {cap} bytes", status=413)
