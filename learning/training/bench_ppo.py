"""Our PPO beside TRL 1.12's: the same model, prompts, reward and steps, by turns, in processes of their own.

Speed is answers learned from a second, from the first batch to the end; memory the process's peak resident
set, libraries and reward model included, as they are in its seconds of processor time, which a busy machine
does not change as it does speed; reward is compared at equal KL (`bench_ppo_figures.py`). What was
measured is kept, so that a stopped run goes on. Left out: GPUs, several processes.

    make var/trl-1.12
    thumbprint bench ppo --model DIR --data SNAPSHOT --reward DIR --out DIR
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from learning.training import bench_ppo_figures
from learning.training.arguments import one_sentence, parse
from learning.training.bench_ppo_figures import Figure
from learning.training.bench_ppo_options import FOLDERS, Options
from learning.training.evaluate_report import plain
from learning.training.ledger import read
from storage.errors import ConfigurationError, TrainingError


def run(options: Options, console: Console | None = None) -> list[Figure]:
    """Measure what is not measured yet, and write bench.json and bench.md into `options.out`.

    Raises ConfigurationError (no TRL 1.12, a folder of another measurement), TrainingError (a side failed).
    """
    console = console or Console(stderr=True)
    options.check()
    options.out.mkdir(parents=True, exist_ok=True)
    _begin(options)
    found: dict[str, list[dict[str, Any]]] = {"ours": [], "trl": []}
    for seed in range(options.seeds):
        for side in ("ours", "trl") if seed % 2 == 0 else ("trl", "ours"):
            file = options.out / f"{side}-{seed}.json"
            if not file.is_file():
                before = _children()
                made = _ours(options, seed) if side == "ours" else _theirs(options, seed)
                made["cpu_s"] = _children() - before
                part = file.with_suffix(".part")
                part.write_text(json.dumps(made))
                part.replace(file)
            result = json.loads(file.read_text())
            found[side].append(result)
            console.print(
                f"seed {seed}, {side}: {result['samples_per_s']:.3f} samples/s, {result['peak_mib']:.0f} MiB"
            )
    figures = bench_ppo_figures.compared(found["ours"], found["trl"])
    whole = {
        "options": _plain(options),
        "figures": [{**asdict(one), "verdict": one.verdict} for one in figures],
        **found,
    }
    (options.out / "bench.json").write_text(json.dumps(plain(whole), indent=1, allow_nan=False, default=str))
    (options.out / "bench.md").write_text(bench_ppo_figures.markdown(figures, found["ours"], found["trl"]))
    return figures


def _begin(options: Options) -> None:
    """Note what is measured; refuse a folder in which something else was."""
    note, wanted = options.out / "options.json", _plain(options)
    if note.is_file():
        known = _plain(Options.read(note))
        if {**known, "seeds": 0} != {**wanted, "seeds": 0}:
            raise ConfigurationError(f"{options.out} has another measurement: name another --out.")
    options.write(note)


def _plain(options: Options) -> dict[str, Any]:
    return {
        name: value.name if name in FOLDERS else value
        for name, value in asdict(options).items()
        if name not in ("out", "cache", "trl")
    }


def _ours(options: Options, seed: int) -> dict[str, Any]:
    folder = options.out / f"run-{seed}"
    flags = {
        **{name: getattr(options, name) for name in ("model", "data", "reward", "cache", "steps", "batch")},
        **{name: getattr(options, name) for name in ("part", "rollout", "epochs", "rank", "max_prompt")},
        **{name: getattr(options, name) for name in ("max_answer", "learning_rate", "kl_coefficient")},
        **{"out": folder, "minibatch": options.batch, "alpha": 2 * options.rank, "kl_target": 0},
        **{"shortest": 0, "longest": options.max_answer, "validate_every": 0, "seed": seed},
        **{"checkpoint_every": options.steps, "kl_horizon": 10 * options.batch, "missing_eos": 1.0},
        **{"kl": 1e9, "yes_no": 1, "echo": 1, "distinct": 0, "never_ends": 1},
    }
    given = [text for name, value in flags.items() for text in (f"--{name.replace('_', '-')}", str(value))]
    said = _call([sys.executable, "-m", "learning.training.ppo", *given, "--cpu"], options)
    report = json.loads(said)
    steps = [{"reward": line["objective/reward"], "kl": line["objective/kl"]} for line in read(folder)]
    return {"samples_per_s": report["samples_per_s"], "peak_mib": report["peak_mib"], "steps": steps}


def _theirs(options: Options, seed: int) -> dict[str, Any]:
    result = options.out / "trl.json"
    given = [str(options.out / "options.json"), str(seed), str(result)]
    _call([str(options.trl), "-m", "learning.training.bench_ppo_trl", *given], options)
    made: dict[str, Any] = json.loads(result.read_text())
    result.unlink()
    return made


def _children() -> float:
    """Seconds of processors' time that processes started here took, and which ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _call(command: Sequence[str], options: Options) -> str:
    root = Path(__file__).resolve().parents[2]
    env = {**os.environ, "PYTHONPATH": str(root), "TOKENIZERS_PARALLELISM": "false"}
    if options.threads:
        env["OMP_NUM_THREADS"] = str(options.threads)
    done = subprocess.run(command, env=env, capture_output=True, text=True)  # noqa: S603 - our own stages
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise TrainingError(f"{command[2]} failed: {last}")
    return done.stdout


@one_sentence
def main(given: Sequence[str] | None = None) -> int:
    """The command line."""
    console = Console(stderr=True)
    options = parse(Options, __doc__ or "", given)
    run(options, console)
    sys.stdout.write((options.out / "bench.md").read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
