"""The reward model's training: data → encoder → head → calibration → a folder that scores. Resumable.

1. Train the encoder on triplets of the training part, real and adversarial, if a loss is chosen. 2. Fit the
head on the encoder's vectors. 3. Calibrate on the validation part. The test part is not looked at. With
`--start`, an earlier model learns on: it is where the new one begins and what its head is held to, and
`--rehearse` mixes earlier data in. What is half done lies beside the folder, in `<out>.part`, until the model
is whole. Left out: the judging (`learning/training/reward_report.py`).
Run: thumbprint train reward --data FOLDER --out DIR
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress

from learning.models import hub, store
from learning.training import reward_data
from learning.training.arguments import one_sentence, parse
from learning.training.origins import Judge, inherited, judge, tuned_by
from learning.training.reward_data import Data, Ranked
from learning.training.reward_encoder import tune
from learning.training.reward_fit import calibrated, fitted, hardest
from learning.training.reward_model import ENCODER, RewardModel, hash_of, open_encoder, tuned_on
from learning.training.reward_options import Options
from learning.training.reward_pairs import triplets
from learning.training.rows import Split
from storage.errors import ConfigurationError, DataError, SetupError

FEWEST = 30
"""Fewer held-out pairs calibrate nothing: then those that train do, and the manifest says so."""
BROUGHT = "brought by the model that learns on"
"""Names that model's own encoder before it is trained, as a reader of vectors."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What became of a run: where the model is, and what its manifest says."""

    folder: Path
    manifest: Mapping[str, Any]


def run(options: Options, console: Console | None = None) -> Report:
    """Train, or find that it is done. Raises DataError, ModelError, SetupError, ConfigurationError."""
    console = console or Console(stderr=True)
    options.check()
    data = reward_data.read(options.data, options.pairing, options.fold)
    old = reward_data.read(options.rehearse, options.pairing, options.fold) if options.rehearse else None
    wanted: dict[str, Any] = {
        "options": options.recorded(),
        "data": data.id,
        "rehearsed": old.id if old else "",
        "started_from": _started_from(options.start),
    }
    if options.start is None:  # a folder of that name may hold another one by now
        wanted["encoder_sha256"] = hash_of(hub.resolve(options.encoder, "encoder", options.cache))
    if options.out.exists() and (not options.out.is_dir() or any(options.out.iterdir())):
        done = RewardModel.load(options.out, cache=options.cache).about
        if {name: done.get(name) for name in wanted} != wanted:
            raise ConfigurationError(
                f"{options.out} holds a reward model of other options: name another folder."
            )
        console.print(f"{options.out}: there already, checked.")
        return Report(folder=options.out, manifest=done)
    part = options.out.with_name(options.out.name + ".part")
    try:
        _begin(part, wanted)
        _train(options, data, old, wanted, part, console)
        if options.out.is_dir():
            options.out.rmdir()
        (part / "model").rename(options.out)
        shutil.rmtree(part)
    except OSError as error:
        raise SetupError(
            f"{part} could not be written ({error.strerror or error}): make room; the same command goes on "
            "from what is there."
        ) from error
    return Report(folder=options.out, manifest=store.manifest(options.out))


def _begin(part: Path, wanted: Mapping[str, Any]) -> None:
    """Note the options beside what they make; refuse to go on with others."""
    part.mkdir(parents=True, exist_ok=True)
    note = part / "options.json"
    if not note.exists():
        fresh = part / "options.new"
        fresh.write_text(json.dumps(wanted, indent=1))
        fresh.rename(note)
    elif json.loads(note.read_text()) != wanted:
        raise ConfigurationError(f"{part} was begun with other options: remove it, or name another folder.")
    shutil.rmtree(part / "model", ignore_errors=True)


