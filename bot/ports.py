"""Ports of this machine for servers that begin in a moment. Left out: other addresses than loopback's."""

from __future__ import annotations

import socket
from contextlib import ExitStack


def free_port() -> int:
    """A port of loopback that nobody listens on, and that nobody is given for a minute."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """So many of them, each another one.

    A port that was merely seen free may be some connection's own end before a server has begun. So one
    connection is made to each and closed from our side: while Linux remembers it (TIME_WAIT, 60 s), it hands
    the port to nobody who did not name it, and a server that names it, with SO_REUSEADDR as all of ours do,
    may have it.
    """
    with ExitStack() as stack:
        return [_reserved(stack.enter_context(socket.socket())) for _ in range(count)]


def _reserved(listening: socket.socket) -> int:
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", 0))
    listening.listen(1)
    address = listening.getsockname()
    with socket.create_connection(address):
        listening.accept()[0].close()
    return int(address[1])
