"""The load that receivers are measured with, against a small server of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from bot.bench import load

Respond = Callable[[int], Awaitable[bytes]]


def sent(respond: Respond, send: Callable[[int], Awaitable[load.Load]]) -> tuple[load.Load, list[bytes]]:
    """What came of a load that `send` sends to a port, and the bodies that arrived there."""
    bodies: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
                bodies.append(await reader.readexactly(length))
                writer.write(await respond(len(bodies)))
        except asyncio.IncompleteReadError:
            writer.close()
            await writer.wait_closed()

    async def both() -> load.Load:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            return await send(server.sockets[0].getsockname()[1])

    return asyncio.run(both()), bodies


def requests(count: int) -> list[bytes]:
    return [load.request("/hook", 1, "push", b'{"n":%d}' % n, "secret") for n in range(count)]


def said(status: str, body: bytes = b"{}") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status.encode(), len(body), body)


async def accepted(number: int) -> bytes:
    return said("202 Accepted") if number % 3 else said("503 Service Unavailable", b"")


def test_every_request_is_sent_once_and_every_status_counted() -> None:
    found, bodies = sent(accepted, lambda port: load.flood(port, requests(30), connections=4))
    assert sorted(bodies) == sorted(b'{"n":%d}' % n for n in range(30))
    assert found.statuses == {202: 20, 503: 10}
    assert len(found.acks_s) == 30
    assert found.rate == pytest.approx(30 / found.seconds)


def test_a_chunked_response_ends_where_it_ends() -> None:
    async def chunked(number: int) -> bytes:
        return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"

    found, _ = sent(chunked, lambda port: load.flood(port, requests(5), connections=1))
    assert found.statuses == {200: 5}


def test_a_receiver_that_stalls_is_charged_for_all_that_it_kept_waiting() -> None:
    async def stalled(number: int) -> bytes:
        await asyncio.sleep(0.3)
        return said("202 Accepted")

    found, bodies = sent(stalled, lambda port: load.steady(port, requests(20), per_second=200))
    assert len(bodies) == 20  # sent although none before was acknowledged
    assert min(found.acks_s) >= 0.3


def test_quantiles_are_of_the_acknowledgements() -> None:
    found = load.Load(acks_s=tuple(n / 100 for n in range(100)), seconds=2.0)
    assert found.quantile(0.5) == 0.5
    assert found.quantile(0.99) == 0.99
    assert found.quantile(1.0) == 0.99
    assert found.rate == 50.0
