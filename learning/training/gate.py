"""The gate: may this adapter serve? It judges the very artefact that would, and the default is *no*.

Base, serving policy and candidate are made as the server makes them, merged and int8, and answer the same
unseen questions and the canary suite; a reward model that trained neither compares them; how far the
candidate went is measured; the phrase memory is held against the small loop benchmark. Figures become checks
(`learning/training/gate_rules.py`), and each that could not be taken fails. Answers are kept as they are
written: a run that was killed goes on with the same command. Left out: promotion.

    thumbprint gate --candidate DIR --deployed DIR --data FOLDER --independent DIR --out DIR
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from rich.console import Console
from safetensors.torch import load_file

from learning.models import hub, store
from learning.models.adapters import NEEDED, Manifest
from learning.models.tokenizer import Tokens
from learning.prompt import TEMPLATE
from learning.training import answers, artefact, gate_memory, gate_report, gate_rules, origins, seen
from learning.training.answers import Asked
from learning.training.arguments import one_sentence, parse
from learning.training.gate_measure import figures_of
from learning.training.gate_options import Options
from learning.training.gate_page import markdown
from learning.training.gate_report import GateReport
from learning.training.ppo_batch import Reward
from storage.errors import ConfigurationError, DataError, ModelError


def run(options: Options, *, independent: Reward | None = None, console: Console | None = None) -> GateReport:
    """Judge the candidate; at once where its report is in `options.out` already.

    `independent` is taken instead of the reward model that the options name. Raises ModelError for an adapter
    that is damaged, of another base or template, or holds what is no number; DataError for data without
    questions or of another template, and for evidence about others; ConfigurationError, SetupError. Then
    there is no report, and whoever wants to promote finds none.
    """
    options.check()
    console = console or Console(stderr=True)
    if options.threads:
        torch.set_num_threads(options.threads)
    base = hub.resolve(options.model, "policy", options.cache, console=console)
    tokens = Tokens(base)
    candidate = checked(options.adapter, base, tokens)
    deployed = checked(options.deployed, base, tokens).id if options.deployed else ""
    memory = (
        gate_memory.read(options.memory, adapter=candidate.id, deployed=deployed) if options.memory else None
    )
    judge = independent or judge_of(options, candidate)
    adapters = {"candidate": options.adapter, "serving adapter": options.deployed}
    learned = {name: seen.of(folder) for name, folder in adapters.items() if folder is not None}
    if options.independent is not None:
        learned["independent reward model"] = seen.of_judge(options.independent)
    questions, left_out = _unseen(options, learned.values())
    asked = [[one.id, one.key] for one in questions]
    name = artefact.run_id("gate", candidate.id, deployed, asked, _evidence(options), options.recorded())
    if (known := gate_report.read(options.out)) is not None:
        if known.run == name:
            return known
        raise ConfigurationError(f"{options.out} holds the report of another run: name another --out.")
    with artefact.full_disk_said(options.out):
        options.out.mkdir(parents=True, exist_ok=True)
        figures, faults = figures_of(options, questions, judge, memory, console)
    checks = gate_rules.judge(figures, options.limits)
    about = {
        "data": options.data.name,
        "base": candidate.base_name,
        "template": TEMPLATE,
        "options": options.recorded(),
        "faults": [asdict(one) for one in faults],
        "left_out": left_out,
        "unknown": [name for name, one in learned.items() if not one.whole],
    }
    report = GateReport(
        run=name,
        adapter=candidate.id,
        deployed=deployed,
        checks=checks,
        figures=asdict(figures),
        about=about,
    )
    page = markdown(
        adapter=report.adapter,
        deployed=report.deployed,
        passed=report.passed,
        checks=checks,
        figures=figures,
        faults=faults,
        about=about,
    )
    gate_report.write(report, page, options.out)
    return report


def checked(folder: Path, base: Path, tokens: Tokens) -> Manifest:
    """The manifest of an adapter that may be merged into this base. Raises ModelError for any other."""
    manifest = artefact.check(folder, base=base, tokens=tokens)
    for name, tensor in load_file(folder / NEEDED[1]).items():
        if not bool(torch.isfinite(tensor).all()):
            raise ModelError(f"The adapter in {folder} holds what is no number, in {name}: train it again.")
    return manifest


def judge_of(options: Options, candidate: Manifest) -> Reward | None:
    """The independent reward model, None where none is named.

    Raises ConfigurationError where it is one that trained the candidate or an adapter behind it, as the
    manifest says or the options do, is behind such a one, or goes on from it; ModelError.
    """
    if options.independent is None:
        return None
    from learning.training.reward_model import RewardModel

    judge = origins.judge(options.independent)
    same = judge.sha256 in candidate.reward_models
    same |= candidate.data.get("reward_model") in judge.reward_models
    if options.trained_by is not None:
        ours, theirs = store.manifest(options.independent), store.manifest(options.trained_by)
        same |= ours.get("files") == theirs.get("files")
    if same:
        raise ConfigurationError(
            f"{options.independent} is a reward model that trained the candidate or an adapter behind it, is "
            "behind such a one, or goes on from it: name another."
        )
    return RewardModel.load(options.independent, cache=options.cache).score


def _unseen(options: Options, learned: Iterable[seen.Seen]) -> tuple[tuple[Asked, ...], int]:
    """The questions that are asked, and how many were left out, for an adapter or the independent reward
    model had learned from them.

    Raises DataError where none is left, and for prompts of another template.
    """
    every = answers.asked(options.data, options.split)
    found = seen.without(every, frozenset(key for one in learned for key in one.keys))
    if not found:
        raise DataError(
            f"The candidate, the adapter that serves or the reward model that judges learned from all "
            f"{len(every)} questions of {options.data}: give others."
        )
    return found[: options.limit or None], len(every) - len(found)


def _evidence(options: Options) -> list[str]:
    """The hashes of what else the judgement rests on."""
    files = [
        options.memory,
        options.independent / store.MANIFEST if options.independent else None,
    ]
    return [store.sha256_of(file) if file else "" for file in files]


@one_sentence
def main(given: Sequence[str] | None = None) -> int:
    """Command line. 0 for an adapter that passed, 2 for one that did not, 1 where it could not be judged."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    console = Console(stderr=True)
    options = parse(Options, __doc__ or "", given)
    report = run(options, console=console)
    console.print(
        f"{'✓' if report.passed else '✗'} {report.reason}",
        style="green" if report.passed else "red",
        markup=False,
    )
    sys.stdout.write(f"{options.out / gate_report.PAGE}\n")
    return 0 if report.passed else 2


if __name__ == "__main__":
    sys.exit(main())
