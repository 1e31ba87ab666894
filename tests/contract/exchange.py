"""One request to the playground and its answer, as bytes; and who asked."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from webhooks.playground.api import PREFIX

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
        return self.path == "/api/graphql"

    @property
    def call(self) -> str:
        """The path below the API's root, which is that of a GitHub Enterprise Server."""
        return self.path.removeprefix(PREFIX)

    @property
    def name(self) -> str:
        query = f"?{self.query}" if self.query else ""
        return f"{self.method} {self.path}{query} → {self.status}"

    @property
    def key(self) -> str:
        """Equal for exchanges that differ in nothing that is looked at, rate limits and tokens aside."""
        kept = (self.by_bot, self.method, self.path, self.query, self.body, self.status, self.answer)
        names = (sorted(self.headers), sorted(self.answer_headers), self.answer_headers.get("link"))
        token = self.headers.get("authorization", "")[:12]
        return hashlib.sha256(repr((kept, names, token)).encode()).hexdigest()
