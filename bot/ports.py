"""Ports of this machine that nobody listens on. Left out: holding one, which only its user can."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack, suppress

RANGE = range(20_000, 32_000)
"""None of them is taken by a connection that begins meanwhile: Linux takes those from 32,768 on."""

_dice = random.SystemRandom()
"""Processes side by side choose differently, whatever they seeded."""


def free_port() -> int:
    """A port of loopback that nobody listens on just now."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """So many of them, each another one."""
    with ExitStack() as stack:
        return [_bound(stack.enter_context(socket.socket())) for _ in range(count)]


def _bound(probe: socket.socket) -> int:
    """The port that a socket could take; any that the system has, where those of `RANGE` are taken."""
    for port in [*_dice.sample(RANGE, min(50, len(RANGE))), 0]:
        with suppress(OSError):
            probe.bind(("127.0.0.1", port))
            break
    return int(probe.getsockname()[1])
