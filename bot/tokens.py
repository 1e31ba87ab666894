"""How many tokens a text is: asked of the model server, or an upper estimate where it does not count.

Ways, tried once in this order: vLLM's and our /tokenize, llama.cpp's /tokenize, llama-cpp-python's
/extras/tokenize/count. Left out: tokenizers in this process: the bot knows no model's files.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import structlog

from storage.errors import ModelUnavailable
from storage.records import Message

log = structlog.get_logger()
PER_MESSAGE = 8  # tokens that a chat template puts around one message, at most, in the templates seen
_PIECES = re.compile(r" ?[A-Za-z]+|[0-9]|\n|[^\S\n]+|[^\w\s]|_|[^\x00-\x7f]", re.ASCII)


def estimate(text: str) -> int:
    """More tokens than the text has for byte-level BPEs of LLaMA-family models, as far as real texts show.

    Two letters a token; each digit, sign and byte beyond ASCII one; one space belongs to the word after it.
    """
    total = 0
    for piece in _PIECES.findall(text):
        letters = piece.lstrip(" ")
        if letters.isascii() and letters.isalpha():
            total += (len(letters) + 1) // 2
        else:
            total += len(piece.encode())
    return total


class Counter:
    """Counts by asking the server; remembers texts and what the server can do. Thread-safe."""

    def __init__(self, url: str, model: str, key: str, *, proxies: bool) -> None:
        parts = urlsplit(url)
        root = urlunsplit(parts._replace(path=parts.path.rstrip("/").removesuffix("/v1")))
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(base_url=root, headers=headers, timeout=20.0, trust_env=proxies)
        self._model = model
        self._way: str | None = None
        self.text = lru_cache(maxsize=8192)(self._text)

    def prompt(self, messages: Sequence[Message]) -> int:
        """Tokens of a conversation as the server's template renders it."""
        rendered = [{"role": each.role, "content": each.content} for each in messages]
        if self._known_way() == "vllm":
            return int(self._post("/tokenize", {"model": self._model, "messages": rendered})["count"])
        return sum(self.text(each.content) + PER_MESSAGE for each in messages) + PER_MESSAGE

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _text(self, text: str) -> int:
        way = self._known_way()
        return estimate(text) if way == "estimate" else self._by(way, text)

    def _by(self, way: str, text: str) -> int:
        if way == "vllm":
            return int(self._post("/tokenize", {"model": self._model, "prompt": text})["count"])
        if way == "llama.cpp":
            return len(self._post("/tokenize", {"content": text})["tokens"])
        return int(self._post("/extras/tokenize/count", {"input": text})["count"])

    def _known_way(self) -> str:
        """The way in which this server counts, found out once."""
        if self._way is None:
            for way in ("vllm", "llama.cpp", "llama-cpp-python"):
                try:
                    if self._by(way, "one two three four") > 0:
                        self._way = way
                        return way
                except (KeyError, TypeError, ValueError, httpx.HTTPStatusError):
                    continue
            self._way = "estimate"
            log.warning(
                "model_feature_missing", feature="tokenize", so="prompts are measured by an upper estimate"
            )
        return self._way

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        try:
            answer = self._http.post(path, json=body)
        except httpx.TransportError as error:
            raise ModelUnavailable("The policy server cannot be reached: is it running?") from error
        if answer.status_code in (408, 429) or (answer.status_code >= 500 and answer.status_code != 501):
            raise ModelUnavailable(f"The policy server is not able now ({answer.status_code}).")
        answer.raise_for_status()
        found = answer.json()
        return found if isinstance(found, dict) else {}
