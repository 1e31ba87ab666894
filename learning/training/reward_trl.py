"""The reward model pairwise, through TRL's RewardTrainer: the loss is -log σ(score(better) - score(worse)).

The same pairs and negatives as the bi-encoder's, read by an encoder with one output; the same calibration,
bounded terms, folder and `evaluate reward`. Killed and started again it goes on from its last whole
checkpoint. Left out: going on from an earlier reward model, rehearsal, hard negatives, PEFT.

    thumbprint train reward --trainer trl --data FOLDER --out DIR
"""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from rich.console import Console
from transformers import PrinterCallback, set_seed
from trl.trainer.reward_config import RewardConfig
from trl.trainer.reward_trainer import RewardTrainer

from learning.models import hub, store
from learning.training import artefact, reward_data
from learning.training.arguments import one_sentence, parse, refuse
from learning.training.origins import inherited, tuned_by
from learning.training.reward import FEWEST, Report
from learning.training.reward_classifier import Classifier
from learning.training.reward_data import Data, Pairing, Ranked
from learning.training.reward_fit import calibrated
from learning.training.reward_model import CACHE, Reading, RewardModel, hash_of, tuned_on
from learning.training.reward_options import refuse_window
from learning.training.reward_pairs import triplets
from learning.training.reward_terms import Bounds
from learning.training.rows import Split
from learning.training.sft_checkpoints import Work
from learning.training.sft_data import order
from learning.training.sft_watch import Watch
from storage.errors import ConfigurationError, DataError


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a pairwise reward model is trained on, and how. Kept whole in its manifest."""

    data: Path
    """A snapshot, or a folder of ranked or voted questions."""
    out: Path
    """The folder of the model; the same command goes on where a killed one stopped."""
    encoder: str = "packaged"
    """`packaged`, a packaged model's name, a Hugging Face id or a folder with safetensors."""
    epochs: float = 1.0
    """How often each pair is seen."""
    batch: int = 16
    """Pairs a step."""
    rate: float = 2e-5
    """The highest learning rate, after a warm-up of a tenth of the steps; then it falls in a line."""
    longest_tokens: int = 256
    """Of a question and an answer together; the longer one is cut."""
    bounds: Bounds = field(default_factory=Bounds)
    """Of the reward's terms."""
    pairing: Pairing = "extremes"
    """Of ranked data: the best against the worst, or every pair of unequal answers."""
    most_pairs: int = 3
    """Of one question: no thread teaches more than another."""
    adversarial: float = 0.5
    """Adversarial pairs a question."""
    most_questions: int = 0
    """Train on no more than these many, drawn by the seed; 0 for all."""
    checkpoint_steps: int = 100
    """A checkpoint every so many steps; a killed run goes on from its last."""
    threads: int = 0
    """Of torch; 0 leaves its own choice."""
    seed: int = 0
    """Of the new output, the order of pairs and of dropout."""
    cache: Path = CACHE
    """Of downloaded models."""

    def check(self) -> None:
        """Raise ConfigurationError that names the first option that cannot be."""
        over = ("epochs", "batch", "rate", "most_pairs", "checkpoint_steps")
        refuse(self, over=over, least=("adversarial", "most_questions", "threads"))
        refuse_window(self.longest_tokens)
        self.bounds.check()

    def recorded(self) -> dict[str, Any]:
        """As the manifest keeps them: of a folder its name, for paths differ between machines."""
        found: dict[str, Any] = json.loads(
            json.dumps(dataclasses.asdict(self), default=lambda path: path.name)
        )
        if Path(self.encoder).exists():
            found["encoder"] = Path(self.encoder).name
        plain = {name: value for name, value in found.items() if name not in ("out", "cache", "threads")}
        return {**plain, "trainer": "trl"}


class Pairwise(RewardTrainer):
    """TRL's trainer over pairs that are tokens already."""

    def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
        return dataset


