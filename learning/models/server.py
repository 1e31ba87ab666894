"""Policy and encoder behind OpenAI's protocol, on loopback, in a process of its own that knows no secret.

Everything comes by arguments; the environment is only looked at to refuse secrets in it. It should hold no
more than PATH, HOME, LANG, HF_HOME, HF_HUB_OFFLINE=1 and TOKENIZERS_PARALLELISM=false. Left out: streaming,
users, TLS.

    python -m learning.models.server --policy packaged --encoder packaged --port 8002
"""

from __future__ import annotations

import argparse
import ipaddress
import os
import re
import resource
import socket
import sys
import threading
import time
from pathlib import Path

import torch
import uvicorn

from learning.models.app import create_app
from learning.models.engine import Engine
from learning.models.hub import resolve
from storage.errors import ConfigurationError, SetupError, ThumbprintError

HUNG = 3
"""The exit code of a process in which work hung."""


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
    _say(
        f"loading {args.policy}"
        + (f" with {args.adapter}" if args.adapter else "")
        + ", merged, as int8; then measuring threads"
    )
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
    engine.watchdog.start(_end_hung)
    app = create_app(engine, args.cache)
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=5)
    _say(f"ready after {time.monotonic() - begin:.0f} s on http://{args.host}:{sock.getsockname()[1]}/v1")
    uvicorn.Server(config).run(sockets=[sock])


def _end_hung(what: str) -> None:
    _say(f"{what} hangs: this process ends, so that it is started again")
    os._exit(HUNG)


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
