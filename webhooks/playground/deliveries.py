"""Sends what waits in the state's outbox to the app: signed, in order, one at a time.

An attempt that fails is kept and never retried by itself; a person or the app redelivers it.
Source: https://docs.github.com/en/webhooks. Left out: sending to more than one webhook.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
import time

import httpx
import structlog

from webhooks.playground.state import State
from webhooks.playground.things import Delivery

TIMEOUT_S = 10.0
KEPT_RESPONSE = 10_000
log = structlog.get_logger()


def sign(secret: str, body: bytes) -> str:
    """`X-Hub-Signature-256`: HMAC-SHA256 over the raw bytes, in hex."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class Deliverer:
    """A background thread. `app_url` is the app's root; deliveries go to its `/webhooks/github`."""

    def __init__(self, state: State, app_url: str, timeout_s: float = TIMEOUT_S) -> None:
        self._state, self._url = state, f"{app_url.rstrip('/')}/webhooks/github"
        self._timeout_s = timeout_s
        self._stopped = False
        self._thread = threading.Thread(target=self._work, name="playground-deliveries", daemon=True)

    def start(self) -> None:
        """Begin with whatever was left pending by the last run."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the attempt under way, then end."""
        with self._state.outbox:
            self._stopped = True
            self._state.outbox.notify_all()
        self._thread.join(self._timeout_s + 1)

    def _work(self) -> None:
        with httpx.Client(timeout=self._timeout_s, trust_env=False) as client:
            while (delivery := self._next()) is not None:
                self.attempt(client, delivery)

    def _next(self) -> Delivery | None:
        with self._state.outbox:
            while not self._stopped:
                if waiting := self._state.pending():
                    return waiting[0]
                self._state.outbox.wait()
        return None

    def attempt(self, client: httpx.Client, delivery: Delivery) -> None:
        """Send one delivery, and keep what came of it."""
        state = self._state
        body = delivery.body.encode()
        headers = self._headers(delivery, body)
        if state.misbehaviour.take("withhold") is not None:
            self.finish(delivery, headers, status="failed to connect to host")
            return
        twice = state.misbehaviour.take("duplicate") is not None
        started = time.monotonic()
        try:
            for _ in range(2 if twice else 1):
                answer = client.post(state.hook_url or self._url, content=body, headers=headers)
        except httpx.TimeoutException:
            self.finish(delivery, headers, "timed out", seconds=time.monotonic() - started)
        except httpx.HTTPError as error:
            self.finish(delivery, headers, "failed to connect to host", response=str(error))
        else:
            phrase = "OK" if answer.is_success else answer.reason_phrase or "Invalid HTTP Response"
            self.finish(
                delivery,
                headers,
                phrase,
                code=answer.status_code,
                seconds=time.monotonic() - started,
                response=answer.text[:KEPT_RESPONSE],
                response_headers=dict(answer.headers),
            )

    def _headers(self, delivery: Delivery, body: bytes) -> dict[str, str]:
        credentials = self._state.credentials
        return {
            "Accept": "*/*",
            "Content-Type": "application/json",
            "User-Agent": "GitHub-Hookshot/p1ay9nd",
            "X-GitHub-Delivery": delivery.guid,
            "X-GitHub-Event": delivery.event,
            "X-GitHub-Hook-ID": credentials.app_id,
            "X-GitHub-Hook-Installation-Target-ID": credentials.app_id,
            "X-GitHub-Hook-Installation-Target-Type": "integration",
            "X-Hub-Signature-256": sign(credentials.webhook_secret, body),
        }

    def finish(
        self,
        delivery: Delivery,
        headers: dict[str, str],
        status: str,
        code: int = 0,
        seconds: float = 0.0,
        response: str = "",
        response_headers: dict[str, str] | None = None,
    ) -> None:
        """Keep how an attempt ended: GitHub's word, the HTTP status (0: none came), and what was said."""
        with self._state.change():
            delivery.status, delivery.status_code, delivery.seconds = status, code, seconds
            delivery.sent_at = self._state.clock()
            delivery.request_headers, delivery.response_body = headers, response
            delivery.response_headers = response_headers or {}
            self._state.save_delivery(delivery)
        log.info("delivery_sent", guid=delivery.guid, delivery_event=delivery.event, status=status, code=code)