def run(options: Options, console: Console | None = None) -> Report:
    """Train, or find that it is done. Raises DataError, ModelError, SetupError, ConfigurationError."""
    console = console or Console(stderr=True)
    options.check()
    wanted = options.recorded()
    data = reward_data.read(options.data, options.pairing)
    home = hub.resolve(options.encoder, "encoder", options.cache)
    if options.out.exists() and (not options.out.is_dir() or any(options.out.iterdir())):
        done = RewardModel.load(options.out, cache=options.cache).about
        if (done["options"], done["data"], done["encoder_sha256"]) != (wanted, data.id, hash_of(home)):
            raise ConfigurationError(
                f"{options.out} holds a reward model of other options: name another folder."
            )
        return Report(folder=options.out, manifest=done)
    if options.threads:
        torch.set_num_threads(options.threads)
    work = Work(options.out, artefact.run_id("reward", data.id, hash_of(home), wanted))
    with artefact.full_disk_said(options.out.parent):
        model, about = _trained(options, data, home, work, console)
        made = work.folder / "model"
        about |= {"encoder": options.encoder, "encoder_sha256": hash_of(home), "options": wanted}
        model.save(made, about, with_encoder=True)
        if options.out.is_dir():
            options.out.rmdir()
        made.rename(options.out)
    work.done()
    return Report(folder=options.out, manifest=store.manifest(options.out))


def _trained(
    options: Options, data: Data, home: Path, work: Work, console: Console
) -> tuple[RewardModel, dict[str, Any]]:
    order_of = np.random.default_rng(options.seed).permutation
    found = [one for one in data.questions if one.split is Split.TRAIN]
    chosen = order_of(len(found))[: options.most_questions or None]
    train = [found[place] for place in chosen]
    held = [one for one in data.questions if one.split is Split.VALIDATION]
    if options.most_questions:
        held = held[: max(FEWEST, options.most_questions // 4)]
    if not train:
        raise DataError(f"{options.data} has no question in its training part: nothing can be learned.")
    console.print(f"{len(train)} questions train, {len(held)} are held out")
    set_seed(options.seed)
    classifier = Classifier(home, options.longest_tokens)
    _tune(classifier, train, options, work, console)
    model = RewardModel(
        None,
        reading=Reading(longest_tokens=options.longest_tokens),
        bounds=options.bounds,
        classifier=classifier,
        seen=tuned_on(home) | {one.key for one in (*train, *held)},
    )
    enough = sum(len(one.pairs[: options.most_pairs]) for one in held) >= FEWEST
    model.calibration = calibrated(model, held if enough else [*held, *train], options.most_pairs)
    return model, {
        "data": data.id,
        "questions": {"train": len(train), "validation": len(held)},
        **inherited({"private": sum(one.private for one in (*train, *held))}, tuned_by(home)),
        "calibrated_on": "validation" if enough else "validation and train",
        "contradictions": data.contradictions,
        "started_from": "",
    }


def _tune(
    classifier: Classifier, questions: Sequence[Ranked], options: Options, work: Work, console: Console
) -> None:
    pairs = triplets(questions, most_pairs=options.most_pairs, adversarial=options.adversarial, echo=True)
    rows = [
        {"chosen_ids": classifier.ids(asked, better), "rejected_ids": classifier.ids(asked, worse)}
        for asked, better, worse in pairs
    ]
    lengths = [max(map(len, row.values())) for row in rows]
    count = math.ceil(options.epochs * len(rows))
    numbers = order(lengths, count, options.batch, options.seed)
    cpu = not torch.cuda.is_available()
    arguments = RewardConfig(
        output_dir=str(work.folder),
        num_train_epochs=1,  # the epochs are in the rows' order
        train_sampling_strategy="sequential",
        per_device_train_batch_size=options.batch,
        learning_rate=options.rate,
        lr_scheduler_type="linear",
        warmup_steps=math.ceil(len(numbers) / options.batch / 10),
        save_steps=options.checkpoint_steps,
        save_total_limit=2,
        logging_steps=1,
        logging_nan_inf_filter=False,
        activation_checkpointing=False,
        bf16=False,
        use_cpu=cpu,
        seed=options.seed,
        data_seed=options.seed,
        dataloader_pin_memory=False,
        disable_tqdm=True,
        report_to="none",
        max_length=None,
    )
    watch = Watch(console, "reward model")
    trainer: Any = Pairwise(
        model=classifier.model,
        args=arguments,
        train_dataset=Dataset.from_list([rows[number] for number in numbers]),
        processing_class=classifier.tokenizer,
        callbacks=[watch],
    )
    trainer.remove_callback(PrinterCallback)
    latest = work.latest()
    try:
        trainer.train(resume_from_checkpoint=str(latest) if latest else None)
    finally:
        watch.stop()
    classifier.model.eval()


@one_sentence
def main(given: Sequence[str] | None = None) -> int:
    """The command line."""
    console = Console(stderr=True)
    report = run(parse(Options, __doc__ or "", given), console)
    console.print(f"{report.folder}: calibrated on {report.manifest['calibrated_on']}", markup=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
