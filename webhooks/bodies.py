"""The raw body of a delivery, read within a cap and a deadline: beyond either it is refused.

One timer watches over all that is being read: one each would cost more than reading a body that is here.
Left out: what the bytes mean (`webhooks/delivery.py`). Run: `pytest tests/integration/test_receiver.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from starlette.types import Receive

from storage.errors import BadDelivery
from webhooks.route import ANSWERED

MOST_BYTES = 25 * 2**20
"""GitHub sends no larger payloads."""

MOST_BYTES_ANSWERED = 2 * 2**20
"""A comment has at most 65,536 characters; the rest of its payload is a few hundred fields."""

DEADLINE_S = 10.0
"""As long as GitHub waits for an answer: a body that is not here by then has no sender any more."""

TOO_SLOW = 408


class Bodies:
    """Reads bodies side by side, in one event loop."""

    def __init__(self, deadline_s: float = DEADLINE_S) -> None:
        self._deadline_s = deadline_s
        self._began: dict[asyncio.Task[Any], float] = {}
        """Who reads, and since when: the longest first."""
        self._late: set[asyncio.Task[Any]] = set()
        self._watched = False

    async def read(self, headers: Mapping[str, str], receive: Receive) -> bytes:
        """A body, as `read_body` has it. Raises BadDelivery 408, too, for one that is not here in time."""
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None
        self._began[task] = began = loop.time()
        if not self._watched:
            self._watched = True
            loop.call_at(began + self._deadline_s, self._watch, loop)
        try:
            return await read_body(headers, receive)
        except asyncio.CancelledError:
            if task not in self._late or task.uncancel():
                raise
            said = f"the body was not here within {self._deadline_s:g} seconds"
            raise BadDelivery(said, status=TOO_SLOW) from None
        finally:
            del self._began[task]
            self._late.discard(task)

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """End what is late, and come again when the next one would be."""
        for task, began in self._began.items():
            if began + self._deadline_s > loop.time():
                loop.call_at(began + self._deadline_s, self._watch, loop)
                return
            if task not in self._late:
                self._late.add(task)
                task.cancel()
        self._watched = False


async def read_body(headers: Mapping[str, str], receive: Receive) -> bytes:
    """The raw body, within the cap for its event, counted while it comes in.

    Raises BadDelivery: 413 beyond the cap, 400 where the connection ends before the body.
    """
    cap = MOST_BYTES_ANSWERED if headers.get("x-github-event") in ANSWERED else MOST_BYTES
    said = headers.get("content-length", "")
    body = bytearray()
    more = not said.isdecimal() or int(said[:20]) <= cap
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BadDelivery("the connection ended before the body did", status=400)
        body += message.get("body", b"")
        if len(body) > cap:
            break
        if not message.get("more_body", False):
            return bytes(body)
    raise BadDelivery(f"the body is larger than {cap} bytes", status=413)
