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
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from rich.console import Console
from rich.progress import Progress

from learning.training import reward_data
from learning.training.arguments import parse
from learning.training.negatives import Negative, negatives
from learning.training.reward_data import Ranked
from learning.training.reward_figures import Judgement, alike, figure, wins, within
from learning.training.reward_model import CACHE, Reading, RewardModel
from learning.training.reward_page import Adversarial, Report, markdown
from storage.errors import DataError, SetupError, ThumbprintError

BATCH = 64
"""Questions between two steps of the progress bar."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What is judged, and on what."""

    data: Path
    """A snapshot, or a folder of ranked or voted questions."""
    model: Path | None = None
    """A trained reward model; without one, the untrained encoder is judged."""
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
    threads: int = 0
    """Of torch; 0 leaves its own choice."""
    device: str = "cpu"
    """Where the encoders compute."""
    cache: Path = CACHE
    """Of downloaded models."""
    out: Path | None = None
    """Folder for report.md and report.json; None writes none."""


def run(options: Options, console: Console | None = None) -> Report:
    """Judge. Raises DataError where no unseen question is left, ModelError, SetupError."""
    console = console or Console(stderr=True)
    if options.threads:
        import torch

        torch.set_num_threads(options.threads)
    if options.model:
        model = RewardModel.load(options.model, cache=options.cache, device=options.device)
        base = str(model.about["encoder"])
        reading = Reading(similarity=model.reading.similarity, longest_tokens=model.reading.longest_tokens)
    else:
        model = RewardModel.untrained(options.encoder, cache=options.cache, device=options.device)
        base, reading = options.encoder, Reading()
    data = reward_data.read(options.data)
    questions, left_out = _questions(data.questions, model.seen, options)
    with Progress(console=console) as progress:
        judged = list(_judged(model, questions, progress, "the model"))
        before = judged
        if options.model:
            other = RewardModel.untrained(base, reading=reading, cache=options.cache, device=options.device)
            before = list(_judged(other, questions, progress, "the untrained encoder"))
        worst = _adversarial(model, questions[: options.most_adversarial], progress, options.seed)
    about = {
        "data": data.id,
        "model": model.about.get("format", "untrained encoder"),
        "encoder": base,
        "seed": options.seed,
        "questions": len(questions),
        "left_out_as_seen": left_out,
        "trained_with": model.about.get("options", {}),
    }
    report = _figures(judged, before, worst, about, options.seed)
    if options.out:
        _write(report, options.out)
    return report


def _questions(found: Sequence[Ranked], seen: frozenset[str], options: Options) -> tuple[list[Ranked], int]:
    """The questions to judge by, and how many were left out because the model has seen them."""
    wanted = [
        one
        for one in found
        if one.pairs
        and options.part in ("all", one.split.value)
        and (not one.values or len(one.answers) >= options.fewest_answers)
    ]
    unseen = [one for one in wanted if one.key not in seen]
    if not unseen:
        raise DataError(
            f"{options.data} has {len(wanted)} questions in this part with enough answers, and the model has "
            "seen them all: give it others."
        )
    order = np.random.default_rng(options.seed).permutation(len(unseen))
    chosen = order[: options.most_questions] if options.most_questions else order
    return [unseen[n] for n in chosen], len(wanted) - len(unseen)


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """A question under the whole reward, and under the network alone."""

    whole: Judgement
    network: Judgement


def _judged(
    model: RewardModel, questions: Sequence[Ranked], progress: Progress, name: str
) -> Iterator[_Seen]:
    """Every answer of every question, scored."""
    batches = [questions[at : at + BATCH] for at in range(0, len(questions), BATCH)]
    for batch in progress.track(batches, description=name):
        asked = [one.question for one in batch for _ in one.answers]
        scored = iter(model.explain(asked, [text for one in batch for text in one.answers]))
        for one in batch:
            mine = [next(scored) for _ in one.answers]
            whole = Judgement(
                rewards=tuple(each.reward for each in mine),
                words=tuple(len(text.split()) for text in one.answers),
                pairs=one.pairs,
                values=one.values,
                source=one.source.value,
            )
            network = dataclasses.replace(whole, rewards=tuple(each.network for each in mine))
            yield _Seen(whole=whole, network=network)


def _adversarial(
    model: RewardModel, questions: Sequence[Ranked], progress: Progress, seed: int
) -> dict[str, Adversarial]:
    """Each kind beside the best real answer. Nobody tells the model which answers ended by themselves."""
    gaps: dict[Negative, list[float]] = {kind: [] for kind in Negative}
    for turn, one in enumerate(progress.track(questions, description="adversarial answers")):
        other = questions[(turn + 1) % len(questions)]
        best = one.answers[one.pairs[0][0]]
        stranger = other.answers[other.pairs[0][0]] if other is not one else ""
        made = negatives(one.question, best, stranger, turn)
        real, *rest = model.score([one.question] * (1 + len(made)), [best, *made.values()])
        for kind, reward in zip(made, rest, strict=True):
            gaps[kind].append(real - reward)
    return {
        kind.value: Adversarial(
            below=figure([float(gap > 0) for gap in found], seed), gap=figure(found, seed)
        )
        for kind, found in gaps.items()
        if found
    }


def _figures(
    judged: Sequence[_Seen],
    before: Sequence[_Seen],
    worst: Mapping[str, Adversarial],
    about: Mapping[str, Any],
    seed: int,
) -> Report:
    whole, base = [one.whole for one in judged], [one.network for one in before]
    won, base_won = [wins(one) for one in whole], [wins(one) for one in base]
    sources = sorted({one.source for one in whole})
    return Report(
        about=about,
        accuracy=figure(won, seed),
        network=figure([wins(one.network) for one in judged], seed),
        untrained=figure(base_won, seed),
        length_only=figure([wins(one, by_words=True) for one in whole], seed),
        gain=figure([mine - its for mine, its in zip(won, base_won, strict=True)], seed),
        same_length=figure([wins(one) for one in whole if alike(one)], seed),
        same_length_untrained=figure([wins(one) for one in base if alike(one)], seed),
        by_source={
            name: figure([wins(one) for one in whole if one.source == name], seed) for name in sources
        },
        with_values=within(whole, "values", seed),
        with_length=within(whole, "words", seed),
        adversarial=worst,
    )


def _write(report: Report, out: Path) -> None:
    """report.md and report.json. Raises SetupError."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "report.md").write_text(markdown(report))
        plain = _plain({**dataclasses.asdict(report), "gates": report.gates})
        (out / "report.json").write_text(json.dumps(plain, indent=1, allow_nan=False) + "\n")
    except OSError as error:
        raise SetupError(
            f"The report cannot be written to {out} ({error.strerror}): make room there."
        ) from error


def _plain(value: Any) -> Any:
    """The same with null where a figure is no number."""
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value


def main(argv: Sequence[str] | None = None) -> int:
    """The command line: the report in Markdown on stdout. Our own errors are one sentence and exit code 1."""
    console = Console(stderr=True)
    try:
        report = run(parse(Options, __doc__, argv), console)
    except ThumbprintError as error:
        console.print(f"✗ {error}", markup=False)
        return 1
    sys.stdout.write(markdown(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
