"""DPO, KTO and RLOO: the same snapshot and the same artefact as PPO's, through TRL's trainers.

DPO learns the pairs (edits among them), with loss_type=["sigmoid_norm", "sft"]; KTO the judged answers as
they are, shuffled, both kinds weighing the same; RLOO writes answers to PPO's prompts, which a reward judges,
less what a missing end costs, and PPO's alarms stop it. Killed and started again, each goes on from its last
whole checkpoint and comes to the same adapter: RLOO too, for its checkpoints fall between two batches of
answers and hold the random numbers' state. Left out: several processes, PPO (`ppo.py`), judging the result.

    thumbprint train policy --algorithm dpo --data SNAPSHOT --out DIR
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from rich.console import Console

from learning import prompt
from learning.models import hub
from learning.models.adapters import Manifest, base_hash, base_name, template_hash
from learning.models.tokenizer import Tokens, end_tokens
from learning.models.weights import read_config
from learning.training import alternatives_alarms, alternatives_data, artefact, ppo_batch, seen, snapshot
from learning.training.alternatives_data import Chosen
from learning.training.alternatives_options import Options
from learning.training.alternatives_trainer import trainer_of, writer_of
from learning.training.arguments import one_sentence, parse
from learning.training.origins import Judge, chosen_by, described, inherited, judge
from learning.training.ppo_batch import Reward
from learning.training.rows import Judged, PreferencePair, Split
from learning.training.sft_checkpoints import Work
from learning.training.sft_data import refuse_other_templates
from learning.training.sft_trainer import precision
from learning.training.sft_watch import Watch
from storage.errors import ConfigurationError, DataError

LOSSES = "losses.jsonl"
FIGURES = (
    *("step", "loss", "grad_norm", "learning_rate", "reward", "kl"),
    *("rewards/chosen", "rewards/rejected", "rewards/accuracies", "rewards/margins"),
    *("completions/mean_length", "completions/clipped_ratio"),
    *alternatives_alarms.FIGURES,
)


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a run did; `seconds` of this process alone, 0 when the adapter was there already."""

    manifest: Manifest
    resumed_from: int
    seconds: float


def run(options: Options, *, reward: Reward | None = None, console: Console | None = None) -> Report:
    """Train, and write the adapter into `options.out`; at once when that run's adapter is there already.

    `reward` is taken instead of the model that the options name. Raises ConfigurationError (options, a folder
    that is taken), DataError (nothing to learn, one kind alone, contradictions alone, a number that is not
    finite), ModelError (base, parent, reward), SetupError (full disk), TrainingError (a reward that
    is none, an alarm of RLOO's).
    """
    console = console or Console(stderr=True)
    options = options.settled()
    options.check()
    if options.threads:
        torch.set_num_threads(options.threads)
    options = replace(options, precision=precision(options.precision))
    base = hub.resolve(options.model, "policy", options.cache, console=console)
    read_config(base)
    tokens, data = Tokens(base), snapshot.read(options.data)
    parent = artefact.check(options.parent, base=base, tokens=tokens) if options.parent else None
    by = judge(options.reward) if options.algorithm == "rloo" and options.reward and not reward else None
    about = Manifest(
        stage=options.algorithm,
        run="",
        base=base_hash(base),
        base_name=base_name(base),
        template=template_hash(tokens),
        template_version=prompt.TEMPLATE,
        snapshot=data.id,
        parent=parent.id if parent else "",
        seeds=(options.seed,),
        options=options.recorded(),
        data=_named(by),
    )
    about = replace(about, run=artefact.run_id(options.algorithm, about.text()))
    if artefact.is_of(options.out, about.run):
        return Report(manifest=artefact.read(options.out), resumed_from=0, seconds=0.0)
    artefact.refuse_taken(options.out)
    work, watch = Work(options.out, about.run), Watch(console, options.algorithm.upper())
    with artefact.full_disk_said(options.out.parent):
        if options.algorithm == "rloo":
            made = _writer(options, base, tokens, data, reward, work, watch)
        else:
            made = _learner(options, base, tokens, data, work, watch)
        behind = (parent, by, chosen_by(data.manifest["about"]))
        made = replace(made, data=inherited({**made.data, **_named(by)}, *behind))
        return _train(options, made, about, work, watch)


@dataclass(frozen=True, kw_only=True)
class _Made:
    """A trainer, its questions, what its manifest says of its data, and whether there is a part to measure
    on."""

    trainer: Any
    questions: Sequence[str]
    data: dict[str, Any]
    metrics: dict[str, Any]
    measures: bool


def _named(by: Judge | None) -> dict[str, object]:
    """Which reward model it is, by its own manifest: another one makes another run."""
    return {"reward_model": by.sha256} if by else {}


def _learner(
    options: Options, base: Path, tokens: Tokens, data: snapshot.Snapshot, work: Work, watch: Watch
) -> _Made:
    rows: Sequence[PreferencePair | Judged]
    rows = data.rows.pairs if options.algorithm == "dpo" else data.rows.judged
    refuse_other_templates(rows, f"The snapshot {data.id[:12]}")
    learned = _chosen(options, [row for row in rows if row.origin.split is Split.TRAIN], tokens)
    held_out = [row for row in rows if row.origin.split is Split.VALIDATION][: options.validation]
    measured = _chosen(options, held_out, tokens)
    _refuse_useless(options, learned, data.id)
    trainer = trainer_of(options, base, tokens, learned, measured, work, watch)
    first = next(iter(trainer.get_train_dataloader()))
    alternatives_data.check_batch(first, learned.rows, tokens.end)
    metrics: dict[str, Any] = {"rows": len(learned.rows), "held_out": len(measured.rows)}
    if options.algorithm == "kto":
        metrics["good"] = sum(row["label"] for row in learned.rows)
        metrics |= {
            "weight_good": trainer.args.desirable_weight,
            "weight_bad": trainer.args.undesirable_weight,
        }
    about = {**described(learned.origins), "left_out": dict(learned.left_out)}
    questions = [prompt.question_of(messages) for messages in learned.prompts]
    return _Made(
        trainer=trainer, questions=questions, data=about, metrics=metrics, measures=bool(measured.rows)
    )


