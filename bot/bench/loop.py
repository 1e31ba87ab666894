"""`thumbprint bench loop`: hidden rules, a rule-based maintainer, learners compared over rounds and seeds.

Reads as its stages: questions and rules → courses (calibration: rules must bite) → trials → report. Every
generation and every finished trial is kept under `out`, so a run that was stopped goes on with the same
command. Trials go seed by seed and, within one, the learners that decide the targets first, so that a part
of a run is a smaller run. What is left out: what a trial is (`bot/bench/trial.py`), who does them side by
side (`bot/bench/crew.py`), how they are summed up (`bot/bench/report.py`).

    thumbprint bench loop --small        # minutes, in CI
    thumbprint bench loop                # hours; resumable

"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bot.bench import questions as asked
from bot.bench import report, rules
from bot.bench.cache import CachedModels
from bot.bench.calibrate import prepare
from bot.bench.course import Course, Size, check, from_json
from bot.bench.crew import Crew, crew, default_workers
from bot.bench.learners import LEARNERS, Learner
from bot.bench.results import Results, code, fingerprint
from bot.bench.tables import markdown
from bot.bench.trial import Row, Trial, empty_database
from bot.plan import Plan
from bot.settings import Settings
from storage.errors import ConfigurationError

PLAN = Plan(max_tokens=96, context_tokens=640, phrase_tokens=200, example_tokens=96)
"""What an answer may spend here: shorter than in production, so that thousands fit into a night."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How large a run is: seeds, the rounds before which learners are examined, and questions a course."""

    seeds: int
    checkpoints: tuple[int, ...]
    size: Size
    learners: tuple[str, ...] = field(default_factory=lambda: tuple(one.name for one in LEARNERS))


FULL = Scale(
    seeds=5,
    checkpoints=(0, 1, 3),
    size=Size(teaching=10, unseen=6, unseen_asked=3, controls=6, controls_asked=6),
)
"""Examined after 0, 1, 3 and all 10 rounds."""

SMALL = Scale(
    seeds=1,
    checkpoints=(0, 1),
    size=Size(teaching=2, unseen=3, unseen_asked=3, controls=2, controls_asked=1),
    learners=("none", "prompt", "all"),
)


def run(
    settings: Settings,
    *,
    small: bool = False,
    rules_file: Path | None = None,
    questions_file: Path | None = None,
    model_url: str = "",
    seeds: int | None = None,
    workers: int | None = None,
    learners: Sequence[str] = (),
    out: Path | None = None,
    console: Console | None = None,
) -> dict[str, Any]:
    """Run (or go on with) the measured loop; writes report.md and report.json to `out`, returns the latter.

    Without `model_url` each worker has a model process of our own for the run, on a free port; how many
    workers there are changes nothing but the time. `out` defaults to `<home>/bench/loop` (`…/loop-small`).
    Raises ConfigurationError for rules and questions that cannot be used, and what the models raise.
    """
    console = console or Console(stderr=True)
    scale = SMALL if small else FULL
    scale = replace(scale, seeds=seeds or scale.seeds, learners=known(learners) or scale.learners)
    repositories = rules.load(rules_file or (rules.PACKAGED_SMALL if small else rules.PACKAGED))
    asked_file = questions_file or asked.default_file(small=small)
    questions = asked.load(asked_file)
    check(repositories, questions, scale.size)
    folder = out or settings.home / "bench" / ("loop-small" if small else "loop")
    folder.mkdir(parents=True, exist_ok=True)
    with crew(settings, model_url, workers or default_workers(), folder, console) as hands:
        url = model_url or settings.model_url
        key = fingerprint(scale.size, repositories, asked_file, settings.policy, url, code(PLAN))
        courses = _prepared(repositories, questions, hands, scale, folder, key, console)
        made = [course.as_json() for course in courses]
        with_adapter = (settings.adapter,) if settings.adapter else ()
        store = Results(folder / "trials.jsonl", fingerprint(key, scale.checkpoints, made, *with_adapter))
        _trials(courses, scale, hands, store, folder, console)
    return summed_up(folder, scale, store, courses, console)


