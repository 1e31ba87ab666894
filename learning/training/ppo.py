"""PPO: the policy answers a snapshot's questions, a reward judges, and a LoRA learns from it.

A step (`ppo_run.py`): prompts → answers → rewards less what KL, length and a missing end cost → advantages →
clipped updates → alarms. A run that was killed goes on from its last checkpoint to the same numbers.
Left out: more than LoRA on linear layers, rewards a token, prompts beyond the snapshot's.

    thumbprint train ppo --data SNAPSHOT --reward DIR --out DIR
    accelerate launch -m learning.training.ppo --model DIR --data SNAPSHOT --reward DIR --out DIR
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean

import torch
from rich.console import Console

from learning.models import adapters
from learning.prompt import TEMPLATE
from learning.training import artefact, ppo_checkpoint, seen
from learning.training.alarms import Alarms
from learning.training.arguments import one_sentence, parse
from learning.training.ledger import FILE, Ledger, read
from learning.training.origins import chosen_by, described, inherited, refuse_same
from learning.training.ppo_batch import Reward
from learning.training.ppo_checkpoint import State
from learning.training.ppo_math import KlController
from learning.training.ppo_options import Options
from learning.training.ppo_run import Run
from learning.training.processes import Processes, device
from storage.errors import ConfigurationError, DataError, SetupError, TrainingError
from storage.locks import alone


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a run came to. Rewards are the model's own, before any penalty, over a tenth of the steps each."""

    steps: int
    first_reward: float
    last_reward: float
    kl: float
    length: float
    adapter: Path
    metrics: Path
    samples_per_s: float
    peak_mib: float
    """The most memory that this process held: of the GPU where there is one, else of the machine."""


def run(
    options: Options,
    *,
    reward: Reward | None = None,
    independent: Reward | None = None,
    console: Console | None = None,
) -> Report:
    """Train, or go on where a killed run of the same options stopped; the adapter stands in `out`/adapter.

    `reward` and `independent` are taken instead of the models that the options name. Raises
    ConfigurationError for options that do not go together and for a folder that another process trains in,
    DataError for too few prompts and for a finished run whose figures are gone, TrainingError when
    an alarm sounds or a number is none, SetupError for a full disk or a folder that cannot be made: then no
    adapter is written, and the last checkpoint is kept.
    """
    options = replace(
        options,
        reward=None if reward else options.reward,
        independent=None if independent else options.independent,
    )
    refuse_same(options.reward, options.independent)
    reward = reward or _reward(options.reward, options)
    if independent is None and options.independent is not None:
        independent = _reward(options.independent, options)
    run = Run(options, reward, independent)
    _made(options.out)
    checkpoints, processes = options.out / "checkpoints", run.processes
    state = State(
        step=0,
        controller=KlController(
            coefficient=options.kl_coefficient, target=options.kl_target or None, horizon=options.kl_horizon
        ),
        alarms=Alarms(options.limits),
    )
    if (file := ppo_checkpoint.latest(checkpoints)) is not None:
        state = ppo_checkpoint.load(file, run.id, state, run.roles, run.optimizer)
    processes.wait()
    begun, first = time.monotonic(), state.step
    if processes.first:
        with (
            artefact.full_disk_said(options.out),
            _alone(options.out),
            Ledger(options.out, step=state.step, steps=options.steps, console=console) as ledger,
        ):
            _loop(run, state, checkpoints, ledger)
    else:
        _loop(run, state, checkpoints, None)
    processes.wait()
    seconds = time.monotonic() - begun
    adapter = options.out / "adapter"
    report = _report(options, adapter, (options.steps - first) * options.batch / seconds)
    if processes.first:
        _write(run, adapter, report)
    processes.wait()
    return report


