"""An evaluation's report as Markdown and as a page: the same tables, and there pictures, too. Pure.

The page needs nothing but itself: no script, no font, no address. Left out: how figures are found
(`learning/training/evaluate_figures.py`). Run: `pytest tests/unit/learning/training/test_evaluate_page.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, Template
from markupsafe import Markup

from learning.intervals import Interval
from learning.training.evaluate_figures import METRICS, TITLES, Comparison, Line, Metric
from learning.training.evaluate_plots import Row, forest
from learning.training.evaluate_report import Report

FOLDER = Path(__file__).parent
PAGE = "evaluation.html"
PICTURED = ("independent", "reward", "rouge_1", "tokens", "ended", "distinct_2")


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table under its heading; `note` says how to read it. The first column names the row."""

    title: str
    note: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables(report: Report) -> list[Table]:
    """Everything that the report has, in the order of reading."""
    made = [_targets(report), _systems(report), _compared(report), _seeds(report)]
    if report.correlations:
        made.append(_correlations(report))
    return made


def markdown(report: Report) -> str:
    """The report as Markdown."""
    parts = ["# Evaluation", "", *(f"- {name}: {value}" for name, value in facts(report)), ""]
    for table in tables(report):
        parts += [f"## {table.title}", "", table.note, ""]
        parts.append(_cells(table.head))
        parts.append(_cells(["---"] * len(table.head)))
        parts += [_cells(row) for row in table.rows]
        parts.append("")
    return "\n".join(parts)


def html(report: Report) -> str:
    """The report as a page."""
    return _template().render(facts=facts(report), tables=tables(report), plots=_plots(report)) + "\n"


@cache
def _template() -> Template:
    return Environment(
        loader=FileSystemLoader(FOLDER), autoescape=True, trim_blocks=True, lstrip_blocks=True
    ).get_template(PAGE)


def facts(report: Report) -> list[tuple[str, str]]:
    """What was evaluated, by whom, on what: short lines."""
    about = report.about
    options = about["options"]
    sampling = options["sampling"]
    left_out = about["left_out"]
    found = [
        (
            "Data",
            f"{about['data']} ({about['data_id']}), part {options['part']}: {about['questions']} questions; "
            f"left out {left_out['seen']} that a reward model had learned from"
            + (f", {left_out['learned']} more that an adapter had" if "learned" in left_out else "")
            + f" and {left_out['long']} whose prompt is longer than {options['max_prompt']} tokens",
        ),
        (
            "Answers",
            f"{options['attempts']} attempts in each of {options['seeds']} seeds; temperature "
            f"{sampling['temperature']:g}, top-k {sampling['top_k']}, top-p {sampling['top_p']:g}, at most "
            f"{sampling['max_tokens']} tokens; written by the served artefact, merged and int8",
        ),
        ("Base", f"{options['model']} ({about['base'][:12]})"),
    ]
    for name, adapters in about["systems"].items():
        told = ", ".join(
            f"{one['stage'] or 'another trainer'} {one['id'][:12]}"
            + (f", trained on {one['snapshot']}" if one["snapshot"] else "")
            for one in adapters
        )
        unknown = "; from which questions it learned is not known" if name in about.get("unknown", ()) else ""
        found.append((f"System {name}", told + unknown))
    judges = [
        f"{title} {about['judges'][name] or 'none'}"
        for name, title in (("reward", "training reward"), ("independent", "independent reward"))
    ]
    found.append(("Judges", ", ".join([*judges, f"BERTScore by the encoder {options['encoder']}"])))
    return found


def _targets(report: Report) -> Table:
    return Table(
        title="Targets",
        note="Met, or not, where the whole 95 % interval is on one side; else, and for differences of "
        "fewer than 30 questions, undecided.",
        head=("target", "", "found"),
        rows=tuple((one.name, one.verdict.value, one.found) for one in report.targets),
    )


def _systems(report: Report) -> Table:
    names = [one for one in METRICS if any(one.name in line.figures for line in report.lines)]
    rows = []
    for line in report.lines:
        cells = [_interval(line.figures[one.name], one) if one.name in line.figures else "" for one in names]
        rows.append((line.system, *cells, f"{line.corpus_bleu:.4f}", f"{line.answers:,}"))
    return Table(
        title="Systems",
        note="Means with 95 % intervals by resampling questions. BERTScore is that encoder's, and no "
        "published table's. BLEU and BERTScore were best for a published policy that had collapsed: read "
        "them beside tokens, distinct-n and the rates.",
        head=("system", *(one.title for one in names), "SacreBLEU, corpus", "answers"),
        rows=tuple(rows),
    )


