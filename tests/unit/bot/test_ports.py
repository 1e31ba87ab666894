from __future__ import annotations

import socket

import pytest

from bot import ports


def test_ports_are_each_another_one_and_none_that_a_connection_takes_meanwhile() -> None:
    found = ports.free_ports(30)
    assert len(set(found)) == 30 and set(found) <= set(ports.RANGE)


def test_a_port_that_somebody_has_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        monkeypatch.setattr(ports, "RANGE", range(port, port + 1))
        assert ports.free_port() not in (0, port)
