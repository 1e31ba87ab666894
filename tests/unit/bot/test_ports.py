"""A port that is to be listened on is there when its server begins."""

import socket
import sys

import pytest

from bot.ports import free_port, free_ports

LOCAL_PORT_RANGE = 51
"""IP_LOCAL_PORT_RANGE of linux/in.h (Linux 6.3): between which ports a connection finds its own end."""


def only(port: int) -> bytes:
    return (port << 16 | port).to_bytes(4, sys.byteorder)


def test_no_connection_is_given_a_port_that_a_server_is_about_to_take() -> None:
    with socket.create_server(("127.0.0.1", 0)) as somebody, socket.socket() as connecting:
        port = free_port()
        try:
            connecting.setsockopt(socket.IPPROTO_IP, LOCAL_PORT_RANGE, only(port))
        except OSError:
            pytest.skip("this kernel lets nobody say which port a connection gets")
        with pytest.raises(OSError, match="assign requested address"):
            connecting.connect(somebody.getsockname())
        with socket.create_server(("127.0.0.1", port)):
            pass


def test_many_ports_are_each_another_one() -> None:
    ports = free_ports(50)
    assert len(set(ports)) == 50
    for port in ports:
        with socket.create_server(("127.0.0.1", port)):
            pass
