"""The two sides of `thumbprint bench policy`: our model process and llama.cpp, timed by clock and processor.

Left out: what is compared, and the verdict (`policy.py`).
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from storage.errors import SetupError

START_S = 180.0


@dataclass(frozen=True)
class Taken:
    """Seconds of a request by the clock, and of the process's processor time (Linux; else 0)."""

    wall_s: float
    cpu_s: float


def cpu_s(pid: int) -> float:
    """Seconds of processor time that a process has used so far (Linux; else 0)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def stolen_s() -> float:
    """Seconds of processor time since its start that a machine's host gave to others (Linux; else 0)."""
    try:
        fields = Path("/proc/stat").read_text().partition("\n")[0].split()
    except OSError:
        return 0.0
    return int(fields[8]) / os.sysconf("SC_CLK_TCK")


class Ours:
    """Our model process, asked over HTTP. `ends` are the token ids that end a text: forbidden here."""

    def __init__(self, child: subprocess.Popen[bytes], http: httpx.Client, ends: list[int]) -> None:
        self._child, self._http, self._ends = child, http, ends
        self.prompt_tokens = 0

    @property
    def threads(self) -> int:
        """How many threads it measured to be best."""
        return int(self._http.get("/v1/models").json()["data"][0]["thumbprint"]["threads"])

    def seconds(self, prompt: str, n: int, tokens: int, seed: int) -> Taken:
        """How long `n` candidates of exactly `tokens` tokens take. Raises SetupError when they are less."""
        body: dict[str, Any] = {
            "model": "policy",
            "messages": [{"role": "user", "content": prompt}],
            "n": n,
            "seed": seed,
            "temperature": 0.6,
            "top_p": 0.9,
            "max_tokens": tokens,
            "logit_bias": {str(end): -100 for end in self._ends},
        }
        begin, before = time.perf_counter(), cpu_s(self._child.pid)
        answer = self._http.post("/v1/chat/completions", json=body)
        taken = Taken(time.perf_counter() - begin, cpu_s(self._child.pid) - before)
        usage = answer.raise_for_status().json()["usage"]
        self.prompt_tokens = int(usage["prompt_tokens"])
        if usage["completion_tokens"] != n * tokens:
            raise SetupError(f"{usage['completion_tokens']} tokens came instead of {n * tokens}.")
        return taken


@contextmanager
def our_server(folder: Path, threads: int, console: Console, nice: int = 0) -> Iterator[Ours]:
    """Our model process on a free port, without encoder, as `thumbprint model` starts it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "learning.models.server", "--encoder", "", "--with-parent"]
    command += ["--policy", str(folder), "--port", str(port), "--threads", str(threads)]
    env = {"PATH": os.defpath, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    console.print("starting our model process")
    with tempfile.TemporaryFile("w+") as said:
        child = subprocess.Popen(command, stdout=said, stderr=said, env=env)  # noqa: S603 - our own module
        os.setpriority(os.PRIO_PROCESS, child.pid, nice)
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=300, trust_env=False) as http:
                _wait(http, child)
                yield Ours(child, http, end_tokens(folder))
        finally:
            child.terminate()
            child.wait()


def _wait(http: httpx.Client, child: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until and child.poll() is None:
        try:
            if http.get("/health").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise SetupError("The model process did not start: try `thumbprint model` to see why.")


def end_tokens(folder: Path) -> list[int]:
    """Ids of the tokens that end a text, from generation_config.json."""
    ends = json.loads((folder / "generation_config.json").read_text())["eos_token_id"]
    return list(ends) if isinstance(ends, list) else [int(ends)]


class Llama:
    """llama-cpp-python in a process of its own."""

    def __init__(self, child: subprocess.Popen[str], threads: int) -> None:
        self._child, self.threads = child, threads

    def seconds(self, prompt: str, answers: int, tokens: int, seed: int) -> Taken:
        """How long `answers` answers take, one after the other. Raises SetupError when they are shorter."""
        assert self._child.stdin is not None and self._child.stdout is not None
        asked = {"prompt": prompt, "answers": answers, "tokens": tokens, "seed": seed}
        before = cpu_s(self._child.pid)
        self._child.stdin.write(json.dumps(asked) + "\n")
        self._child.stdin.flush()
        got = json.loads(self._child.stdout.readline())
        if got["tokens"] != answers * tokens:
            raise SetupError(f"llama.cpp gave {got['tokens']} tokens instead of {answers * tokens}.")
        return Taken(float(got["seconds"]), cpu_s(self._child.pid) - before)


@contextmanager
def llama_cpp(python: str, gguf: Path, threads: int, console: Console) -> Iterator[Llama | None]:
    """llama.cpp on the same file, or None where it is not installed. `threads` 0: as many as are fastest."""
    probe = [python, "-c", "import llama_cpp"]
    if subprocess.run(probe, capture_output=True).returncode != 0:  # noqa: S603 - given by the operator
        yield None
        return
    console.print("starting llama.cpp")
    command = [python, str(Path(__file__).with_name("llama_child.py")), str(gguf), str(threads)]
    with subprocess.Popen(  # noqa: S603 - given by the operator
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as child:
        try:
            assert child.stdout is not None
            first = child.stdout.readline()
            if not first:
                raise SetupError("llama.cpp did not start on this model file.")
            yield Llama(child, int(json.loads(first)["threads"]))
        finally:
            child.kill()