def _compared(report: Report) -> Table:
    return Table(
        title="Comparisons",
        note="Paired by question, seed and attempt; a tie is half a win. Best of n against best of n is at "
        "equal compute: each system wrote n answers. Against it a single answer has cost an n-th.",
        head=("comparison", "by", "wins, %", "difference", "difference by seed"),
        rows=tuple(
            (
                f"{one.ours} against {one.theirs}",
                TITLES[one.by].title,
                _range(one.wins, 100, 1),
                _range(one.difference, 1, 4, signed=True),
                ", ".join(f"{each:+.4f}" for each in one.by_seed),
            )
            for one in report.comparisons
        ),
    )


def _seeds(report: Report) -> Table:
    names = [
        name for name in ("independent", "reward", "rouge_1", "tokens") if name in report.lines[0].by_seed
    ]
    rows = []
    for line in report.lines:
        for name in names:
            one = TITLES[name]
            cells = (f"{value * one.times:.{one.digits}f}" for value in line.by_seed[name])
            rows.append((line.system, one.title, ", ".join(cells)))
    return Table(
        title="Seeds", note="Means of each seed.", head=("system", "metric", "by seed"), rows=tuple(rows)
    )


def _correlations(report: Report) -> Table:
    rewards = list(dict.fromkeys(one.reward for one in report.correlations))
    found = {(one.metric, one.reward): one.rho for one in report.correlations}
    rows = []
    for metric in dict.fromkeys(one.metric for one in report.correlations):
        cells = [_range(found[metric, one], 1, 2) if (metric, one) in found else "" for one in rewards]
        rows.append((TITLES[metric].title, *cells))
    return Table(
        title="Do the metrics say what the rewards say?",
        note="Rank correlation over all answers of all systems. What people say of the metrics: "
        "thumbprint evaluate metrics.",
        head=("metric", *(f"with the {TITLES[one].title}, ρ" for one in rewards)),
        rows=tuple(rows),
    )


def _plots(report: Report) -> list[tuple[str, Markup]]:
    """A picture a metric, and one of the comparisons by the reward that trained nothing."""
    made = []
    for name in PICTURED:
        rows = [_row(line, TITLES[name]) for line in report.lines if name in line.figures]
        made.append((TITLES[name].title, forest(TITLES[name].title, rows)))
    by = next((one.by for one in report.comparisons), "")
    rows = [
        Row(name=_short(one), interval=_times(one.wins, 100), said=_range(one.wins, 100, 1))
        for one in report.comparisons
        if one.by == by
    ]
    if rows:
        title = f"wins, %, by {TITLES[by].title}"
        made.insert(0, (title, forest(title, rows, 50.0)))
    return [(title, Markup(picture)) for title, picture in made if picture]  # noqa: S704 - forest escapes


def _short(one: Comparison) -> str:
    """`ppo / base, best of 4 each` where both sides keep their best."""
    ours, _, best = one.ours.partition(", ")
    theirs, _, of_theirs = one.theirs.partition(", ")
    each = f", {best} each" if best and best == of_theirs else f", {of_theirs}" if of_theirs else ""
    return f"{ours} / {theirs}{each}"


def _row(line: Line, metric: Metric) -> Row:
    found = line.figures[metric.name]
    return Row(name=line.system, interval=_times(found, metric.times), said=_interval(found, metric))


def _times(found: Interval, times: float) -> Interval:
    return Interval(
        value=found.value * times, low=found.low * times, high=found.high * times, groups=found.groups
    )


def _interval(found: Interval, metric: Metric) -> str:
    return _range(found, metric.times, metric.digits)


def _range(found: Interval, times: float, digits: int, *, signed: bool = False) -> str:
    if math.isnan(found.value):
        return "none"
    sign = "+" if signed else ""
    value, low, high = (f"{part * times:{sign}.{digits}f}" for part in (found.value, found.low, found.high))
    return f"{value} [{low}, {high}]"


def _cells(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