def _chosen(options: Options, rows: Sequence[Any], tokens: Tokens) -> Chosen:
    if options.algorithm == "kto":
        return alternatives_data.judged(rows, tokens, longest=options.longest)
    return alternatives_data.pairs(rows, tokens, longest=options.longest, most_edited=options.most_edited)


def _refuse_useless(options: Options, learned: Chosen, name: str) -> None:
    """Raise DataError where nothing can be learned, saying of each row why."""
    what = "pairs" if options.algorithm == "dpo" else "judged answers"
    if not learned.rows:
        why = ", ".join(f"{count} {reason}" for reason, count in learned.left_out.items())
        raise DataError(
            f"The snapshot {name[:12]} has no {what} to learn in its training part"
            f"{f' (left out: {why})' if why else ''}: collect more feedback, or build a corpus."
        )
    if options.algorithm == "kto":
        good = sum(row["label"] for row in learned.rows)
        bad = len(learned.rows) - good
        if min(good, bad) < options.fewest:
            raise DataError(
                f"The snapshot {name[:12]} has {good} good and {bad} bad answers to learn, and KTO needs "
                f"{options.fewest} of each: collect more thumbs, or lower --fewest."
            )


def _writer(
    options: Options,
    base: Path,
    tokens: Tokens,
    data: snapshot.Snapshot,
    reward: Reward | None,
    work: Work,
    watch: Watch,
) -> _Made:
    refuse_other_templates(data.rows.prompted, f"The snapshot {data.id[:12]}")
    prompts = ppo_batch.prompts_of(data.rows, Split.TRAIN, tokens, options.longest - options.max_answer)
    at_once = options.batch * options.accumulate // options.attempts
    if len(prompts) < at_once:
        raise DataError(
            f"The snapshot has {len(prompts)} different prompts to train on, fewer than the {at_once} of a "
            "step: make a larger snapshot, or a smaller batch."
        )
    if reward is None:
        if options.reward is None:
            raise ConfigurationError("RLOO needs a reward: name the folder of a reward model by --reward.")
        from learning.training.reward_model import RewardModel

        reward = RewardModel.load(options.reward, cache=options.cache.expanduser()).score
    ends = end_tokens(base) or frozenset({tokens.end})
    trainer = writer_of(options, base, tokens, ends, prompts, reward, work, watch)
    return _Made(
        trainer=trainer,
        questions=[one.question for one in prompts],
        data=described(one.origin for one in prompts),
        metrics={"prompts": len(prompts)},
        measures=False,
    )


def _train(options: Options, made: _Made, about: Manifest, work: Work, watch: Watch) -> Report:
    trainer, latest = made.trainer, work.latest()
    metrics = dict(made.metrics)
    if made.measures:
        work.note(before=work.notes.get("before") or _measured(trainer))
    begin, done = time.monotonic(), int(latest.name.rpartition("-")[2]) if latest else 0
    try:
        trainer.train(resume_from_checkpoint=str(latest) if latest else None)
    finally:
        watch.stop()
    seconds = time.monotonic() - begin
    history = [
        {key: entry[key] for key in FIGURES if key in entry}
        for entry in trainer.state.log_history
        if "loss" in entry
    ]
    metrics |= {"steps": int(trainer.state.global_step), **_ends(history)}
    if made.measures:
        metrics |= {f"{name}_before": value for name, value in work.notes["before"].items()}
        metrics |= _measured(trainer)
    known = seen.learned(made.questions, options.parent)
    losses = "".join(json.dumps(entry) + "\n" for entry in history)
    manifest = artefact.write(
        options.out,
        trainer.model,
        replace(about, metrics=metrics, data={**made.data, **known.said}),
        extra={LOSSES: losses, seen.FILE: known.text},
    )
    work.done()
    return Report(manifest=manifest, resumed_from=done, seconds=seconds)


def _measured(trainer: Any) -> dict[str, float]:
    """The loss on held-out rows, and of pairs how many the policy orders rightly beside its reference."""
    found = trainer.evaluate()
    names = {"loss": "eval_loss", "accuracy": "eval_rewards/accuracies"}
    return {name: float(found[key]) for name, key in names.items() if key in found}


def _ends(history: Sequence[dict[str, Any]]) -> dict[str, float]:
    """RLOO's mean reward over the first and the last tenth of the steps, ends counted."""
    rewards = [entry["reward"] for entry in history if "reward" in entry]
    if not rewards:
        return {}
    tenth = max(1, len(rewards) // 10)
    return {"first_reward": fmean(rewards[:tenth]), "last_reward": fmean(rewards[-tenth:])}


@one_sentence
def main(given: Sequence[str] | None = None) -> int:
    """The command line."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    console = Console(stderr=True)
    report = run(parse(Options, __doc__ or "", given), console=console)
    figures = ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in report.manifest.metrics.items()
    )
    console.print(f"✓ adapter {report.manifest.id[:12]}: {figures}", style="green")
    return 0


if __name__ == "__main__":
    sys.exit(main())
