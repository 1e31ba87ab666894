"""What receives deliveries: each is made durable before it is acknowledged, or it is not acknowledged.

202 is answered after the commit of the delivery together with its job, never before. When the database cannot
take it the answer is 503, which GitHub shows as failed and can redeliver. Most of what GitHub sends asks for
nothing: that is answered in the event loop and by ASGI itself, for a framework costs more than the rest.
Left out: reading a body within its bounds (`webhooks/bodies.py`), what a delivery asks for
(`webhooks/route.py`). Measure: `thumbprint bench receiver`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from anyio import to_thread
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.intake import Taken, take, turn_to
from bot.lifecycle import EVENTS, Turn
from bot.queue import Job, Queue
from bot.settings import Settings
from bot.trigger import ANY, Asks
from storage.database import Database
from storage.errors import BadDelivery, DatabaseBusy, DatabaseError, DatabaseFull
from storage.records import AnswerStatus, Delivery
from webhooks.bodies import DEADLINE_S, TOO_SLOW, Bodies
from webhooks.delivery import Secrets, signature_in, verify
from webhooks.metrics import Metrics
from webhooks.pushes import Changed
from webhooks.route import ANSWERED, App, Ignored, Known, moved_from, route
from webhooks.sightings import Sightings

PATH = "/webhooks/github"

READ = frozenset({*ANSWERED, *EVENTS})
"""Events whose payload is read: all others ask for nothing, whatever they say."""

AT_ONCE = 64 * 2**10
"""Bytes up to which a body is verified and read in the event loop: well under a millisecond."""

KNOWN_FOR = timedelta(hours=1)
"""How long a row about what asks is believed where no push said that it changed."""

CAME_ALONG = (AnswerStatus.INTENT, AnswerStatus.POSTED, AnswerStatus.DELETED)
"""An answer that a moved issue brought along, or that a person deleted before."""

FULL_S = 10.0
"""So long after the database had no room for a delivery this is no place to send the next one to."""

OVER = "the former webhook secret is accepted no more: unset THUMBPRINT_WEBHOOK_SECRET_OLD and its _UNTIL"

log = structlog.get_logger()


@dataclass(frozen=True)
class Outcome:
    """What became of a delivery: the HTTP status, one word for the log, and why."""

    status: int
    outcome: str
    reason: str = ""
    detail: str = ""

    @property
    def said(self) -> dict[str, str]:
        """What the sender is told."""
        told = {"outcome": self.outcome, "reason": self.reason}
        return {**told, "detail": self.detail} if self.detail else told


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
        self._full_at = -float("inf")
        self.sightings = Sightings(database)

    @property
    def full(self) -> bool:
        """Whether the database had no room for a delivery just now: a smaller write may find some still."""
        return time.monotonic() - self._full_at < FULL_S

    def handle(self, headers: Mapping[str, str], body: bytes) -> Outcome:
        """Verify, route and keep one delivery. Raises nothing that a delivery or the database can cause."""
        found = self.examine(headers, body)
        return found if isinstance(found, Outcome) else self.accept(*found)

    def examine(
        self, headers: Mapping[str, str], body: bytes
    ) -> Outcome | tuple[Delivery, Job | Turn | Changed]:
        """What becomes of a delivery that is refused or ignored, else what has to be kept of it.

        Waits for nothing: a post that might ask somewhere is left to `accept`, which knows what asks there,
        and so is a long one, whose Markdown may take half a second.
        """
        now = datetime.now(UTC)
        try:
            delivery = verify(headers, body, self._secrets.at(now), now, read=READ)
            found = route(delivery, self._app, lambda repository_id: Known(ANY, in_no_time=True))
        except BadDelivery as error:
            return Outcome(error.status, "refused", f"http_{error.status}", str(error))
        if isinstance(found, Ignored):
            return self._ignored(delivery, found)
        return delivery, found

    def accept(self, delivery: Delivery, found: Job | Turn | Changed) -> Outcome:
        """Keep a delivery and what it asks for, and say what became of it. Waits for the database."""
        try:
            if isinstance(found, Changed):
                self._change(found)
                return Outcome(202, "accepted", "configuration")
            if isinstance(found, Turn):
                return self._taken(
                    delivery, turn_to(self._database, self._queue, delivery, found), "standing"
                )
            here = route(delivery, self._app, self._known) if found.question else found
            if not isinstance(here, Job):
                return self._ignored(delivery, Ignored("no_question"))
            if (before := moved_from(delivery)) and self._answered(*before):
                return self._ignored(delivery, Ignored("moved"))
            return self._taken(delivery, take(self._database, self._queue, delivery, here), here.name.value)
        except (DatabaseBusy, DatabaseError) as error:
            if isinstance(error, DatabaseFull):
                self._full_at = time.monotonic()
            return Outcome(503, "failed", type(error).__name__, str(error))

    def _ignored(self, delivery: Delivery, why: Ignored) -> Outcome:
        if delivery.event in READ:
            self.sightings.note(delivery.guid)
        return Outcome(202, "ignored", why.reason)

    def _taken(self, delivery: Delivery, taken: Taken, name: str) -> Outcome:
        """Where the repository is closed nothing is noted: it is sent again, and may be open by then."""
        if taken in (Taken.DUPLICATE, Taken.FORGOTTEN, Taken.NO_ANSWER):
            self.sightings.note(delivery.guid)
        if taken in (Taken.ACCEPTED, Taken.DUPLICATE):
            return Outcome(202, taken.value, name)
        return Outcome(202, "ignored", taken.value)

    def _answered(self, repository_id: int, number: int) -> bool:
        """Whether a thread has, or had, an answer of ours; one that still waits will not get it there."""
        with self._database.unit(read_only=True) as unit:
            return any(one.status in CAME_ALONG for one in unit.answers.asked_in(repository_id, number))

    def _known(self, repository_id: int) -> Known:
        """What asks in a repository, by its row; not fresh without one, after a change, or after a while."""
        with self._database.unit(read_only=True) as unit:
            row = unit.configurations.get(repository_id)
        if row is None:
            return Known(fresh=False)
        fresh = row.as_of is not None and datetime.now(UTC) - row.as_of < KNOWN_FOR
        return Known(Asks(words=row.words, mention=row.mention), fresh)

    def _change(self, changed: Changed) -> None:
        """Have the files read anew that a push touched; twice is once."""
        with self._database.unit() as unit:
            if changed.defaults:
                unit.configurations.defaults_changed(changed.repository.installation_id)
            if changed.own:
                unit.configurations.changed(changed.repository.id)
            unit.commit()


class Webhook:
    """ASGI middleware that answers POST `PATH` and hands everything else on.

    What waits for the database, or is too large to be read in no time, goes to a thread. Of a request that
    holds no signature no body is read.
    """

    def __init__(
        self, app: ASGIApp, receiver: Receiver, metrics: Metrics, deadline_s: float = DEADLINE_S
    ) -> None:
        self._app, self._receiver, self._metrics = app, receiver, metrics
        self._bodies = Bodies(deadline_s)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one delivery, or let the app answer."""
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            signature_in(headers.get("x-hub-signature-256"))
            outcome = await self._outcome(headers, await self._bodies.read(headers, receive))
        except BadDelivery as error:
            outcome = Outcome(error.status, "refused", f"http_{error.status}", str(error))
        self._tell(headers, outcome, time.perf_counter() - began)
        content = json.dumps(outcome.said).encode()
        about = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
        if outcome.status == TOO_SLOW:
            about.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": outcome.status, "headers": about})
        await send({"type": "http.response.body", "body": content})

    async def _outcome(self, headers: Mapping[str, str], body: bytes) -> Outcome:
        if len(body) > AT_ONCE:
            return await to_thread.run_sync(self._receiver.handle, headers, body)
        found = self._receiver.examine(headers, body)
        if isinstance(found, Outcome):
            return found
        return await to_thread.run_sync(self._receiver.accept, *found)

    def _tell(self, headers: Mapping[str, str], outcome: Outcome, seconds: float) -> None:
        """One line for the log: from level info on of what was kept, failed or refused.

        What was ignored is counted with its reason, and GitHub shows our answer beside the delivery.
        """
        self._metrics.count(outcome.outcome, outcome.reason, seconds)
        say = {"ignored": log.debug, "failed": log.error}.get(outcome.outcome, log.info)
        say(
            "delivery_" + outcome.outcome,
            guid=headers.get("x-github-delivery", "")[:100],
            kind=headers.get("x-github-event", "")[:60],
            reason=outcome.reason,
            detail=outcome.detail,
            seconds=round(seconds, 3),
        )
