"""The report of one night: what it learned from, what each stage made, why it was promoted or not.

Read from the night's folder alone, whatever is there of it: a night that failed half-way has a report of the
half. Written into the folder as `report.md` with `plots/*.svg`; the page of the same figures is the web
process's. Left out: what the figures mean, which their stages' own reports say.
Run: `pytest tests/unit/learning/training/test_night_report.py`; `thumbprint runs RUN` prints one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from learning.training import ledger, night_journal
from learning.training.night_plots import Curve, curve, svg
from storage.records import Run, RunStatus

FILE = "report.md"
TITLES = {
    "data": "Data",
    "sft": "Fine-tuning",
    "reward": "Reward model",
    "independent": "Independent reward",
    "ppo": "PPO",
    "evaluate": "Evaluation",
    "gate": "Gate",
}
MEANT = {
    RunStatus.RUNNING: "is at work",
    RunStatus.PROMOTED: "promoted its adapter",
    RunStatus.KEPT: "made an adapter that is not promoted",
    RunStatus.SKIPPED: "had nothing to do",
    RunStatus.FAILED: "failed; nothing was promoted",
}


UNKNOWN = "What its folder holds is not what this version writes: it is as it was, and is not shown here."


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stage whose output is whole: how long it took, and its figures in words."""

    title: str
    seconds: float
    figures: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check of the gate, or one gate of the reward model, in words."""

    name: str
    passed: bool | None
    """None where it was not judged."""
    found: str
    wanted: str
    why: str = ""

    @property
    def outcome(self) -> str:
        """In a word or two."""
        return "not judged" if self.passed is None else "passed" if self.passed else "failed"


@dataclass(frozen=True, kw_only=True)
class Report:
    """What there is to say of a night."""

    run: Run
    changes: tuple[str, ...]
    stages: tuple[Stage, ...]
    gates: tuple[Check, ...]
    """What the reward model had to pass before it trained."""
    checks: tuple[Check, ...]
    curves: tuple[Curve, ...]
    evaluation: str
    """The evaluation's own page, in Markdown; "" where there is none."""

    @property
    def headline(self) -> str:
        """What became of it, in a few words."""
        if self.run.status is RunStatus.KEPT and any(one.passed is False for one in self.gates):
            return "The night ended before PPO; nothing was promoted"
        return f"The night {MEANT[self.run.status]}"


def read(run: Run) -> Report:
    """All that the folder of a run says. A folder that is gone, or another version's, is no error."""
    folder = Path(run.folder) if run.folder else None
    nothing = Report(run=run, changes=(), stages=(), gates=(), checks=(), curves=(), evaluation="")
    if folder is None or not folder.is_dir():
        return nothing
    try:
        return _read(run, folder)
    except (KeyError, TypeError, ValueError, AttributeError):
        return replace(nothing, changes=(UNKNOWN,))


def _read(run: Run, folder: Path) -> Report:
    notes = night_journal.notes(folder)
    return Report(
        run=run,
        changes=tuple(_changes(folder, notes)),
        stages=tuple(
            Stage(title=TITLES[name], seconds=float(note["seconds"]), figures=tuple(_figures(name, note)))
            for name, note in notes.items()
        ),
        gates=tuple(Check(**one) for one in notes.get("reward", {}).get("gates", ())),
        checks=tuple(_checks(folder)),
        curves=tuple(_curves(folder)),
        evaluation=_text(folder / "evaluation" / "report.md"),
    )


def write(run: Run) -> None:
    """Write the report of a run into its folder, if it has one. Raises SetupError."""
    if not run.folder or not Path(run.folder).is_dir():
        return
    report, folder = read(run), Path(run.folder)
    for one in report.curves:
        night_journal.text(folder / "plots" / f"{one.name}.svg", svg(one, alone=True) + "\n")
    night_journal.text(folder / FILE, markdown(report))


def markdown(report: Report) -> str:
    """The report as a page in Markdown."""
    run = report.run
    ended = f" to {run.ended_at:%Y-%m-%d %H:%M}" if run.ended_at else ""
    lines = [f"# {report.headline}", "", run.reason or "It is at work.", ""]
    lines += [f"Run `{run.id}`, {run.started_at:%Y-%m-%d %H:%M}{ended} UTC."]
    lines += [f"Snapshot `{run.snapshot}`."] if run.snapshot else []
    lines += [f"Adapter `{run.adapter}`."] if run.adapter else []
    if report.changes:
        lines += ["", "## What changed", "", *(f"- {change}" for change in report.changes)]
    lines += _table("Whether the reward model may train", "gate", report.gates)
    lines += _table("Why it was promoted, or not", "check", report.checks)
    if report.stages:
        lines += ["", "## Stages", "", "| stage | took | figures |", "| --- | --- | --- |"]
        lines += [_row(one.title, took(one.seconds), "; ".join(one.figures)) for one in report.stages]
    if report.curves:
        lines += ["", "## Curves", ""]
        lines += [f"![{one.title}](plots/{one.name}.svg)" for one in report.curves]
    if report.evaluation:
        lines += ["", report.evaluation.replace("\n#", "\n##").replace("# ", "## ", 1).strip()]
    return "\n".join(lines) + "\n"


