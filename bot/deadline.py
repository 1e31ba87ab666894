"""An HTTP client for which a time-out is the time of the whole request, not of each read.

httpx2, which openai uses, begins its read time-out anew with every byte, so a server that hangs while it
keeps a connection warm is waited for without end. Left out: streaming, which nothing here does, and an answer
whose head comes byte by byte. Run: `pytest tests/unit/bot/test_deadline.py`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx2
import openai


class WholeTimeout(openai.DefaultHttpxClient):
    """openai's client; its read time-out caps the whole answer too. Raises httpx2.ReadTimeout."""

    def send(self, request: httpx2.Request, *, stream: bool = False, **how: Any) -> httpx2.Response:
        """Send a request and read its answer within the request's read time-out."""
        allowed_s = request.extensions.get("timeout", {}).get("read")
        until = None if allowed_s is None else time.monotonic() + allowed_s
        response = super().send(request, stream=True, **how)
        if until is not None and isinstance(response.stream, httpx2.SyncByteStream):
            response.stream = _Until(response.stream, until, request)
        if not stream:
            try:
                response.read()
            except BaseException:
                response.close()
                raise
        return response


class _Until(httpx2.SyncByteStream):
    def __init__(self, stream: httpx2.SyncByteStream, until: float, request: httpx2.Request) -> None:
        self._stream, self._until, self._request = stream, until, request

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._stream:
            yield chunk
            if time.monotonic() > self._until:
                raise httpx2.ReadTimeout("the whole answer took too long", request=self._request)

    def close(self) -> None:
        self._stream.close()
