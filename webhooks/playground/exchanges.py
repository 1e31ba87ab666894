"""Each request to the playground's API and its answer, as bytes, for whoever wants to look at them.

Where a file `exchanges.jsonl` lies in the playground's folder when it starts, each is written there, one a
line, equal ones once: `touch var/playground/exchanges.jsonl`. It holds the playground's own tokens. So the
tests keep every request to a playground and hold it against GitHub's contract. Left out: the pages, and
reading the file.

    pytest tests/integration/test_playground.py -k exchanges
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from webhooks.playground.api import PREFIX

FILE = "exchanges.jsonl"

BOT = "thumbprint"
"""How the bot names itself in `User-Agent`; the tests' own clients have other names."""


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """Header names in lower case. `path` as it was sent, still quoted, and `query` without its `?`."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    status: int
    answer_headers: dict[str, str]
    answer: bytes
    whole: bool = True

    @property
    def by_bot(self) -> bool:
        """Whether the bot asked: it may not ask for what GitHub would refuse as malformed."""
        return self.headers.get("user-agent") == BOT

    @property
    def is_graphql(self) -> bool:
        """Whether it is the one call that is none of REST's."""
        return self.path == "/api/graphql"

    @property
    def call(self) -> str:
        """The path below the API's root, which is that of a GitHub Enterprise Server."""
        return self.path.removeprefix(PREFIX)

    @property
    def name(self) -> str:
        """For people."""
        query = f"?{self.query}" if self.query else ""
        return f"{self.method} {self.path}{query} → {self.status}"

    @property
    def key(self) -> str:
        """Equal for exchanges that differ in nothing that is looked at, rate limits and tokens aside."""
        kept = (self.by_bot, self.method, self.path, self.query, self.body, self.status, self.answer)
        names = (sorted(self.headers), sorted(self.answer_headers), self.answer_headers.get("link"))
        token = self.headers.get("authorization", "")[:12]
        return hashlib.sha256(repr((kept, names, token)).encode()).hexdigest()

    def line(self) -> str:
        """It as a line of JSON: bytes as text of as many characters (Latin-1)."""
        plain = {k: v.decode("latin-1") if isinstance(v, bytes) else v for k, v in asdict(self).items()}
        return json.dumps(plain) + "\n"

    @classmethod
    def of(cls, line: str) -> Exchange:
        """What `line` wrote."""
        plain: dict[str, Any] = json.loads(line)
        return cls(**plain | {name: plain[name].encode("latin-1") for name in ("body", "answer")})


class Recorder:
    """An ASGI application around another one; `keep` is called with each exchange, equal ones once."""

    def __init__(self, app: ASGIApp, keep: Callable[[Exchange], object]) -> None:
        self._app, self._keep = app, keep
        self._lock = threading.Lock()
        self._known: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on; write it down once the answer is out."""
        if scope["type"] != "http" or not scope["path"].startswith((f"{PREFIX}/", "/api/graphql")):
            await self._app(scope, receive, send)
            return
        head: Message = {}
        heard, answered = [await receive()], bytearray()
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
            self._write_down(scope, asked, head, bytes(answered))

    def _write_down(self, scope: Scope, asked: bytes, head: Message, answered: bytes) -> None:
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
            if made.key not in self._known:
                self._known.add(made.key)
                self._keep(made)


def kept_in(home: Path) -> Callable[[Exchange], object] | None:
    """What writes an exchange to the file in `home`; None where there is none."""
    file = home / FILE
    if not file.is_file():
        return None

    def keep(exchange: Exchange) -> None:
        with file.open("a", encoding="ascii") as stream:
            stream.write(exchange.line())

    return keep
