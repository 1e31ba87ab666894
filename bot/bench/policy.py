"""`thumbprint bench policy`: tokens/s of our model process; four candidates against two llama.cpp answers.

The same GGUF, a prompt of about 300 tokens that is new in each repeat, answers of equal length (end
tokens are forbidden), both sides in turns, so that what else the machine does falls on both. Left out:
other engines.

    thumbprint bench policy --llama-python PATH
"""

from __future__ import annotations

import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from learning.models import hub
from storage.errors import SetupError

START_S = 180.0
QUESTION = (
    "I have a Python project that reads configuration from a YAML file and from the environment. When I"
    " start the service with a missing key, it fails with a KeyError deep inside the loader, and users "
    "do not understand what to do. I tried to wrap the loader in a try block, but then the traceback is"
    " lost, and the logs only say that the configuration is invalid. What I want is one clear message "
    "which names the key and the file, keeps the cause for debugging, and exits with a non-zero status."
    " I also want unit tests for it which do not start the whole service. The project uses pytest and "
    "has a settings module that is imported everywhere, so importing it in a test already reads the "
    "environment, which makes the tests depend on the machine where they run. Some people have "
    "suggested to use a library for settings, others to write a small function that takes a mapping and"
    " returns a dataclass. I do not want to add a heavy dependency only for that, but if it is worth "
    "it, please say why. Please also explain how I should pass the settings to the parts of the program"
    " that need them, since at the moment every module imports the global object, and changing a value "
    "in one test changes it for all the others that run after it. A short example would help. How "
    "should I restructure this so that errors are clear and tests are independent of each other?"
)


@dataclass(frozen=True, kw_only=True)
class Report:
    """Seconds and speeds. `ratio` is our time for four candidates over llama.cpp's for two answers, paired.

    Intervals are 95 %, by bootstrap over the repeats; None where llama-cpp-python is not installed.
    """

    threads: int
    prompt_tokens: int
    tokens: int
    speed: dict[int, tuple[float, float, float]]
    four_s: float
    llama_threads: int | None = None
    llama_speed: tuple[float, float, float] | None = None
    llama_two_s: float | None = None
    ratio: tuple[float, float, float] | None = None


def run(
    cache: Path,
    *,
    repeats: int = 10,
    tokens: int = 128,
    threads: int = 0,
    llama_python: str = sys.executable,
    console: Console | None = None,
) -> Report:
    """Measure and print. `llama_python` is a Python that has llama-cpp-python, if this one has not.

    Raises ModelError (nothing pulled), SetupError (a process does not start).
    """
    console = console or Console(stderr=True)
    folder = hub.resolve("packaged", "policy", cache)
    gguf = folder / hub.SOURCE_GGUF
    with _server(folder, threads, console) as ours, _llama(llama_python, gguf, console) as llama:
        taken: dict[str, list[float]] = {"1": [], "4": [], "8": [], "two": [], "one": []}
        ends = end_tokens(folder)
        for turn in range(repeats + 1):  # the first warms up
            prompt = f"Case {random.Random(turn).randrange(10**6)}. {QUESTION}"  # noqa: S311 - no secret
            sample: dict[str, float] = {}
            for n in (4, 1, 8):
                sample[str(n)], prompt_tokens = _ours(
                    ours, f"{n} {prompt}", n=n, seed=turn, tokens=tokens, ends=ends
                )
                if llama and n == 4:
                    sample["two"] = llama.seconds(f"{n} {prompt}", 2, tokens, turn)
                if llama and n == 1:
                    sample["one"] = llama.seconds(f"{n} {prompt}", 1, tokens, turn)
            if turn:
                for key, value in sample.items():
                    taken[key].append(value)
            console.print(f"{turn}/{repeats}: " + ", ".join(f"{k}: {v:.2f} s" for k, v in sample.items()))
        report = Report(
            threads=_threads(ours),
            prompt_tokens=prompt_tokens,
            tokens=tokens,
            speed={n: _speed(taken[str(n)], n * tokens) for n in (1, 4, 8)},
            four_s=statistics.median(taken["4"]),
            llama_threads=llama.threads if llama else None,
            llama_speed=_speed(taken["one"], tokens) if llama else None,
            llama_two_s=statistics.median(taken["two"]) if llama else None,
            ratio=interval([a / b for a, b in zip(taken["4"], taken["two"], strict=True)]) if llama else None,
        )
    show(report, console)
    return report


def end_tokens(folder: Path) -> list[int]:
    """Ids of the tokens that end a text, which the measurement forbids."""
    ends = json.loads((folder / "generation_config.json").read_text())["eos_token_id"]
    return list(ends) if isinstance(ends, list) else [int(ends)]