def _train(
    options: Options, data: Data, old: Data | None, wanted: Mapping[str, Any], part: Path, console: Console
) -> None:
    """All of it, into `part / "model"`."""
    if options.threads:
        import torch

        torch.set_num_threads(options.threads)
    train, held, mixed = _parts(data, old, options)
    if not train:
        raise DataError(f"{options.data} has no question in its training part: nothing can be learned.")
    model, base = _start(options)
    trained = options.tuning.loss != "none"
    console.print(f"{len(train)} questions train, {len(mixed)} are rehearsed, {len(held)} are held out")
    brought = options.start is not None and (options.start / ENCODER).is_dir()
    own = trained or brought
    if own and options.vectors:
        raise ConfigurationError("--vectors is for an encoder that stays as it comes (--loss none).")
    keep, as_it_comes = options.vectors or part / "vectors", str(base["encoder_sha256"])
    others = None
    if options.hard:
        before = ("" if not trained else BROUGHT) if brought else as_it_comes
        model.keep(keep, before, options.tuning.precision)
        others = hardest(model, [*train, *mixed], console)
    if trained:
        _tune(model, [*train, *mixed], others, options, part, console)
    model.keep(keep, "" if own else as_it_comes, options.tuning.precision)
    enough = sum(len(one.pairs[: options.most_pairs]) for one in held) >= FEWEST
    penalty = options.penalty
    if options.head:
        model.head, loss, penalty = fitted(
            model,
            [*train, *mixed],
            most_pairs=options.most_pairs,
            adversarial=options.adversarial,
            penalty=penalty,
            length_limit=options.length_limit,
            held=held if enough else [],
            console=console,
            others=others,
        )
        console.print(f"head: loss {loss:.4f} at penalty {penalty}")
    model.calibration = calibrated(model, held if enough else [*held, *train], options.most_pairs)
    model.bounds = options.bounds
    model.seen |= {one.key for one in (*train, *mixed, *held)}
    used = {"private": sum(one.private for one in (*train, *mixed, *held))}
    about = {
        **base,
        **wanted,
        **inherited(used, *_behind(options)),
        "questions": {"train": len(train), "rehearsed": len(mixed), "validation": len(held)},
        "calibrated_on": "validation" if enough else "validation and train",
        "contradictions": data.contradictions,
        "penalty": penalty,
    }
    model.save(part / "model", about, with_encoder=own)


def _parts(data: Data, old: Data | None, options: Options) -> tuple[list[Ranked], list[Ranked], list[Ranked]]:
    """What trains, what is held out to calibrate, and what is mixed in of the earlier data."""
    rng = np.random.default_rng(options.tuning.seed)

    def drawn(found: Sequence[Ranked], most: int) -> list[Ranked]:
        order = rng.permutation(len(found))
        return [found[n] for n in (order[:most] if most else order)]

    train = drawn([one for one in data.questions if one.split is Split.TRAIN], options.most_questions)
    held = [one for one in data.questions if one.split is Split.VALIDATION]
    if options.most_questions:
        held = held[: max(FEWEST, options.most_questions // 4)]
    if old is None:
        return train, held, []
    new = {one.key for one in data.questions}
    earlier = [one for one in old.questions if one.key not in new]
    again = drawn([one for one in earlier if one.split is Split.TRAIN], len(train))
    kept = drawn([one for one in earlier if one.split is Split.VALIDATION], len(held))
    return train, [*held, *kept], again


def _started_from(start: Path | None) -> str:
    """The SHA-256 of the earlier model's manifest; "" without one, which `_start` refuses in words."""
    file = start / store.MANIFEST if start else None
    return store.sha256_of(file) if file and file.is_file() else ""


def _behind(options: Options) -> list[Judge | None]:
    """The reward models whose rows are in the weights that training begins with."""
    if options.start:
        return [judge(options.start)]
    return [tuned_by(hub.resolve(options.encoder, "encoder", options.cache))]


def _start(options: Options) -> tuple[RewardModel, dict[str, Any]]:
    """The model to begin with, and what its manifest says of its encoder."""
    if options.start:
        model = RewardModel.load(options.start, cache=options.cache, device=options.device)
        if model.classifier is not None:
            raise ConfigurationError(
                f"{options.start} was trained pairwise by TRL, and cannot learn on here."
            )
        return model, {
            "encoder": model.about["encoder"],
            "encoder_sha256": model.about["encoder_sha256"],
        }
    home = hub.resolve(options.encoder, "encoder", options.cache)
    model = RewardModel(open_encoder(home, options.device), reading=options.reading, seen=tuned_on(home))
    return model, {"encoder": options.encoder, "encoder_sha256": hash_of(home)}


def _tune(
    model: RewardModel,
    questions: Sequence[Ranked],
    others: Mapping[str, str] | None,
    options: Options,
    part: Path,
    console: Console,
) -> None:
    """Train the encoder; a bar shows the steps and the loss."""
    prefix = model.reading.answer_prefix
    rows = [
        (question, prefix + better, prefix + worse)
        for question, better, worse in triplets(
            questions,
            most_pairs=options.most_pairs,
            adversarial=options.adversarial,
            echo=bool(prefix),
            others=others,
        )
    ]
    with Progress(console=console) as progress:
        bar = progress.add_task("encoder", total=None)

        def tell(step: int, steps: int, said: Mapping[str, float]) -> None:
            words = f"encoder, loss {said['loss']:.4f}" if "loss" in said else "encoder"
            progress.update(bar, completed=step, total=steps, description=words)

        tune(model.encoder, rows, options.tuning, model.reading.similarity, part / "encoder", tell)


@one_sentence
def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    console = Console(stderr=True)
    report = run(parse(Options, __doc__, argv), console)
    console.print(f"{report.folder}: calibrated on {report.manifest['calibrated_on']}", markup=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
