"""The nightly retraining: carry one out, and see what became of each.

Left out: what a night does (`bot/night.py`), when one begins by itself (`bot/night_clock.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from bot.commands.shared import MOST_LISTED, find_repository, load_settings, open_database, out
from storage.errors import ConfigurationError, Gone
from storage.records import Run, RunStatus

STYLES = {
    RunStatus.PROMOTED: "green",
    RunStatus.FAILED: "red",
    RunStatus.RUNNING: "bold",
    RunStatus.SKIPPED: "dim",
}


def retrain(
    context: typer.Context,
    data: Annotated[
        Path | None, typer.Option("--data", help="A snapshot to learn from, in place of a new export.")
    ] = None,
    repo: Annotated[
        str, typer.Option("--repo", metavar="OWNER/NAME", help="Learn from this repository alone.")
    ] = "",
    with_parent: Annotated[
        bool, typer.Option("--with-parent", hidden=True, help="End when the process that started this ends.")
    ] = False,
    go_on: Annotated[
        bool, typer.Option("--go-on", hidden=True, help="Go on with what is open, and begin nothing.")
    ] = False,
) -> None:
    """Export, fine-tune, train a reward, PPO, evaluate, judge, promote what passed; the same command goes on.

    Every further option is the night's: `python -m learning.training.retrain --help` lists them. Exit code 0
    wherever the night came to an end: promoted, judged and not promoted, or too little data.
    """
    from bot import logs
    from bot.night import Night, Orphaned, Wanted

    if data is not None and repo:
        raise ConfigurationError("--data is a snapshot, and --repo makes one: give one of the two.")
    settings = load_settings()
    if with_parent:
        logs.configure(settings.log_level)
    with open_database(settings) as database:
        chosen = find_repository(database, repo) if repo else None
        wanted = Wanted(
            options=context.args, data=data, repository=chosen, with_parent=with_parent, begins=not go_on
        )
        try:
            ended = Night(settings, database, wanted).carry_out()
        except Orphaned:
            raise typer.Exit from None
    for run in ended:
        show(run)
    if any(run.status is RunStatus.FAILED for run in ended):
        raise typer.Exit(1)


def runs(
    run_id: Annotated[str, typer.Argument(metavar="[RUN]", help="The report of this run, in Markdown.")] = "",
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=MOST_LISTED, help="How many, the newest first.")
    ] = 20,
) -> None:
    """List the nightly retrainings and what became of them, or show one's report."""
    from learning.training import night_report

    with open_database(load_settings()) as database, database.unit(read_only=True) as unit:
        found = unit.adapters.runs(1000 if run_id else limit)
    if run_id:
        one = next((run for run in found if run.id.startswith(run_id)), None)
        if one is None:
            raise Gone(f"There is no run {run_id}: `thumbprint runs` lists them.")
        out.print(night_report.markdown(night_report.read(one)), markup=False, end="")
        return
    if not found:
        out.print("No night yet: `thumbprint retrain` carries one out.", markup=False)
        return
    table = Table(box=None, header_style="bold")
    for name in ("run", "began (UTC)", "took", "status", "adapter", "why"):
        table.add_column(name, overflow="fold")
    for run in found:
        took = night_report.took((run.ended_at - run.started_at).total_seconds()) if run.ended_at else ""
        status = f"[{STYLES.get(run.status, 'default')}]{run.status.value}[/]"
        began, why = f"{run.started_at:%Y-%m-%d %H:%M}", escape(run.reason)
        table.add_row(run.id, began, took, status, run.adapter[:12], why)
    out.print(table)


def show(run: Run) -> None:
    """Say what became of a night."""
    sign = {RunStatus.PROMOTED: "✓", RunStatus.FAILED: "✗"}.get(run.status, "○")
    out.print(f"{sign} {run.id}: {run.status.value}. {run.reason}", markup=False)
    if run.folder:
        out.print(f"  {run.folder}/report.md", markup=False, style="dim")
