"""For every integration test: the machine's own PostgreSQL, started by the first that asks for it."""

from __future__ import annotations

from tests.integration.postgres_server import server, url

__all__ = ["server", "url"]