def _table(title: str, what: str, checks: Sequence[Check]) -> list[str]:
    """A section of checks; nothing where there are none."""
    head = ["", f"## {title}", "", f"| {what} | | found | wanted |", "| --- | --- | --- | --- |"]
    rows = [_row(one.name, one.outcome, one.found, one.wanted) for one in checks]
    return [*head, *rows] if rows else []


def took(seconds: float) -> str:
    """A duration in words: `12 s`, `3 min`, `2 h 5 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def _changes(folder: Path, notes: Mapping[str, Any]) -> Iterator[str]:
    """What is other than in the night whose adapter serves."""
    data = notes.get("data")
    if not data:
        return
    deployed = night_journal.read(folder / night_journal.BEGUN).get("deployed")
    former = next(iter(Path(deployed).parents[1:2]), None) if deployed else None
    before = night_journal.notes(former).get("data", {}) if former else {}
    yield from _of_data(data, before, bool(deployed))
    ours, theirs = (night_journal.read(one / night_journal.RECIPE) if one else {} for one in (folder, former))
    for name in sorted(ours) if theirs else ():
        if name != "snapshot" and ours[name] != theirs.get(name):
            yield f"Option {name}: {theirs.get(name)} before, {ours[name]} now."


def _of_data(data: Mapping[str, Any], before: Mapping[str, Any], serves: bool) -> Iterator[str]:
    threads, then = data["counts"]["threads"], before.get("counts", {}).get("threads", {})
    for part, number in sorted(threads.items()):
        was = f", {then.get(part, 0)} when the adapter that serves was trained" if before else ""
        yield f"{number} threads in the {part} part{was}."
    sources, earlier = data["sources"], before.get("sources", {})
    said = ", ".join(
        f"{name} {number}" + (f" ({number - earlier.get(name, 0):+d})" if before else "")
        for name, number in sources.items()
    )
    yield f"Rows by source: {said}."
    if not before:
        yield (
            "The adapter that serves was not made by a night on this machine."
            if serves
            else "The bare base serves so far: there is no adapter to compare with."
        )


def _figures(name: str, note: Mapping[str, Any]) -> Iterator[str]:
    """The figures of a stage in words: numbers and short texts; what is nested, one level deep."""
    for key, value in note.items():
        if key == "seconds" or value is None or isinstance(value, list | tuple):
            continue
        words = key.replace("_", " ")
        if isinstance(value, Mapping):
            inner = [
                f"{inside} {_said(each)}"
                for inside, each in value.items()
                if not isinstance(each, Mapping | list)
            ]
            if inner:
                yield f"{words}: {', '.join(inner)}"
        elif key not in ("folder", "own", "deployed"):
            yield f"{words} {_said(value)}"


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    text = str(value)
    return text[:12] if len(text) == 64 else text[:160]


def _checks(folder: Path) -> Iterator[Check]:
    for one in night_journal.read(folder / "gate" / "gate.json").get("checks", ()):
        said = {name: str(one.get(name, "")) for name in ("name", "found", "wanted", "why")}
        yield Check(passed=one.get("passed") is True, **said)


def _curves(folder: Path) -> Iterator[Curve]:
    lines = _lines(folder / "sft" / "losses.jsonl")
    losses = [(line.get("step", 0), line["loss"]) for line in lines if "loss" in line]
    steps = ledger.read(folder / "ppo")
    wanted = [("sft-loss", "Fine-tuning: loss", losses)]
    for key, title in (
        ("reward", "PPO: reward"),
        ("independent", "PPO: independent reward"),
        ("kl", "PPO: KL to the reference, nats an answer"),
        ("length", "PPO: tokens an answer"),
    ):
        points = [(line["step"], line[f"objective/{key}"]) for line in steps if f"objective/{key}" in line]
        wanted.append((f"ppo-{key}", title, points))
    for name, title, points in wanted:
        if (made := curve(name, title, points)) is not None:
            yield made


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    for line in _text(file).splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            return


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError:
        return ""


def _row(*cells: str) -> str:
    """A row of a table in Markdown."""
    return "".join("| " + one.replace("|", "\\|").replace("\n", " ") + " " for one in cells) + "|"
