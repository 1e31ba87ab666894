"""Policy and encoder behind OpenAI's protocol, on loopback, in a process of its own that knows no secret.

Everything comes by arguments; the environment is only looked at to refuse secrets in it. It should hold no
more than PATH, HOME, LANG, HF_HOME, HF_HUB_OFFLINE=1 and TOKENIZERS_PARALLELISM=false. Left out: streaming,
users, TLS.

    python -m learning.models.server --policy packaged --encoder packaged --port 8002
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import ipaddress
import os
import re
import resource
import socket
import struct
import sys
import threading
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

import torch
import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse

from learning.models import protocol
from learning.models.engine import Engine
from learning.models.hub import resolve
from storage.errors import (
    ConfigurationError,
    ModelError,
    ModelRequestError,
    ModelUnavailable,
    SetupError,
    ThumbprintError,
)

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
        vectors = await _answered(engine.embed(texts), request, threading.Event())
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
        for name, folder in engine.adapters.items():
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


# ---------------------------------------------------------------- the process


def refuse_secrets(names: list[str]) -> None:
    """Raise ConfigurationError when an environment variable of ours looks like a secret."""
    for name in names:
        if name.startswith("THUMBPRINT_") and re.search(r"SECRET|KEY|TOKEN|PASSWORD|DATABASE_URL", name):
            raise ConfigurationError(
                f"The model process must not see {name}: start it by `thumbprint model`."
            )


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to loopback, which listens once the models are loaded.

    Raises ConfigurationError for another address, SetupError for a busy port.
    """
    try:
        local = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError as error:
        raise ConfigurationError(f"{host!r} is not an address.") from error
    if not local.is_loopback:
        raise ConfigurationError(f"The model server listens on loopback only, not on {host}.")
    family = socket.AF_INET6 if local.version == 6 else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((str(local), port))
    except OSError as error:
        raise SetupError(
            f"Port {port} is in use: stop what listens there, or choose another model_port."
        ) from error
    return sock


def _arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m learning.models.server", description=__doc__)
    parser.add_argument(
        "--policy", default="packaged", help="packaged, a Hugging Face id, a folder or a .gguf file"
    )
    parser.add_argument(
        "--adapter", default="", help="LoRA adapter merged into the policy: an id or a folder"
    )
    parser.add_argument("--encoder", default="packaged", help="packaged, an id, a folder, or empty for none")
    parser.add_argument("--cache", type=Path, default=Path("~/.cache/thumbprint"), help="the model cache")
    parser.add_argument("--name", default="policy", help="the policy's name in requests")
    parser.add_argument("--host", default="127.0.0.1", help="loopback address")
    parser.add_argument("--port", type=int, default=8002)
    parser.add_argument("--threads", type=int, default=0, help="0 measures")
    parser.add_argument("--memory-gb", type=float, default=8.0, help="cap of this process, GiB")
    parser.add_argument(
        "--timeout-s", type=float, default=180.0, help="longest time for one request, seconds"
    )
    parser.add_argument(
        "--with-parent", action="store_true", help="end when the process that started this one ends"
    )
    return parser.parse_args(given)


def _follow_parent() -> None:
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(0)

    threading.Thread(target=watch, daemon=True, name="parent").start()


def serve(args: argparse.Namespace) -> None:
    """Load the models, say so, and answer until stopped. Raises ThumbprintError before anything listens."""
    refuse_secrets(list(os.environ))
    sock = listen(args.host, args.port)
    os.nice(19)
    cap = int(args.memory_gb * 1024**3)
    resource.setrlimit(resource.RLIMIT_DATA, (cap, cap))
    torch.set_num_interop_threads(1)
    begin = time.monotonic()
    _say(f"loading {args.policy}" + (f" with {args.adapter}" if args.adapter else "") + ", merged, as int8")
    engine = Engine(
        name=args.name,
        folder=resolve(args.policy, "policy", args.cache),
        adapter=resolve(args.adapter, "adapter", args.cache) if args.adapter else None,
        encoder=resolve(args.encoder, "encoder", args.cache) if args.encoder else None,
        timeout_s=args.timeout_s,
        threads=args.threads,
    )
    speeds = ", ".join(f"{count}: {speed:.0f} tokens/s" for count, speed in engine.speeds.items())
    _say(f"{engine.threads} thread(s), measured by batches of four: {speeds}")
    app = create_app(engine, args.cache)
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=5)
    _say(f"ready after {time.monotonic() - begin:.0f} s on http://{args.host}:{sock.getsockname()[1]}/v1")
    uvicorn.Server(config).run(sockets=[sock])


def _say(sentence: str) -> None:
    print(f"model: {sentence}", file=sys.stderr, flush=True)  # noqa: T201 - the operator's terminal


def main(given: list[str] | None = None) -> int:
    """Command line. Returns 1, with one sentence, when it cannot start."""
    args = _arguments(given)
    if args.with_parent:
        _follow_parent()
    try:
        serve(args)
    except ThumbprintError as error:
        _say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
