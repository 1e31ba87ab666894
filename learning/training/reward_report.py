"""How good a reward model is on questions it never saw, beside the untrained encoder and length alone.

Accuracy of the best answer against the worst (of three or more where their order is known), by source, and
where both are of like length; rank correlation with votes or places; what length does to the reward; and
every adversarial kind against the real answer. Questions that the model trained, or was calibrated, on are
left out by their text, whatever folder they come in. Left out: the policy's evaluation.
Run: thumbprint evaluate reward --data FOLDER --model DIR
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from rich.console import Console
from rich.progress import Progress

from learning.models import hub, store
from learning.training import reward_data, snapshot
from learning.training import reward_judging as judging
from learning.training.arguments import one_sentence, parse, refuse
from learning.training.evaluate_report import plain
from learning.training.negatives import Negative
from learning.training.reward_data import Ranked
from learning.training.reward_figures import (
    Figure,
    figure,
    over_questions,
    wins,
    wins_alike,
    within,
)
from learning.training.reward_judging import Seen
from learning.training.reward_model import CACHE, ENCODER, Reading, RewardModel, hash_of
from learning.training.reward_page import Adversarial, Report, markdown
from storage.errors import ConfigurationError, DataError, SetupError


@dataclass(frozen=True, kw_only=True)
class Options:
    """What is judged, and on what."""

    data: Path
    """A snapshot, or a folder of ranked or voted questions."""
    model: Path | None = None
    """A trained reward model; without one, the untrained encoder is judged."""
    others: tuple[Path, ...] = ()
    """Further models, of other seeds or folds: each judges its part; of a question the mean is taken."""
    encoder: str = "packaged"
    """The encoder that is judged where there is no model."""
    part: Literal["all", "train", "validation", "test"] = "all"
    """Which part of the data; what the model has seen is left out in any case."""
    fewest_answers: int = 3
    """Of a question whose answers' order is known."""
    most_questions: int = 0
    """Judge no more than these many, drawn by the seed; 0 for all."""
    most_adversarial: int = 300
    """Questions for which adversarial answers are made."""
    seed: int = 0
    """Of the draws: of questions, and of the intervals."""
    vectors: Path | None = None
    """A folder in which the vectors of encoders that stay as they come are kept for other reports, too."""
    threads: int = 0
    """Of torch; 0 leaves its own choice."""
    device: str = "cpu"
    """Where the encoders compute."""
    cache: Path = CACHE
    """Of downloaded models."""
    out: Path | None = None
    """Folder for report.md and report.json; None writes none."""


def run(options: Options, console: Console | None = None) -> Report:
    """Judge. Raises DataError (no unseen question is left), ConfigurationError, ModelError, SetupError."""
    console = console or Console(stderr=True)
    least = ("fewest_answers", "most_questions", "most_adversarial", "threads")
    refuse(options, least=least)
    if options.others and not options.model:
        raise ConfigurationError("--others are further models: name the first by --model.")
    if options.threads:
        import torch

        torch.set_num_threads(options.threads)
    folders = [options.model, *options.others]
    judged: list[Seen] = []
    before: list[Seen] = []
    gaps: list[tuple[Negative, float]] = []
    about: list[dict[str, Any]] = []
    with Progress(console=console) as progress:
        for number, folder in enumerate(folders, 1):
            name = str(number) if len(folders) > 1 else ""
            model, other = _models(folder, options)
            data, questions, left_out = _questions(model, options)
            found = list(judging.judged(model, questions, progress, name))
            judged += found
            before += judging.judged(other, questions, progress, "untrained") if other else found
            most = options.most_adversarial // len(folders)
            gaps += judging.adversarial(model, questions[:most], progress)
            about.append(
                {
                    "name": name,
                    "data": data,
                    "model": model.about.get("format", "untrained encoder"),
                    "sha256": store.sha256_of(folder / store.MANIFEST) if folder else "",
                    "encoder": model.about["encoder"],
                    "questions": len(questions),
                    "left_out_as_seen": left_out,
                    "trained_with": model.about.get("options", {}),
                }
            )
    report = _figures(judged, before, gaps, about, options.seed)
    if options.out:
        _write(report, options.out)
    return report


