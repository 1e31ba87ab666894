"""Signed deliveries sent to a receiver over HTTP/1.1: as fast as it takes them, or so many a second.

Requests are bytes made beforehand and sent over connections that are kept open, so that the sender costs a
small part of what any receiver does. Left out: what is sent and to whom (`receiver.py`).
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

LONGEST_S = 30.0
"""How long one acknowledgement is waited for."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """What came of a load: seconds of each acknowledgement, statuses by how often, seconds of it all."""

    acks_s: tuple[float, ...]
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Acknowledged deliveries a second."""
        return len(self.acks_s) / self.seconds if self.seconds else 0.0

    def quantile(self, share: float) -> float:
        """Seconds within which this share of the deliveries was acknowledged."""
        ordered = sorted(self.acks_s)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def request(path: str, port: int, event: str, body: bytes, secret: str) -> bytes:
    """One delivery as GitHub sends it, with a GUID of its own."""
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: GitHub-Hookshot/bench\r\n"
        f"Accept: */*\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"X-GitHub-Delivery: {uuid.uuid4()}\r\nX-GitHub-Event: {event}\r\n"
        f"X-Hub-Signature-256: sha256={signature}\r\n\r\n"
    )
    return head.encode() + body


async def flood(port: int, requests: Sequence[bytes], connections: int) -> Load:
    """Send all requests over so many connections, each as soon as the one before is acknowledged."""
    waiting = iter(requests)
    acks: list[float] = []
    statuses: Counter[int] = Counter()

    async def sender() -> None:
        connection = await _Connection.open(port)
        try:
            for one in waiting:
                began = time.perf_counter()
                statuses[await connection.send(one)] += 1
                acks.append(time.perf_counter() - began)
        finally:
            await connection.close()

    began = time.perf_counter()
    await asyncio.gather(*(sender() for _ in range(connections)))
    return Load(acks_s=tuple(acks), statuses=statuses, seconds=time.perf_counter() - began)


async def steady(port: int, requests: Sequence[bytes], per_second: float) -> Load:
    """Send one request every 1/`per_second` s, whether those before are acknowledged or not.

    A delivery's seconds count from when it was due, so that a receiver that stalls is charged for all that
    it kept waiting.
    """
    idle: list[_Connection] = []
    acks: list[float] = []
    statuses: Counter[int] = Counter()
    start = time.perf_counter() + 0.1

    async def connected() -> _Connection:
        """A kept connection, the last used first, or a new one: a receiver closes those long idle."""
        while idle:
            one = idle.pop()
            if not one.is_closed:
                return one
            await one.close()
        return await _Connection.open(port)

    async def send(one: bytes, due: float) -> None:
        await asyncio.sleep(due - time.perf_counter())
        connection = await connected()
        statuses[await connection.send(one)] += 1
        acks.append(time.perf_counter() - due)
        idle.append(connection)

    await asyncio.gather(*(send(one, start + at / per_second) for at, one in enumerate(requests)))
    seconds = time.perf_counter() - start
    for connection in idle:
        await connection.close()
    return Load(acks_s=tuple(acks), statuses=statuses, seconds=seconds)


class _Connection:
    """One kept-alive connection that knows of a response what is needed: its status, and where it ends."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> _Connection:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    @property
    def is_closed(self) -> bool:
        """Whether the other side has closed it."""
        return self._reader.at_eof()

    async def send(self, data: bytes) -> int:
        self._writer.write(data)
        async with asyncio.timeout(LONGEST_S):
            head = await self._reader.readuntil(b"\r\n\r\n")
            lines = head.lower().split(b"\r\n")
            lengths = [line.partition(b":")[2] for line in lines if line.startswith(b"content-length:")]
            if lengths:
                await self._reader.readexactly(int(lengths[0]))
            elif b"transfer-encoding: chunked" in lines:
                await self._reader.readuntil(b"0\r\n\r\n")
        return int(lines[0].split()[1])

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()
