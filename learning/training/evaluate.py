"""Evaluation of policies on questions that they never saw: who answers better, by how much, how sure that is.

The bare base and every adapter answer the same questions with the same random numbers, as they would serve;
each answer is measured; `report.md`, `report.html` and `report.json` say what was found, and the targets that
are met. Killed and started again it goes on from the answers and measures that lie in its folder:

    OUT/answers/SYSTEM-SEED.jsonl   OUT/measures/SYSTEM-SEED.json   OUT/report.*   OUT/manifest.json, last

Left out: judging whether an adapter may serve; people's judgements (`learning/training/metric_study.py`).

    thumbprint evaluate policy --data FOLDER --out DIR --adapter sft=DIR --adapter ppo=DIR
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from learning.models import hub, store
from learning.models.policy import Policy
from learning.training import (
    answers,
    artefact,
    evaluate_about,
    evaluate_figures,
    evaluate_page,
    evaluate_report,
    seen,
)
from learning.training.answers import Asked, Written
from learning.training.arguments import one_sentence, parse
from learning.training.evaluate_figures import Answer, best_of
from learning.training.evaluate_measures import Judges, judges_id, measured
from learning.training.evaluate_options import Options
from learning.training.evaluate_report import Report
from learning.training.evaluate_targets import targets
from learning.training.origins import refuse_same
from storage.errors import ConfigurationError, DataError, SetupError

REPORT = "report.json"
VECTORS = "vectors"
"""What the reward models read, until all is measured."""


def run(options: Options, *, console: Console | None = None) -> Report:
    """Evaluate, and write the report into `options.out`; at once where that run's report is there already.

    Raises ConfigurationError (options, a folder of another evaluation), DataError (no unseen question,
    another run's answers), ModelError (base, adapters, reward models, encoder), SetupError (full disk).
    """
    console = console or Console(stderr=True)
    options.check()
    if options.threads:
        torch.set_num_threads(options.threads)
    base = hub.resolve(options.model, "policy", options.cache, console=console)
    refuse_same(options.reward, options.independent)
    judged_by = judges_id(options.encoder, options.reward, options.independent, cache=options.cache)
    about = evaluate_about.of(options, base, judged_by)
    if found := _there(options.out, about["run"]):
        return found
    _made(options.out)
    with artefact.full_disk_said(options.out), _progress(console) as progress:
        kept = options.out / VECTORS
        judges = Judges.load(
            options.encoder, options.reward, options.independent, cache=options.cache, kept=kept
        )
        policy = answers.load(base, None, cache=options.cache)
        learned = {name: seen.together(filter(None, each)) for name, each in options.systems.items()}
        questions, left_out = _questions(options, policy, judges, learned.values())
        unknown = [name for name, one in learned.items() if not one.whole]
        about |= {"questions": len(questions), "left_out": left_out, "unknown": unknown}
        every = []
        for name, folders in options.systems.items():
            for seed, written in _written(name, folders, policy, questions, options, progress):
                file = options.out / "measures" / f"{name}-{seed}.json"
                tell = _telling(progress, f"{name}, seed {seed}: measured", len(written))
                every += measured(name, seed, questions, written, judges, judged_by, file, tell)
        report = _report(every, options, about)
        _write(report, options.out)
    return report


def _questions(
    options: Options, policy: Policy, judges: Judges, learned: Iterable[seen.Seen]
) -> tuple[tuple[Asked, ...], dict[str, int]]:
    """The questions that are asked, and how many were left out because of what."""
    every = answers.asked(options.data, options.split)
    unjudged = seen.without(every, judges.seen)
    unseen = seen.without(unjudged, frozenset(key for one in learned for key in one.keys))
    left_out = {"seen": len(every) - len(unjudged), "learned": len(unjudged) - len(unseen)}
    longest = min(options.max_prompt, policy.context - 1)
    found: list[Asked] = []
    long = 0
    for one in unseen:
        if len(found) == (options.questions or len(unseen)):
            break
        fits = answers.fitting(policy, [one], longest)
        found += fits
        long += not fits
    if not found:
        raise DataError(
            f"None of the {len(every)} questions in {options.data} can be asked: {left_out['seen']} are "
            f"known to a reward model, {left_out['learned']} more to an adapter, {long} are longer than "
            f"{longest} tokens: give it others."
        )
    return tuple(found), {**left_out, "long": long}


def _written(
    name: str,
    folders: Sequence[Path | None],
    base: Policy,
    questions: Sequence[Asked],
    options: Options,
    progress: Progress,
) -> Iterator[tuple[int, list[Written]]]:
    """Each seed with a system's answers. One policy is in memory beside the base."""
    for place, folder in enumerate(folders):
        seeds = [options.seed + number for number in range(place, options.seeds, len(folders))]
        if not seeds:
            continue
        policy = base if folder is None else answers.load(base.folder, folder, cache=options.cache)
        written = answers.write(
            policy,
            questions,
            attempts=options.candidates,
            sampling=options.sampling,
            stores={seed: options.out / "answers" / f"{name}-{seed}.jsonl" for seed in seeds},
            processes=options.processes,
            tell=_telling(progress, f"{name}, seed {', '.join(map(str, seeds))}: answered", len(questions)),
        )
        yield from written.items()


def _report(every: Sequence[Answer], options: Options, about: Mapping[str, Any]) -> Report:
    tried = [one for one in every if one.attempt < options.attempts]
    best = best_of(every, options.chosen_of) if options.chosen_of else []
    lines = evaluate_figures.lines([*tried, *best])
    comparisons = evaluate_figures.comparisons(tried, best, options.chosen_of, options.deployed)
    return Report(
        about=about,
        lines=tuple(lines),
        comparisons=tuple(comparisons),
        correlations=tuple(evaluate_figures.correlations(tried)),
        targets=tuple(targets(lines, comparisons, about["questions"], options.seeds)),
    )


def _there(out: Path, run: str) -> Report | None:
    """The report of that very run. Raises ConfigurationError where another's lies in the folder."""
    manifest = store.manifest(out)
    if not manifest:
        return None
    if manifest.get("run") != run:
        raise ConfigurationError(
            f"{out} holds another evaluation: name another --out; the folders answers and measures may be "
            "copied there, and are used as far as they are of the same."
        )
    if store.damaged(out) is not None:
        return None
    try:
        return evaluate_report.of_json((out / REPORT).read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(report: Report, out: Path) -> None:
    """The three forms of the report, then the manifest."""
    (out / store.MANIFEST).unlink(missing_ok=True)
    shutil.rmtree(out / VECTORS, ignore_errors=True)
    for name, text in (
        (REPORT, evaluate_report.to_json(report)),
        ("report.md", evaluate_page.markdown(report)),
        ("report.html", evaluate_page.html(report)),
    ):
        (out / name).write_text(text, encoding="utf-8")
    store.seal(out, stage=evaluate_about.STAGE, run=report.about["run"], options=report.about["options"])


def _made(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(
            f"The evaluation cannot be written to {out} ({error.strerror or error}): make it writable."
        ) from error


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
    )


def _telling(progress: Progress, what: str, total: int) -> Callable[[int], None]:
    task = progress.add_task(what, total=total)
    return lambda done: progress.update(task, completed=done)


@one_sentence
def main(argv: Sequence[str] | None = None) -> int:
    """The command line: the report in Markdown on stdout."""
    console = Console(stderr=True)
    options = parse(Options, __doc__, argv)
    report = run(options, console=console)
    sys.stdout.write(evaluate_page.markdown(report))
    console.print(f"The page: {options.out / 'report.html'}", markup=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
