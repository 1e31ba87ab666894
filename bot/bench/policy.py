"""`thumbprint bench policy`: tokens/s of our model process; four candidates against two llama.cpp answers.

The same GGUF, a prompt of about 300 tokens that is new in each repeat, answers of equal length (end
tokens are forbidden), both sides in turns, so that what else the machine does falls on both. Left out:
other engines.

    thumbprint bench policy --llama-python PATH
"""

from __future__ import annotations

import random
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bot.bench.engines import Llama, Ours, Taken, llama_cpp, our_server
from learning.models import hub
from learning.models.packages import SOURCE_GGUF

Interval = tuple[float, float, float]
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
    """Speeds in tokens/s; `four_s` and `two_s` in seconds, medians.

    `ratio` is our time for four candidates over llama.cpp's for two answers, paired by turn; `cpu_ratio` the
    same of processor time, which other programs on the machine disturb less. Triples are the median and its
    95 % interval by bootstrap over the turns; None where llama-cpp-python is not installed.
    """

    threads: int
    prompt_tokens: int
    tokens: int
    speed: dict[int, Interval]
    four_s: float
    llama_threads: int | None = None
    llama_speed: Interval | None = None
    two_s: float | None = None
    ratio: Interval | None = None
    cpu_ratio: Interval | None = None


def run(
    cache: Path,
    *,
    repeats: int = 10,
    tokens: int = 128,
    threads: int = 0,
    llama_python: str = sys.executable,
    console: Console | None = None,
) -> Report:
    """Measure and print. `llama_python` is a Python that has llama-cpp-python; `threads` 0: each side's best.

    Raises ModelError (nothing pulled), SetupError (a process does not start).
    """
    console = console or Console(stderr=True)
    folder = hub.resolve("packaged", "policy", cache)
    gguf = folder / SOURCE_GGUF
    with (
        our_server(folder, threads, console) as ours,
        llama_cpp(llama_python, gguf, threads, console) as llama,
    ):
        turns = [_turn(ours, llama, turn, tokens) for turn in _counted(repeats + 1, console)][1:]
        report = _report(turns, tokens, ours, llama)
    show(report, console)
    return report


def _counted(count: int, console: Console) -> Iterator[int]:
    for turn in range(count):
        console.print("warming up" if turn == 0 else f"turn {turn} of {count - 1}")
        yield turn


def _turn(ours: Ours, llama: Llama | None, turn: int, tokens: int) -> dict[str, Taken]:
    """Every measurement once, ours and llama.cpp's in turns, each on a prompt that neither has seen."""
    number = random.Random(turn).randrange(10**6)  # noqa: S311 - no secret
    taken: dict[str, Taken] = {}
    for n, answers in ((4, 2), (1, 1), (8, 0)):
        prompt = f"Case {n}/{number}. {QUESTION}"
        taken[f"ours {n}"] = ours.seconds(prompt, n, tokens, turn)
        if llama and answers:
            taken[f"llama {answers}"] = llama.seconds(prompt, answers, tokens, turn)
    return taken


def _report(turns: Sequence[dict[str, Taken]], tokens: int, ours: Ours, llama: Llama | None) -> Report:
    def speed(key: str, count: int) -> Interval:
        return interval([count * tokens / turn[key].wall_s for turn in turns])

    report = Report(
        threads=ours.threads,
        prompt_tokens=ours.prompt_tokens,
        tokens=tokens,
        speed={n: speed(f"ours {n}", n) for n in (1, 4, 8)},
        four_s=statistics.median(turn["ours 4"].wall_s for turn in turns),
    )
    if llama is None:
        return report
    cpu = [turn["ours 4"].cpu_s / turn["llama 2"].cpu_s for turn in turns if turn["llama 2"].cpu_s]
    return replace(
        report,
        llama_threads=llama.threads,
        llama_speed=speed("llama 1", 1),
        two_s=statistics.median(turn["llama 2"].wall_s for turn in turns),
        ratio=interval([turn["ours 4"].wall_s / turn["llama 2"].wall_s for turn in turns]),
        cpu_ratio=interval(cpu) if cpu else None,
    )


def show(report: Report, console: Console) -> None:
    """Print the table and the verdict."""
    table = Table("engine", "batch", "tokens/s, prompt included", "threads")
    for n, speed in report.speed.items():
        table.add_row("thumbprint int8", str(n), _said(speed, 0), str(report.threads))
    if report.llama_speed:
        table.add_row("llama.cpp Q4_1", "1", _said(report.llama_speed, 0), str(report.llama_threads))
    console.print(table)
    console.print(f"Prompt of {report.prompt_tokens} tokens, {report.tokens} new tokens a candidate.")
    if report.ratio is None:
        console.print("llama-cpp-python is not installed here: name a Python that has it by --llama-python.")
        return
    console.print(
        f"Four candidates take {report.four_s:.2f} s, two llama.cpp answers {report.two_s:.2f} s: "
        f"ratio {_said(report.ratio, 2)}; the target is at most 1."
    )
    if report.cpu_ratio:
        console.print(f"Of processor time: ratio {_said(report.cpu_ratio, 2)}.")


def _said(value: Interval, digits: int) -> str:
    middle, low, high = (f"{each:.{digits}f}" for each in value)
    return f"{middle} ({low} to {high})"


def interval(values: Sequence[float], draws: int = 2000) -> Interval:
    """Median, and the 2.5 % and 97.5 % points of its bootstrap distribution."""
    source = random.Random(0)  # noqa: S311 - no secret
    medians = sorted(statistics.median(source.choices(values, k=len(values))) for _ in range(draws))
    return statistics.median(values), medians[int(0.025 * draws)], medians[int(0.975 * draws) - 1]