def _made(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(
            f"The run cannot be written to {out} ({error.strerror or error}): name another --out."
        ) from error


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    try:
        with alone(out, wait=False):
            yield
    except BlockingIOError:
        raise ConfigurationError(
            f"Another process trains in {out}: wait for it, or name another --out."
        ) from None


def _loop(run: Run, state: State, checkpoints: Path, ledger: Ledger | None) -> None:
    while state.step < run.options.steps:
        try:
            state, metrics, reason = run.step(state)
        except TrainingError as error:
            raise TrainingError(f"{error} {_kept(checkpoints)}") from error
        if ledger is not None:
            said = " · ".join(
                f"{name} {metrics[f'objective/{name}']:.{digits}f}"
                for name, digits in (("reward", 3), ("kl", 2), ("length", 1))
            )
            ledger.note(state.step, metrics, said)
        if reason is not None:
            raise TrainingError(
                f"Stopped after step {state.step} of {run.options.steps}: {reason} {_kept(checkpoints)}"
            )
        due = state.step % run.options.checkpoint_every == 0 or state.step == run.options.steps
        if due and ledger is not None:
            ppo_checkpoint.save(checkpoints, run.id, state, run.roles, run.optimizer)


def _kept(checkpoints: Path) -> str:
    file = ppo_checkpoint.latest(checkpoints)
    return f"The last checkpoint is {file}." if file else "There was no checkpoint yet."


def _reward(folder: Path | None, options: Options) -> Reward:
    """The reward model's scores. Raises ConfigurationError where none is named."""
    if folder is None:
        raise ConfigurationError("PPO needs a reward: name the folder of a reward model by --reward.")
    from learning.training.reward_model import RewardModel

    where = str(Processes(cpu=options.cpu).device)
    return RewardModel.load(folder, cache=options.cache.expanduser(), device=where).score


def _write(run: Run, adapter: Path, report: Report) -> None:
    options, roles = run.options, run.roles
    behind = (run.parent, run.judges.get("reward_model"), chosen_by(run.snapshot.manifest["about"]))
    known = seen.learned((one.question for one in run.prompts), options.adapter)
    data = {
        "prompts": len(run.prompts),
        **{name: one.sha256 for name, one in run.judges.items()},
        **described(one.origin for one in run.prompts),
        **known.said,
    }
    artefact.write(
        adapter,
        roles.model,
        adapters.Manifest(
            stage="ppo",
            run=run.id,
            base=run.base,
            base_name=adapters.base_name(options.model),
            template=adapters.template_hash(roles.tokens),
            template_version=TEMPLATE,
            snapshot=run.snapshot.id,
            parent=run.parent.id if run.parent else "",
            seeds=(options.seed,),
            options=options.recorded,
            metrics={name: getattr(report, name) for name in ("first_reward", "last_reward", "kl", "length")},
            data=inherited(data, *behind),
        ),
        extra={seen.FILE: known.text},
    )


def _report(options: Options, adapter: Path, samples_per_s: float) -> Report:
    lines = read(options.out)
    if not lines:
        raise DataError(
            f"{options.out / FILE} is gone, or says nothing of any step: put it there anew, or delete the "
            "folder and train again."
        )
    tenth = max(1, len(lines) // 10)
    ends = [
        {name: fmean(line[f"objective/{name}"] for line in part) for name in ("reward", "kl", "length")}
        for part in (lines[:tenth], lines[-tenth:])
    ]
    memory = (
        torch.cuda.max_memory_allocated()
        if device(options.cpu) == "cuda"
        else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    )
    return Report(
        steps=options.steps,
        first_reward=ends[0]["reward"],
        last_reward=ends[1]["reward"],
        kl=ends[1]["kl"],
        length=ends[1]["length"],
        adapter=adapter,
        metrics=options.out / FILE,
        samples_per_s=samples_per_s,
        peak_mib=memory / 2**20,
    )


@one_sentence
def main(given: Sequence[str] | None = None) -> int:
    """Command line: an option a field of `Options`; the report as JSON on stdout."""
    report = run(parse(Options, __doc__ or "", given), console=Console(stderr=True))
    if Processes().first:
        sys.stdout.write(json.dumps(asdict(report), default=str, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
