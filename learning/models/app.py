"""The model server's HTTP calls: OpenAI's and vLLM's, over an engine.

Left out: streaming, users, TLS; the process around it (`server.py`), the shapes (`protocol.py`).
"""

from __future__ import annotations

import asyncio
import base64
import struct
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse

from learning.models import protocol
from learning.models.engine import Engine
from learning.models.hub import resolve
from storage.errors import ModelError, ModelRequestError, ModelUnavailable, ThumbprintError

T = TypeVar("T")
DEFAULT_TOKENS = 256
MOST_TEXTS = 2048


def create_app(engine: Engine, cache: Path) -> FastAPI:
    """The HTTP application over an engine. Errors have OpenAI's shape."""
    app = FastAPI(title="thumbprint model", docs_url=None, redoc_url=None, openapi_url=None)

    @app.post("/v1/chat/completions")
    async def chat(request: Request, asked: protocol.ChatRequest) -> Any:
        """Candidates for a conversation."""
        if asked.stream:
            raise ModelRequestError("This server does not stream: leave out `stream`.")
        policy = engine.policy(asked.model)
        try:
            prompt = policy.tokens.chat([each.model_dump() for each in asked.messages])
            options = asked.options(DEFAULT_TOKENS)
        except ValueError as error:
            raise ModelRequestError(f"Bad request: {error}.") from error
        if len(prompt) >= policy.context:
            longest = f"This model's maximum context length is {policy.context} tokens"
            raise ModelRequestError(f"{longest}, but the prompt has {len(prompt)}.")
        cancelled = threading.Event()
        written = await _answered(
            engine.generate(asked.model, prompt, options, cancelled), request, cancelled
        )
        return protocol.completion(asked.model, len(prompt), written, policy.tokens, bool(asked.logprobs))

    @app.post("/v1/embeddings")
    async def embeddings(request: Request, asked: protocol.EmbeddingRequest) -> Any:
        """Vectors of unit length."""
        texts = [asked.input] if isinstance(asked.input, str) else asked.input
        if not texts or len(texts) > MOST_TEXTS:
            raise ModelRequestError(f"`input` holds {len(texts)} texts; 1 to {MOST_TEXTS} are possible.")
        cancelled = threading.Event()
        vectors = await _answered(engine.embed(texts, cancelled), request, cancelled)
        assert engine.encoder is not None
        packed: list[Any] = list(vectors)
        if asked.encoding_format == "base64":
            packed = [base64.b64encode(struct.pack(f"<{len(each)}f", *each)).decode() for each in vectors]
        return protocol.embeddings(asked.model, packed, engine.encoder.tokens(texts))

    _add_small_calls(app, engine, cache)
    _add_error_shapes(app)
    return app


def _add_small_calls(app: FastAPI, engine: Engine, cache: Path) -> None:
    """Models, adapters, tokens, health."""

    @app.get("/v1/models")
    def models() -> Any:
        """What is served, and what it can do."""
        able = {"n": True, "seed": True, "logprobs": True, "phrase_bias": True, "threads": engine.threads}
        longest = engine.policy(engine.name).context
        data = [
            protocol.model_entry(engine.name, root=engine.name, parent=None, features=able, longest=longest)
        ]
        for name, folder in list(engine.adapters.items()):  # one may be loaded meanwhile
            data.append(
                protocol.model_entry(
                    name, root=str(folder), parent=engine.name, features=able, longest=longest
                )
            )
        if engine.encoder is not None:
            able = {"embeddings": True}
            data.append(
                protocol.model_entry(
                    "encoder", root="encoder", parent=None, features=able, longest=engine.encoder.longest
                )
            )
        return {"object": "list", "data": data}

    @app.post("/v1/load_lora_adapter")
    def load(asked: protocol.LoadAdapter) -> PlainTextResponse:
        """Merge and quantise an adapter beside the running policy."""
        engine.load_adapter(asked.lora_name, resolve(asked.lora_path, "adapter", cache))
        return PlainTextResponse(f"Success: LoRA adapter '{asked.lora_name}' added successfully.")

    @app.post("/v1/unload_lora_adapter")
    def unload(asked: protocol.UnloadAdapter) -> PlainTextResponse:
        """Let an adapter go."""
        engine.unload_adapter(asked.lora_name)
        return PlainTextResponse(f"Success: LoRA adapter '{asked.lora_name}' removed successfully.")

    @app.post("/tokenize")
    def tokenize(asked: protocol.TokenizeRequest) -> Any:
        """Token ids of a text or of a conversation."""
        policy = engine.policy(asked.model or engine.name)
        if asked.messages is not None:
            ids = policy.tokens.chat([each.model_dump() for each in asked.messages])
        elif asked.prompt is not None:
            ids = policy.tokens.encode(asked.prompt)
        else:
            raise ModelRequestError("Give `prompt` or `messages`.")
        return {"count": len(ids), "max_model_len": policy.context, "tokens": ids, "token_strs": None}

    @app.get("/health")
    def health() -> Any:
        """Answers once the models are loaded."""
        return {"status": "ok"}


def _add_error_shapes(app: FastAPI) -> None:
    """Every failure as OpenAI's error object with a fitting status."""

    @app.exception_handler(ThumbprintError)
    async def ours(_: Request, error: ThumbprintError) -> JSONResponse:
        if isinstance(error, ModelUnavailable):
            after = str(max(1, round(error.retry_after_s or 5)))
            return JSONResponse(
                protocol.problem(str(error), 503, "busy"), 503, headers={"Retry-After": after}
            )
        missing = isinstance(error, ModelRequestError) and (
            "does not exist" in str(error) or "cannot be found" in str(error)
        )
        status = 404 if missing else 400 if isinstance(error, ModelRequestError | ModelError) else 500
        return JSONResponse(
            protocol.problem(str(error), status, "not_found" if missing else "refused"), status
        )

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part != "body")
        return JSONResponse(protocol.problem(f"{where or 'body'}: {first['msg']}", 400, "invalid"), 400)


async def _answered(future: Future[T], request: Request, cancelled: threading.Event) -> T:
    """The future's result; work whose client has gone is cancelled."""
    waiting = asyncio.wrap_future(future)
    while not waiting.done():
        await asyncio.wait({waiting}, timeout=0.5)
        if not waiting.done() and await request.is_disconnected():
            cancelled.set()
    return waiting.result()
