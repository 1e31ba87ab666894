"""A model server that says what it is told: OpenAI's protocol on loopback, without a network.

They are about everything around the model. What a real model writes is tested against real servers.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class ScriptedModel:
    """`text` is what every candidate says, after `seconds`, or what `write` makes of a request.

    While `hold` is clear, generations wait. `asked` counts them.
    """

    url: str = ""
    text: str = "Run the tests with make test; they take about two minutes on a laptop."
    hold: threading.Event = field(default_factory=threading.Event)
    asked: int = 0
    seconds: float = 0.0
    write: Callable[[dict[str, Any]], str] | None = None

    def complete(self, request: dict[str, Any]) -> dict[str, Any]:
        """What the server answers to a chat completion."""
        self.asked += 1
        time.sleep(self.seconds)
        self.hold.wait(60)
        text = self.text if self.write is None else self.write(request)
        choice = {"finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        return {
            "id": "x",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": request["model"],
            "choices": [{**choice, "index": index} for index in range(request.get("n", 1))],
            "usage": {"prompt_tokens": 10, "completion_tokens": 12, "total_tokens": 22},
        }


@contextmanager
def scripted_model() -> Iterator[ScriptedModel]:
    """Serve a stand-in until the block ends; it answers at once unless `hold` is cleared."""
    stand_in = ScriptedModel()
    stand_in.hold.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            sent = self.rfile.read(size)
            if len(sent) < size:  # the asker was killed while it asked
                return
            body = json.loads(sent)
            if self.path == "/v1/chat/completions":
                self._say(200, stand_in.complete(body))
            else:
                self._say(404, {"error": {"message": "not here"}})

        def do_GET(self) -> None:
            models = [{"id": "policy", "object": "model", "created": 0, "owned_by": "tests"}]
            self._say(200, {"object": "list", "data": models})

        def _say(self, status: int, content: dict[str, Any]) -> None:
            body = json.dumps(content).encode()
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:  # the asker was killed meanwhile
                self.close_connection = True

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    stand_in.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield stand_in
    finally:
        stand_in.hold.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
