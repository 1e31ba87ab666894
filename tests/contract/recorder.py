"""The middleware that every playground of the suite runs in: each exchange is written down, then judged.

Judged when the playground ends, so that no test waits for it, and equal exchanges once in a run. A request
of the bot's own must be one that GitHub takes as well formed; a test's may be wrong, but then the playground
must refuse it. Answers are judged whoever asked. Left out: answers of a server that a test breaks on purpose
(5xx, cut short), the playground's own pages, and playgrounds in a process of their own (`tests/e2e`).
"""

from __future__ import annotations

import threading
from itertools import chain

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.contract import overlay, queries, rest
from tests.contract.exchange import Exchange
from webhooks.playground.api import PREFIX

_JUDGED: set[str] = set()


class Recorder:
    """An ASGI application around another one. `exchanges` is what went through, equal ones once."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._lock = threading.Lock()
        self.exchanges: dict[str, Exchange] = {}
        self.seen = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on; write it down once the answer is out."""
        if scope["type"] != "http" or not scope["path"].startswith((f"{PREFIX}/", "/api/graphql")):
            await self._app(scope, receive, send)
            return
        heard, answered, head = [await receive()], bytearray(), {}
        while heard[-1].get("more_body"):
            heard.append(await receive())
        asked, waiting = b"".join(message.get("body", b"") for message in heard), iter(heard)

        async def hear() -> Message:
            return next(waiting, None) or await receive()

        async def say(message: Message) -> None:
            if message["type"] == "http.response.start":
                head.update(message)
            answered.extend(message.get("body", b""))
            await send(message)

        await self._app(scope, hear, say)
        if head:
            self._keep(scope, asked, head, bytes(answered))

    def _keep(self, scope: Scope, asked: bytes, head: Message, answered: bytes) -> None:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in head["headers"]}
        made = Exchange(
            method=scope["method"],
            path=scope["raw_path"].decode("latin-1").partition("?")[0],
            query=scope["query_string"].decode("latin-1"),
            headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
            body=asked,
            status=head["status"],
            answer_headers=headers,
            answer=answered,
            whole=len(answered) == int(headers.get("content-length", len(answered))),
        )
        with self._lock:
            self.seen += 1
            if made.key not in _JUDGED:
                self.exchanges.setdefault(made.key, made)

    def judge(self) -> None:
        """Raise AssertionError that lists every difference from GitHub's contract."""
        found = []
        for key, exchange in self.exchanges.items():
            if differences := list(differences_of(exchange)):
                found += [f"{exchange.name}: {one}" for one in differences]
            else:
                _JUDGED.add(key)
        assert not found, "\n".join(["Not as GitHub has it:", *found])


def differences_of(exchange: Exchange) -> list[str]:
    """What in one exchange is not as GitHub has it."""
    at_fault = exchange.by_bot or 200 <= exchange.status < 300
    kind = queries if exchange.is_graphql else rest
    asked = list(chain(overlay.request_differences(exchange), kind.request_differences(exchange)))
    if asked and exchange.is_graphql and exchange.status == 200 and b'"errors"' in exchange.answer:
        at_fault = exchange.by_bot  # GraphQL refuses with 200
    found = [f"the request: {one}" for one in asked] if at_fault else []
    if exchange.whole:
        answered = chain(overlay.answer_differences(exchange), kind.answer_differences(exchange))
        found += [f"the answer: {one}" for one in answered]
    return found