def known(learners: Sequence[str]) -> tuple[str, ...]:
    """The names as given. Raises ConfigurationError for one that no learner has."""
    names = [one.name for one in LEARNERS]
    for name in learners:
        if name not in names:
            raise ConfigurationError(f"There is no learner `{name}`: choose among {', '.join(names)}.")
    return tuple(learners)


def _prepared(
    repositories: Sequence[rules.RuledRepository],
    questions: Sequence[asked.AskedQuestion],
    workers: Crew,
    scale: Scale,
    folder: Path,
    key: str,
    console: Console,
) -> list[Course]:
    """The courses, as kept in `folder` if they were made of the same rules and questions, else made now."""
    file = folder / "courses.json"
    kept = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    if kept.get("key") == key:
        by_id = {question.id: question for question in questions}
        return [from_json(kept[one.name], one, by_id) for one in repositories]

    def calibrate(models: CachedModels, repository: rules.RuledRepository) -> Course:
        return prepare(repository, questions, models, PLAN, scale.size)

    made: dict[str, Course] = {}
    with _bar(console) as bar, closing(workers.each(repositories, calibrate)) as courses:
        task = bar.add_task(
            "calibrating: which questions break a rule without memory", total=len(repositories)
        )
        for repository, course in courses:
            made[repository.name] = course
            bar.advance(task)
    ordered = [made[one.name] for one in repositories]
    as_json = {course.repository.name: course.as_json() for course in ordered}
    file.write_text(json.dumps({"key": key, **as_json}, indent=1) + "\n", encoding="utf-8")
    return ordered


def _trials(
    courses: Sequence[Course], scale: Scale, workers: Crew, store: Results, folder: Path, console: Console
) -> None:
    """Every trial that is not kept yet, seed by seed, learner by learner, repository by repository."""
    template = folder / "empty.db"
    empty_database(template)  # also brings that of an earlier run up to date
    chosen: list[Learner] = [one for one in LEARNERS if one.name in scale.learners]
    chosen.sort(key=lambda one: one.name not in ("none", "all"))
    todo = [
        (seed, course, learner)
        for seed in range(scale.seeds)
        for learner in chosen
        for course in courses
        if (course.repository.name, seed, learner.name) not in store.trials
    ]

    def examine(models: CachedModels, task: tuple[int, Course, Learner]) -> list[Row]:
        seed, course, learner = task
        return Trial(course, learner, seed, models, PLAN, scale.size, template).run(scale.checkpoints)

    with _bar(console) as bar, closing(workers.each(todo, examine)) as finished:
        task = bar.add_task("trials", total=len(todo) + len(store.trials), completed=len(store.trials))
        for (seed, course, learner), rows in finished:
            store.add(rows)
            bar.update(task, description=f"trials: seed {seed} {course.repository.name} {learner.name}")
            bar.advance(task)


def _bar(console: Console) -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    return Progress(*columns, console=console)


def summed_up(
    folder: Path, scale: Scale, store: Results, courses: Sequence[Course], console: Console
) -> dict[str, Any]:
    """The report of what the store holds, written to `folder` and shown."""
    kinds = {course.repository.name: course.repository.rules for course in courses}
    rows = [row for trial in store.trials.values() for row in trial]
    after = (*scale.checkpoints, scale.size.teaching)
    found = report.build(rows, kinds, after, [one.name for one in LEARNERS])
    found["calibration"] = [
        {
            "repository": course.repository.name,
            "topic_questions_tried": course.tried,
            "exercises": len(course.teaching) + len(course.unseen),
        }
        for course in courses
    ]
    (folder / "report.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    text = markdown(found)
    (folder / "report.md").write_text(text, encoding="utf-8")
    return found