def show(report: Report, console: Console) -> None:
    """Print the table and the verdict."""
    table = Table("engine", "batch", "tokens/s, prompt included", "threads")
    for n, (middle, low, high) in report.speed.items():
        table.add_row(
            "thumbprint int8", str(n), f"{middle:.0f} ({low:.0f} to {high:.0f})", str(report.threads)
        )
    if report.llama_speed:
        middle, low, high = report.llama_speed
        table.add_row(
            "llama.cpp Q4_1", "1", f"{middle:.0f} ({low:.0f} to {high:.0f})", str(report.llama_threads)
        )
    console.print(table)
    console.print(f"Prompt of {report.prompt_tokens} tokens, {report.tokens} new tokens a candidate.")
    if report.ratio is None:
        console.print("llama-cpp-python is not installed here: name a Python that has it by --llama-python.")
        return
    middle, low, high = report.ratio
    console.print(
        f"Four candidates take {report.four_s:.2f} s, two llama.cpp answers {report.llama_two_s:.2f} s: "
        f"ratio {middle:.2f} ({low:.2f} to {high:.2f}); the target is at most 1."
    )


def interval(values: Sequence[float], draws: int = 2000) -> tuple[float, float, float]:
    """Median, and the 2.5 % and 97.5 % points of its bootstrap distribution."""
    source = random.Random(0)  # noqa: S311 - no secret
    medians = sorted(statistics.median(source.choices(values, k=len(values))) for _ in range(draws))
    return statistics.median(values), medians[int(0.025 * draws)], medians[int(0.975 * draws) - 1]


def _speed(seconds: Sequence[float], tokens: int) -> tuple[float, float, float]:
    return interval([tokens / each for each in seconds])


# ---------------------------------------------------------------- the two sides


@contextmanager
def _server(folder: Path, threads: int, console: Console) -> Iterator[httpx.Client]:
    """Our model process on a free port, without encoder, as `thumbprint model` starts it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "learning.models.server", "--encoder", "", "--with-parent"]
    command += ["--policy", str(folder), "--port", str(port), "--threads", str(threads)]
    console.print("starting our model process")
    with tempfile.TemporaryFile("w+") as said:
        child = subprocess.Popen(command, stdout=said, stderr=said, env=_plain())  # noqa: S603 - our own module
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=300, trust_env=False) as client:
                _wait(client, child)
                yield client
        finally:
            child.terminate()
            child.wait()


def _wait(client: httpx.Client, child: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until and child.poll() is None:
        try:
            if client.get("/health").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise SetupError("The model process did not start: try `thumbprint model` to see why.")


def _plain() -> dict[str, str]:
    return {"PATH": os.defpath, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}


def _ours(
    client: httpx.Client, prompt: str, *, n: int, seed: int, tokens: int, ends: list[int]
) -> tuple[float, int]:
    body: dict[str, Any] = {
        "model": "policy",
        "messages": [{"role": "user", "content": prompt}],
        "n": n,
        "seed": seed,
        "temperature": 0.6,
        "top_p": 0.9,
        "max_tokens": tokens,
        "logit_bias": {str(end): -100 for end in ends},
    }
    begin = time.perf_counter()
    answer = client.post("/v1/chat/completions", json=body)
    seconds = time.perf_counter() - begin
    usage = answer.raise_for_status().json()["usage"]
    if usage["completion_tokens"] != n * tokens:
        raise SetupError(
            f"{usage['completion_tokens']} tokens came instead of {n * tokens}: the timing would lie."
        )
    return seconds, int(usage["prompt_tokens"])


def _threads(client: httpx.Client) -> int:
    return int(client.get("/v1/models").json()["data"][0]["thumbprint"]["threads"])


class _Llama:
    """llama-cpp-python in a process of its own."""

    def __init__(self, child: subprocess.Popen[str], threads: int) -> None:
        self._child, self.threads = child, threads

    def seconds(self, prompt: str, answers: int, tokens: int, seed: int) -> float:
        """How long `answers` answers take, one after the other."""
        assert self._child.stdin is not None and self._child.stdout is not None
        asked = {"prompt": prompt, "answers": answers, "tokens": tokens, "seed": seed}
        self._child.stdin.write(json.dumps(asked) + "\n")
        self._child.stdin.flush()
        got = json.loads(self._child.stdout.readline())
        if got["tokens"] != answers * tokens:
            raise SetupError(f"llama.cpp gave {got['tokens']} tokens instead of {answers * tokens}.")
        return float(got["seconds"])


@contextmanager
def _llama(python: str, gguf: Path, console: Console) -> Iterator[_Llama | None]:
    """llama.cpp on the same file, or None where it is not installed."""
    found = subprocess.run([python, "-c", "import llama_cpp"], capture_output=True)  # noqa: S603 - given by the operator
    if found.returncode != 0:
        yield None
        return
    console.print("starting llama.cpp")
    command = [python, str(Path(__file__).with_name("llama_child.py")), str(gguf)]
    with subprocess.Popen(  # noqa: S603 - given by the operator
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as child:
        try:
            assert child.stdout is not None
            first = child.stdout.readline()
            if not first:
                raise SetupError("llama.cpp did not start on this model file.")
            yield _Llama(child, int(json.loads(first)["threads"]))
        finally:
            child.kill()
