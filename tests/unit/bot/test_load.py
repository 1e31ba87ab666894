"""The benchmark's sender."""

from __future__ import annotations

import asyncio

from bot.bench import load


def test_a_connection_that_the_receiver_closed_while_it_was_idle_is_opened_anew() -> None:
    opened = 0

    async def closes_soon(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async def sent() -> load.Load:
        async with await asyncio.start_server(closes_soon, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            requests = [load.request("/", port, "push", b"", "secret") for _ in range(4)]
            return await load.steady(port, requests, per_second=20)

    assert asyncio.run(sent()).statuses == {202: 4}
    assert opened == 4
