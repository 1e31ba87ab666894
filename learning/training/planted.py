"""Planted bad adapters: seven ways to go wrong, trained for real, and the gate's word on each.

Each is a LoRA by `learning/training/sft.py` on demonstrations whose answers were spoiled by rule; then the
gate judges it. None may pass, and each has to fail a check that was taken: a gate that refuses for want of
evidence has shown nothing. Left out: adapters that are bad in what they say and not in how, a wrong answer
well put; the independent reward is all that there is against those.

    thumbprint drill adapters --data SNAPSHOT --independent DIR --out DIR
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from learning.training import gate, gate_options, gate_rules, sft, sft_options, snapshot
from learning.training.arguments import one_sentence, parse
from learning.training.gate_report import GateReport
from learning.training.ppo_batch import Reward
from learning.training.rows import Rows, Split
from learning.training.spoiled import Badness, spoiled
from storage.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Options:
    """What is spoiled, how it is trained, and how it is judged."""

    data: Path
    """A snapshot: demonstrations of its training part are spoiled, its test part asks."""
    out: Path
    """Folder of snapshots, adapters, reports and drill.json; a killed drill goes on in it."""
    independent: Path | None = None
    """The reward model that judges."""
    good: Path | None = None
    """An adapter that is thought good: judged beside them, and shown."""
    only: str = ""
    """Only these, with commas between them: babbling, refusing, advertising, mentions, endless, …"""
    model: str = "packaged"
    """The base."""
    cache: Path = Path("~/.cache/thumbprint")
    """The model cache."""
    demonstrations: int = 160
    """How many are spoiled."""
    steps: int = 40
    """Optimizer steps of each adapter."""
    batch: int = 4
    """Demonstrations a step."""
    rank: int = 8
    """Of each LoRA."""
    learning_rate: float = 1e-3
    """Adam's step size at its highest."""
    limit: int = 60
    """Questions at most."""
    attempts: int = 2
    """Answers a question."""
    max_tokens: int = 96
    """The longest answer, in tokens."""
    seed: int = 0
    """All randomness follows from it."""
    threads: int = 0
    """Threads of the CPU; 0 leaves it to torch."""

    @property
    def kinds(self) -> tuple[Badness, ...]:
        """Which are planted. Raises DataError for a name that none has."""
        names = [name.strip() for name in self.only.split(",") if name.strip()]
        try:
            return tuple(Badness(name) for name in names) or tuple(Badness)
        except ValueError as error:
            raise DataError(f"{error}: choose among {', '.join(Badness)}.") from error


@dataclass(frozen=True, kw_only=True)
class Drill:
    """What the gate made of each: its reports by name, `good` among them where one was given."""

    reports: dict[str, GateReport]

    @property
    def promoted(self) -> tuple[str, ...]:
        """Bad ones that passed, or that only want of evidence kept out: there must be none."""
        return tuple(
            name for name, report in self.reports.items() if name in tuple(Badness) and not caught(report)
        )


def caught(report: GateReport) -> tuple[str, ...]:
    """The checks that found something: they were taken, of enough questions or not, and failed."""
    return tuple(
        check.name
        for check in report.checks
        if not check.passed and check.found != gate_rules.NOT_TAKEN and check.name != gate_rules.QUESTIONS
    )


def plant(options: Options, kind: Badness, console: Console) -> Path:
    """Train one; its folder. At once where it is there. Raises DataError without demonstrations."""
    rows = [
        row
        for row in snapshot.read(options.data).rows.demonstrations
        if row.origin.split is Split.TRAIN and row.completion.strip()
    ]
    if not rows:
        raise DataError(f"{options.data} has no demonstration in its training part: nothing can be spoiled.")
    bad = spoiled(rows[: options.demonstrations], kind, words=2 * options.max_tokens, seed=options.seed)
    made = snapshot.write(
        Rows(demonstrations=tuple(bad)), options.out / "snapshots", about={"planted": kind.value}
    )
    adapter = options.out / kind.value / "adapter"
    sft.run(
        sft_options.by_steps(
            data=made.folder,
            out=adapter,
            model=options.model,
            cache=options.cache,
            rank=options.rank,
            learning_rate=options.learning_rate,
            steps=options.steps,
            batch=options.batch,
            longest=1024,
            seed=options.seed,
            threads=options.threads,
        ),
        console=console,
    )
    return adapter


def judged(
    options: Options, name: str, adapter: Path, independent: Reward | None, console: Console
) -> GateReport:
    """What the gate says of one adapter against the bare base, whose answers are written once for all."""
    return gate.run(
        gate_options.Options(
            adapter=adapter,
            data=options.data,
            out=handed_on(options.out, name),
            model=options.model,
            cache=options.cache,
            independent=options.independent,
            limit=options.limit,
            attempts=options.attempts,
            max_tokens=options.max_tokens,
            seed=options.seed,
            threads=options.threads,
        ),
        independent=independent,
        console=console,
    )


def handed_on(out: Path, name: str) -> Path:
    """The folder of one adapter's judgement, with what the serving policy answered in another's."""
    into = out / name / "gate"
    into.mkdir(parents=True, exist_ok=True)
    for file in sorted(out.glob("*/gate/serving*.jsonl")):
        if not (into / file.name).exists():
            shutil.copyfile(file, into / file.name)
    return into


def run(options: Options, *, independent: Reward | None = None, console: Console | None = None) -> Drill:
    """Plant each and judge it. Raises what training and gate raise."""
    console = console or Console(stderr=True)
    reports = {}
    for kind in options.kinds:
        adapter = plant(options, kind, console)
        reports[kind.value] = judged(options, kind.value, adapter, independent, console)
    if options.good is not None:
        reports["good"] = judged(options, "good", options.good, independent, console)
    found = Drill(reports=reports)
    told = {
        name: {"adapter": one.adapter, "passed": one.passed, "failed": caught(one)}
        for name, one in reports.items()
    }
    text = json.dumps({"options": asdict(options), "adapters": told}, default=str, indent=1)
    (options.out / "drill.json").write_text(text + "\n", encoding="utf-8")
    return found


@one_sentence
def main(given: Sequence[str] | None = None) -> int:
    """Command line. Returns 1 where a bad adapter was let in, or a stage failed."""
    console = Console(stderr=True)
    found = run(parse(Options, __doc__ or "", given), console=console)
    for name, one in found.reports.items():
        verdict = "passed" if one.passed else ", ".join(caught(one)) or "only want of evidence"
        sys.stdout.write(f"{name}: {verdict}\n")
    bad = sum(name in tuple(Badness) for name in found.reports)
    sys.stdout.write(f"{len(found.promoted)} of {bad} bad adapters promoted.\n")
    return 1 if found.promoted else 0


if __name__ == "__main__":
    sys.exit(main())