def _models(folder: Path | None, options: Options) -> tuple[RewardModel, RewardModel | None]:
    """A trained model and the untrained encoder that it began with; or that alone."""
    cache, device, other = options.cache, options.device, None
    if folder is None:
        model = RewardModel.untrained(options.encoder, cache=cache, device=device)
    else:
        model = RewardModel.load(folder, cache=cache, device=device)
        read = model.reading
        reading = Reading(similarity=read.similarity, longest_tokens=read.longest_tokens)
        other = RewardModel.untrained(model.about["encoder"], reading=reading, cache=cache, device=device)
    if options.vectors:
        encoder = hash_of(hub.resolve(model.about["encoder"], "encoder", cache))
        own = folder is not None and (folder / ENCODER).is_dir()
        for one in (other, None if own else model):
            if one is not None:
                one.keep(options.vectors, encoder)
    return model, other


def _questions(model: RewardModel, options: Options) -> tuple[str, list[Ranked], int]:
    """The data's id, the questions to judge by, and how many were left out because the model saw them."""
    kept = (options.data / snapshot.MANIFEST).is_file()
    fold = 0 if kept else int(model.about.get("options", {}).get("fold", 0))
    data = reward_data.read(options.data, fold=fold)
    wanted = [
        one
        for one in data.questions
        if one.pairs
        and options.part in ("all", one.split.value)
        and (not one.values or len(one.answers) >= options.fewest_answers)
    ]
    unseen = [one for one in wanted if one.key not in model.seen]
    if not unseen:
        raise DataError(
            f"{options.data} has {len(wanted)} questions in this part with enough answers, and the model has "
            "seen them all: give it others."
        )
    order = np.random.default_rng(options.seed).permutation(len(unseen))
    chosen = order[: options.most_questions] if options.most_questions else order
    return data.id, [unseen[n] for n in chosen], len(wanted) - len(unseen)


def _figures(
    judged: Sequence[Seen],
    before: Sequence[Seen],
    gaps: Sequence[tuple[Negative, float]],
    about: Sequence[Mapping[str, Any]],
    seed: int,
) -> Report:
    whole, base = [one.whole for one in judged], [one.network for one in before]
    won, base_won = [wins(one) for one in whole], [wins(one) for one in base]

    def over(values: Sequence[float | None]) -> Figure:
        return over_questions(whole, values, seed)

    def alone(values: Sequence[float], chosen: Sequence[bool]) -> Figure:
        return over([value if mine else None for mine, value in zip(chosen, values, strict=True)])

    by_kind = {kind: [gap for each, gap in gaps if each is kind] for kind in Negative}
    return Report(
        about={
            **about[0],
            "seed": seed,
            "questions": len({one.key for one in whole}),
            "left_out_as_seen": sum(one["left_out_as_seen"] for one in about),
            "models": about,
        },
        accuracy=over(won),
        network=over([wins(one.network) for one in judged]),
        untrained=over(base_won),
        length_only=over([wins(one, by_words=True) for one in whole]),
        gain=over([mine - its for mine, its in zip(won, base_won, strict=True)]),
        same_length=over([wins_alike(one) for one in whole]),
        same_length_untrained=over([wins_alike(one) for one in base]),
        by_source={
            name: alone(won, [one.source == name for one in whole])
            for name in sorted({one.source for one in whole})
        },
        by_model={
            f"model {name}": alone(won, [one.model == name for one in whole])
            for name in sorted({one.model for one in whole if one.model})
        },
        with_values=within(whole, "values", seed),
        with_length=within(whole, "words", seed),
        adversarial={
            kind.value: Adversarial(
                below=figure([float(gap > 0) for gap in found], seed), gap=figure(found, seed)
            )
            for kind, found in by_kind.items()
            if found
        },
    )


def _write(report: Report, out: Path) -> None:
    """report.md and report.json. Raises SetupError."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "report.md").write_text(markdown(report))
        whole = plain({**dataclasses.asdict(report), "gates": report.gates})
        (out / "report.json").write_text(json.dumps(whole, indent=1, allow_nan=False) + "\n")
    except OSError as error:
        raise SetupError(
            f"The report cannot be written to {out} ({error.strerror}): make room there."
        ) from error


@one_sentence
def main(argv: Sequence[str] | None = None) -> int:
    """The command line: the report in Markdown on stdout."""
    console = Console(stderr=True)
    report = run(parse(Options, __doc__, argv), console)
    sys.stdout.write(markdown(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
