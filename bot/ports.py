"""Ports of this machine that nobody listens on. Left out: holding one, which only its user can."""

from __future__ import annotations

import socket
from contextlib import ExitStack


def free_port() -> int:
    """A port of loopback that nobody listens on just now."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """So many of them, each another one."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
