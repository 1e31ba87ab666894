"""`thumbprint bench loop`: hidden rules, a rule-based maintainer, learners compared over rounds and seeds.

Reads as its stages: questions and rules → courses (calibration: rules must bite) → trials → report. Every
generation and every finished trial is kept under `out`, so a run that was stopped goes on with the same
command. Trials go seed by seed and, within one, the learners that decide the targets first, so that a part
of a run is a smaller run. What is left out: what a trial is (`bot/bench/trial.py`), how it is summed up
(`bot/bench/report.py`).

    thumbprint bench loop --small        # minutes, in CI
    thumbprint bench loop                # hours; resumable

"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bot.bench import questions as asked
from bot.bench import report, rules
from bot.bench.cache import CachedModels
from bot.bench.calibrate import prepare
from bot.bench.course import Course, Size, check, from_json
from bot.bench.learners import LEARNERS, Learner
from bot.bench.results import Results, code, fingerprint
from bot.bench.trial import Trial, empty_database
from bot.models import Models
from bot.parts import model_command, model_env
from bot.plan import Plan
from bot.process import Part
from bot.run import Supervisor
from bot.settings import Settings
from storage.errors import ModelUnavailable

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
    size=Size(teaching=10, unseen=6, unseen_asked=3, controls=6, controls_asked=3),
)
"""Examined after 0, 1, 3 and all 10 rounds."""

SMALL = Scale(
    seeds=1,
    checkpoints=(0, 1),
    size=Size(teaching=3, unseen=2, unseen_asked=2, controls=2, controls_asked=1, breaking=1),
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
    out: Path | None = None,
    console: Console | None = None,
) -> dict[str, Any]:
    """Run (or go on with) the measured loop; writes report.md and report.json to `out`, returns the latter.

    Without `model_url` our own model process is started for the run, on a free port. `out` defaults to
    `<home>/bench/loop` (`…/loop-small`). Raises ConfigurationError for rules and questions that cannot be
    used, and what the models raise.
    """
    console = console or Console(stderr=True)
    scale = SMALL if small else FULL
    scale = scale if seeds is None else Scale(**{**scale.__dict__, "seeds": seeds})
    repositories = rules.load(rules_file or (rules.PACKAGED_SMALL if small else rules.PACKAGED))
    asked_file = questions_file or asked.default_file(small=small)
    questions = asked.load(asked_file)
    check(repositories, questions, scale.size)
    folder = out or settings.home / "bench" / ("loop-small" if small else "loop")
    folder.mkdir(parents=True, exist_ok=True)
    with serving(settings, model_url, folder, console) as served:
        models = CachedModels(Models(served), folder / "generations.jsonl", served.policy)
        try:
            key = fingerprint(scale.size, repositories, asked_file, served.policy, served.model_url)
            courses = _prepared(repositories, questions, models, scale, folder, key, console)
            made = [course.as_json() for course in courses]
            store = Results(folder / "trials.jsonl", fingerprint(key, scale.checkpoints, made, code(PLAN)))
            _trials(courses, scale, models, store, folder, console)
        finally:
            models.close()
    return summed_up(folder, scale, store, courses, console)


@contextmanager
def serving(settings: Settings, model_url: str, folder: Path, console: Console) -> Iterator[Settings]:
    """Settings whose model URL answers: the one given, or our own process for as long as this lasts."""
    if model_url or settings.model_url:
        yield settings.model_copy(update={"model_url": model_url or settings.model_url})
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = settings.model_copy(update={"model_port": port})
    part = Part(
        name="model",
        command=model_command(own),
        env=model_env({}),
        log=folder / "model.log",
        ready=f"{own.resolved_model_url}/models",
        nice=19,
        stop_s=5,
    )
    supervisor = Supervisor([part], console)
    try:
        if not supervisor.start():
            raise ModelUnavailable("The model process was stopped before it was ready: run again to go on.")
        yield own
    finally:
        supervisor.stop()


def _prepared(
    repositories: Sequence[rules.RuledRepository],
    questions: Sequence[asked.AskedQuestion],
    models: Models,
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
    with console.status("calibrating …") as status:
        courses = prepare(
            repositories,
            questions,
            models,
            PLAN,
            scale.size,
            lambda name: status.update(
                f"calibrating {name}: which questions break its rules without memory …"
            ),
        )
    made = {course.repository.name: course.as_json() for course in courses}
    file.write_text(json.dumps({"key": key, **made}, indent=1) + "\n", encoding="utf-8")
    return courses


def _trials(
    courses: Sequence[Course],
    scale: Scale,
    models: CachedModels,
    store: Results,
    folder: Path,
    console: Console,
) -> None:
    """Every trial that is not kept yet, seed by seed, repository by repository."""
    template = folder / "empty.db"
    if not template.exists():
        empty_database(template)
    chosen: list[Learner] = [one for one in LEARNERS if one.name in scale.learners]
    chosen.sort(key=lambda one: one.name not in ("none", "all"))
    todo = [
        (seed, course, learner)
        for seed in range(scale.seeds)
        for learner in chosen
        for course in courses
        if (course.repository.name, seed, learner.name) not in store.trials
    ]
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("trials", total=len(todo) + len(store.trials), completed=len(store.trials))
        for seed, course, learner in todo:
            progress.update(task, description=f"seed {seed} {course.repository.name} {learner.name}")
            trial = Trial(course, learner, seed, models, PLAN, scale.size, template)
            store.add(trial.run(scale.checkpoints))
            progress.advance(task)


def summed_up(
    folder: Path, scale: Scale, store: Results, courses: Sequence[Course], console: Console
) -> dict[str, Any]:
    """The report of what the store holds, written to `folder` and shown."""
    kinds = {course.repository.name: course.repository.rules for course in courses}
    rows = [row for trial in store.trials.values() for row in trial]
    after = (*scale.checkpoints, scale.size.teaching)
    found = report.build(rows, kinds, after, scale.learners)
    found["calibration"] = [
        {
            "repository": course.repository.name,
            "topic_questions_tried": course.tried,
            "exercises": len(course.teaching) + len(course.unseen),
        }
        for course in courses
    ]
    (folder / "report.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    text = report.markdown(found)
    (folder / "report.md").write_text(text, encoding="utf-8")
    return found
