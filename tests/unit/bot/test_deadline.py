"""A server that keeps a connection warm and never ends is not waited for without end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
import pytest

from bot.deadline import WholeTimeout
from bot.endpoint import Endpoint
from storage.errors import ModelUnavailable


class Trickle(BaseHTTPRequestHandler):
    """Answers at once on /quick; else a byte every 50 ms, for as long as somebody listens."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            while self.path != "/quick" and not self.server.over.is_set():  # type: ignore[attr-defined]
                self.wfile.write(b" ")
                self.wfile.flush()
                time.sleep(0.05)
            self.wfile.write(b'{"ok": true}')
        except OSError:
            self.server.left.set()  # type: ignore[attr-defined]

    do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    made = ThreadingHTTPServer(("127.0.0.1", 0), Trickle)
    made.over, made.left = threading.Event(), threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.over.set()  # type: ignore[attr-defined]
    made.shutdown()
    made.server_close()


def address(server: ThreadingHTTPServer, path: str) -> str:
    return f"http://127.0.0.1:{server.server_port}{path}"


def test_the_time_out_is_the_whole_answers(server: ThreadingHTTPServer) -> None:
    with WholeTimeout(trust_env=False, timeout=0.5) as client:
        with pytest.raises(httpx2.ReadTimeout):
            client.get(address(server, "/endless"))
        assert server.left.wait(30), "the connection is closed, so the server can stop its work"  # type: ignore[attr-defined]
        assert client.get(address(server, "/quick")).json() == {"ok": True}


def test_a_model_server_that_never_ends_is_tried_again_later(server: ThreadingHTTPServer) -> None:
    endpoint = Endpoint(address(server, "/v1"), "", 0.5, proxies=False)
    with pytest.raises(ModelUnavailable, match="took too long"):
        endpoint.chat({"model": "m", "messages": []})
    endpoint.close()
