"""`thumbprint bench receiver`: our receiver and Probot's, fed the same signed deliveries on one machine.

*Ignored* deliveries ask for nothing: a comment without a question, a push, a check run. *Durable* ones are
questions: ours are acknowledged once they are committed to SQLite with `synchronous=FULL`; Probot keeps them
in memory. Rates are of turns, one side after the other; acknowledgements of questions are timed at a fixed
rate, idle and while a model process generates at nice 19. Payloads: examples of GitHub's, as in
`tests/data/github/README.md`. Left out: what becomes of a question, TLS, PostgreSQL.

    npm install --prefix FOLDER probot@14.3.2
    thumbprint bench receiver --probot FOLDER
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from rich.console import Console

from bot.bench import load
from bot.bench.disk import syncs
from bot.bench.engines import Ours, cpu_s, our_server, stolen_s
from bot.bench.policy import QUESTION
from bot.bench.receiver_page import IGNORED, Row, show
from bot.ports import free_port
from learning.models import hub
from storage.errors import SetupError

DATA = Path(__file__).with_name("data")
SECRET = "a secret of the benchmark's own"  # noqa: S105 - guards nothing
START_S = 60.0
CONNECTIONS = 8
ACK_TURNS = 5
EVENTS = {"comment": "issue_comment", "push": "push", "check run": "check_run", "question": "issue_comment"}


@dataclass(frozen=True, kw_only=True)
class Side:
    """One receiver that runs: its name, port, path, process, and the file of what it says."""

    name: str
    port: int
    path: str
    process: subprocess.Popen[bytes]
    log: Path


def run(
    cache: Path,
    *,
    probot: Path | None,
    turns: int,
    count: int,
    per_second: float,
    seconds: float,
    generating: bool,
    console: Console,
) -> list[Row]:
    """Measure and print. `count` deliveries a turn; acknowledgements at `per_second` for `seconds` a turn.

    What was measured before something failed is printed, too.
    Raises SetupError when a side does not start or refuses a delivery, ModelError when no policy is pulled.
    """
    rows: list[Row] = []
    with ExitStack() as stack:
        stack.callback(lambda: show(rows, console))
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sides = [stack.enter_context(_thumbprint(home))]
        if probot is not None:
            sides.append(stack.enter_context(_probot(probot, home)))
        for kind in (*IGNORED, "question"):
            for side in sides:
                _flood(side, kind, count)  # warms up
            rows += _rates(sides, kind, turns, count, console)
        rows += _acks(sides, "idle", per_second, seconds, console)
        if generating:
            folder = hub.resolve("packaged", "policy", cache)
            policy = stack.enter_context(our_server(folder, 0, console, nice=19))
            with _generating(policy):
                rows += _acks(sides, "a worker generates", per_second, seconds, console)
    return rows


def _rates(sides: Sequence[Side], kind: str, turns: int, count: int, console: Console) -> list[Row]:
    """Deliveries a second and their processor time; in turns, so that what else runs falls on both sides."""
    rates: dict[str, list[float]] = {side.name: [] for side in sides}
    cpu: dict[str, list[float]] = {side.name: [] for side in sides}
    for turn in range(turns):
        console.print(f"{kind}: turn {turn + 1} of {turns}")
        for side in sides if turn % 2 else reversed(sides):
            before = cpu_s(side.process.pid)
            rates[side.name].append(_flood(side, kind, count).rate)
            cpu[side.name].append((cpu_s(side.process.pid) - before) / count * 1000)
    return [
        Row(side=side.name, kind=kind, rates=tuple(rates[side.name]), cpu_ms=tuple(cpu[side.name]))
        for side in sides
    ]


def _flood(side: Side, kind: str, count: int) -> load.Load:
    return _sound(side, asyncio.run(load.flood(side.port, _deliveries(side, kind, count), CONNECTIONS)))


def _acks(
    sides: Sequence[Side], while_: str, per_second: float, seconds: float, console: Console
) -> list[Row]:
    """How long acknowledgements of questions take at a fixed rate, `ACK_TURNS` times a side in turns."""
    acks: dict[str, list[tuple[float, ...]]] = {side.name: [] for side in sides}
    stolen: dict[str, list[float]] = {side.name: [] for side in sides}
    waited: dict[str, list[tuple[float, ...]]] = {side.name: [] for side in sides}
    for turn in range(ACK_TURNS):
        for side in sides if turn % 2 else reversed(sides):
            console.print(f"{side.name}: {per_second:g} questions a second for {seconds:g} s, {while_}")
            asked = _deliveries(side, "question", int(per_second * seconds))
            began, before = time.monotonic(), stolen_s()
            with syncs(side.log.parent) as took:
                found = _sound(side, asyncio.run(load.steady(side.port, asked, per_second)))
            taken = (stolen_s() - before) / ((time.monotonic() - began) * (os.cpu_count() or 1))
            acks[side.name].append(tuple(found.acks_s))
            stolen[side.name].append(taken)
            waited[side.name].append(tuple(took))
    return [
        Row(
            side=side.name,
            kind="question",
            while_=while_,
            acks_s=tuple(acks[side.name]),
            stolen=tuple(stolen[side.name]),
            syncs_s=tuple(waited[side.name]),
        )
        for side in sides
    ]


def _sound(side: Side, found: load.Load) -> load.Load:
    refused = {status: n for status, n in found.statuses.items() if not 200 <= status < 300}
    if refused:
        last = " ".join(side.log.read_text(errors="replace").splitlines()[-3:])
        raise SetupError(
            f"{side.name} answered {refused} (status: deliveries): the figures would not hold. "
            f"It said: {last}"
        )
    return found


_lines = (DATA / "deliveries.jsonl").read_text(encoding="utf-8").splitlines()
_payloads = {row["event"]: row["payload"] for row in map(json.loads, _lines)}
_numbers = iter(range(10**6, 10**9))


def _deliveries(side: Side, kind: str, count: int) -> list[bytes]:
    """Deliveries of a kind, each signed and with a GUID of its own; each question is a comment of its own."""
    event = EVENTS[kind]
    made = []
    for _ in range(count):
        payload = _payloads[event]
        if event == "issue_comment":
            said = "/ask How do I read a file?" if kind == "question" else "Looks good to me."
            comment = {**payload["comment"], "id": next(_numbers), "body": said}
            payload = {**payload, "comment": comment}
        body = json.dumps(payload, separators=(",", ":")).encode()
        made.append(load.request(side.path, side.port, event, body, SECRET))
    return made


@contextmanager
def _thumbprint(home: Path) -> Iterator[Side]:
    port = free_port()
    env = {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "THUMBPRINT_ENV_FILE": "",
        "THUMBPRINT_HOME": str(home),
        "THUMBPRINT_APP_ID": "1",
        "THUMBPRINT_APP_SLUG": "thumbprint",
        "THUMBPRINT_WEBHOOK_SECRET": SECRET,
        "THUMBPRINT_HOST": "127.0.0.1",
        "THUMBPRINT_PORT": str(port),
    }
    command = [sys.executable, "-m", "bot", "serve"]
    with _started("thumbprint", command, env, home, port) as process:
        yield Side(
            name="thumbprint",
            port=port,
            path="/webhooks/github",
            process=process,
            log=_log(home, "thumbprint"),
        )


@contextmanager
def _probot(folder: Path, home: Path) -> Iterator[Side]:
    node = shutil.which("node")
    if node is None or not (folder / "node_modules" / "probot").is_dir():
        raise SetupError(
            f"There is no Probot in {folder}, or no node: run `npm install --prefix {folder} probot@14.3.2`."
        )
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    port = free_port()
    env = {
        "PATH": os.environ.get("PATH", os.defpath),
        "NODE_ENV": "production",
        "LOG_LEVEL": "info",
        "WEBHOOK_SECRET": SECRET,
        "PRIVATE_KEY": key.decode(),
    }
    command = [node, str(DATA / "probot.mjs"), str(folder.resolve()), str(port)]
    with _started("probot", command, env, home, port) as process:
        yield Side(
            name="probot", port=port, path="/api/github/webhooks", process=process, log=_log(home, "probot")
        )


@contextmanager
def _started(
    name: str, command: Sequence[str], env: Mapping[str, str], home: Path, port: int
) -> Iterator[subprocess.Popen[bytes]]:
    said = _log(home, name)
    with said.open("wb") as log:
        process = subprocess.Popen(command, env=dict(env), stdout=log, stderr=log)  # noqa: S603 - ours
        try:
            until = time.monotonic() + START_S
            while not _listens(port):
                if process.poll() is not None or time.monotonic() > until:
                    last = " ".join(said.read_text(errors="replace").split()[-40:])
                    raise SetupError(f"{name} does not start: {last}")
                time.sleep(0.1)
            yield process
        finally:
            process.terminate()
            process.wait()


def _log(home: Path, name: str) -> Path:
    return home / f"{name}.log"


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@contextmanager
def _generating(policy: Ours) -> Iterator[None]:
    """Within it, the model process writes one answer of four candidates after another."""
    enough = threading.Event()

    def generate() -> None:
        source = random.Random(0)  # noqa: S311 - no secret
        while not enough.is_set():
            policy.seconds(f"Case {source.randrange(10**6)}. {QUESTION}", 4, 128, 0)

    writing = threading.Thread(target=generate, name="generating")
    writing.start()
    try:
        yield
    finally:
        enough.set()
        writing.join()
