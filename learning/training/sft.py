"""Supervised fine-tuning: a LoRA adapter from a snapshot's demonstrations, through TRL's SFTTrainer.

The tokens are those of serving (`sft_data.py`), the loss is on answers and their ends only, and is looked at
on the first batch. Killed and started again it goes on from its last whole checkpoint, and comes to the same
adapter. What it writes is an artefact (`artefact.py`), with every option in its manifest. Left out: choosing
rows (the snapshot's), judging the result.

    thumbprint train sft --data SNAPSHOT --out DIR
    accelerate launch -m learning.training.sft --data SNAPSHOT --out DIR     # in many processes
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from learning import prompt
from learning.models import hub
from learning.models.adapters import Manifest, base_hash, base_name, template_hash
from learning.models.tokenizer import Tokens
from learning.models.weights import read_config
from learning.prompt import question_of
from learning.training import artefact, seen, snapshot
from learning.training.arguments import one_sentence, parse
from learning.training.origins import chosen_by, described, inherited
from learning.training.paraphrase import Paraphraser, named, reworded
from learning.training.processes import Processes
from learning.training.rows import Demonstration, Split
from learning.training.sft_checkpoints import Work
from learning.training.sft_data import Examples, check_batch, examples, refuse_other_templates
from learning.training.sft_options import Options
from learning.training.sft_trainer import precision, trainer_of
from learning.training.sft_watch import Watch
from storage.errors import ConfigurationError, DataError

LOSSES = "losses.jsonl"
FIGURES = ("step", "loss", "grad_norm", "learning_rate", "mean_token_accuracy", "entropy")


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a run did. `seconds` and `tokens_per_second` are of this process alone: 0 when all was there."""

    manifest: Manifest
    resumed_from: int
    seconds: float
    tokens_per_second: float


def run(options: Options, *, console: Console | None = None) -> Report:
    """Train, and write the adapter into `options.out`; at once when that run's adapter is there already.

    Raises ConfigurationError (options, a folder that is taken), DataError (no or foreign demonstrations, a
    number that is not finite), ModelError (base, parent, paraphraser), SetupError (full disk).
    """
    console = console or Console(stderr=True)
    options.check()
    processes = Processes(cpu=options.cpu)
    if options.accumulate % processes.count:
        raise ConfigurationError(
            f"{options.accumulate} batches a step cannot be shared by {processes.count} processes: choose "
            "--accumulate, or in a night --sft-batch, so that the one is a multiple of the other."
        )
    if options.threads:
        torch.set_num_threads(options.threads)
    options = replace(options, precision=precision(options.precision, options.cpu))
    base = hub.resolve(options.model, "policy", options.cache, console=console)
    read_config(base)
    tokens, data = Tokens(base), snapshot.read(options.data)
    words = options.paraphraser
    parent = artefact.check(options.parent, base=base, tokens=tokens) if options.parent else None
    about = Manifest(
        stage="sft",
        run="",
        base=base_hash(base),
        base_name=base_name(base),
        template=template_hash(tokens),
        template_version=prompt.TEMPLATE,
        snapshot=data.id,
        parent=parent.id if parent else "",
        seeds=(options.seed,),
        options={**options.recorded(), **({"paraphraser": named(words)} if words else {})},
    )
    about = replace(about, run=artefact.run_id("sft", about.text()))
    if artefact.is_of(options.out, about.run):
        return Report(manifest=artefact.read(options.out), resumed_from=0, seconds=0.0, tokens_per_second=0.0)
    artefact.refuse_taken(options.out)
    train, held_out = _rows(data, options, console)
    learned = examples(train, tokens, options.longest)
    measured = examples(held_out if options.validation else (), tokens, options.longest, options.validation)
    about = replace(
        about, data=inherited(described(learned.origins), parent, chosen_by(data.manifest["about"]))
    )
    with artefact.full_disk_said(options.out.parent):
        return _train(options, base, tokens, learned, measured, about, processes, console)


def _rows(
    data: snapshot.Snapshot, options: Options, console: Console
) -> tuple[list[Demonstration], list[Demonstration]]:
    """The demonstrations to learn, reworded ones too, and those to measure on. Raises DataError."""
    parts = {split: [row for row in data.rows.demonstrations if row.origin.split is split] for split in Split}
    train, held_out = parts[Split.TRAIN], parts[Split.VALIDATION]
    if not train:
        raise DataError(
            f"The snapshot {data.id[:12]} has no demonstration in its training part: nothing can be learned "
            "from it yet. Collect feedback, or build a corpus."
        )
    refuse_other_templates([*train, *held_out], f"The snapshot {data.id[:12]}")
    if options.paraphraser is not None and options.paraphrases:
        train += reworded(train, Paraphraser(options.paraphraser), options.paraphrases, options.seed)
        console.print(f"{sum(row.origin.is_paraphrased for row in train)} questions reworded.")
    return train, held_out


def _train(
    options: Options,
    base: Path,
    tokens: Tokens,
    learned: Examples,
    measured: Examples,
    about: Manifest,
    processes: Processes,
    console: Console,
) -> Report:
    if not learned.rows:
        raise DataError(
            f"All {learned.too_long} demonstrations have over {options.longest} tokens: raise --longest."
        )
    with processes.one_first():
        work = Work(options.out, about.run)
        latest, notes = work.latest(), work.notes
    watch = Watch(console)
    trainer = trainer_of(options, base, tokens, learned, measured, work, watch, processes.count)
    check_batch(next(iter(trainer.get_train_dataloader())), learned.rows, tokens)
    before = notes.get("before", _loss(trainer, measured)) if measured.rows else None
    if processes.first:
        work.note(before=before)
    begin, done = time.monotonic(), int(latest.name.rpartition("-")[2]) if latest else 0
    try:
        trainer.train(resume_from_checkpoint=str(latest) if latest else None)
    finally:
        watch.stop()
    seconds, steps = time.monotonic() - begin, int(trainer.state.global_step)
    read = learned.tokens / len(learned.rows) * options.batch * options.accumulate * (steps - done)
    metrics: dict[str, object] = {
        "steps": steps,
        "demonstrations": len(learned.rows),
        "too_long": learned.too_long,
        "tokens": learned.tokens,
        "learned_tokens": learned.learned,
    }
    if measured.rows:
        metrics |= {"held_out": len(measured.rows), "loss_before": before, "loss": _loss(trainer, measured)}
    history = [
        {key: entry[key] for key in FIGURES if key in entry}
        for entry in trainer.state.log_history
        if "loss" in entry
    ]
    losses = "".join(json.dumps(entry) + "\n" for entry in history)
    known = seen.learned(map(question_of, learned.prompts), options.parent)
    if processes.first:
        artefact.write(
            options.out,
            trainer.model,
            replace(about, metrics=metrics, data={**about.data, **known.said}),
            extra={LOSSES: losses, seen.FILE: known.text},
        )
        work.done()
    processes.wait()
    manifest = artefact.read(options.out)
    return Report(
        manifest=manifest, resumed_from=done, seconds=seconds, tokens_per_second=read / max(seconds, 1e-9)
    )


def _loss(trainer: Any, measured: Examples) -> float | None:
    """The mean loss on held-out demonstrations, in nats a token; None where there are none."""
    if not measured.rows:
        return None
    loss = float(trainer.evaluate()["eval_loss"])
    # Evaluated, a model counts as prepared: accelerate would share no gradients in the training that follows.
    trainer.model._is_accelerate_prepared = False
    return loss


@one_sentence
def main(given: Sequence[str] | None = None) -> int:
    """The command line."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    console = Console(stderr=True)
    report = run(parse(Options, __doc__ or "", given), console=console)
    if not Processes().first:
        return 0
    figures = ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in report.manifest.metrics.items()
    )
    console.print(f"✓ adapter {report.manifest.id[:12]}: {figures}", style="green")
    console.print(f"{report.seconds:.0f} s, {report.tokens_per_second:.0f} tokens/s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
