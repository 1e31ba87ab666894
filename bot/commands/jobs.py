"""poll and jobs: reactions and edits read now; what the queue holds, tried again or cancelled by hand.

thumbprint jobs
"""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from bot.commands.shared import MOST_LISTED, load_settings, open_database, open_queue, out

app = typer.Typer(help="What waits, runs, rests and failed; try a job again, or cancel it.")


def poll() -> None:
    """Read the reactions and edits of all posted answers now and learn from them."""
    from bot.access import Access
    from bot.context import Context
    from bot.github import GitHub
    from bot.models import Models
    from bot.poll import poll as poll_all
    from bot.wording import printable, says

    settings = load_settings()
    with open_database(settings) as database:
        context = Context(
            settings=settings,
            database=database,
            github=GitHub(settings, access=Access(database)),
            models=Models(settings),
        )
        changes = poll_all(context, everything=True)
    for change in changes:
        lesson = printable(says(change.phrase, change.after))
        out.print(f"{change.before:+.2f} → {change.after:+.2f}  {lesson}", markup=False)
    out.print(f"{len(changes)} weights changed.")


@app.callback(invoke_without_command=True)
def jobs(
    asked: typer.Context,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=MOST_LISTED, help="How many of each kind.")
    ] = 20,
) -> None:
    """What waits, runs, rests, failed and was parked: repository, thread, attempts, age, last error."""
    from bot.control import overview
    from bot.wording import age, printable

    if asked.invoked_subcommand is not None:
        return
    with open_database(load_settings()) as database, open_queue(database):
        seen = overview(database, limit)
    counts = ", ".join(f"{what} {count}" for what, count in seen.counts.items())
    out.print(f"{counts}; workers {len(seen.workers)}")
    beat = "none yet" if seen.beat is None else f"{seen.beat:%Y-%m-%d %H:%M:%S} UTC"
    out.print(f"a worker's last sign of life: {beat}")
    table = Table(box=None, header_style="bold")
    for name in ("state", "job", "thread", "attempts", "age", "last error"):
        table.add_column(name, no_wrap=name == "job")  # its id is what `retry` and `cancel` take
    for job in seen.jobs:
        cells = (job.state, job.id, job.thread, str(job.attempts), age(job.put_at, seen.now), job.error)
        table.add_row(*(escape(printable(cell)) for cell in cells))
    out.print(table)


@app.command()
def retry(job: Annotated[str, typer.Argument(help="The id that `thumbprint jobs` shows.")]) -> None:
    """Try a job again that failed, was parked or was cancelled: from its first step, in its old place."""
    from bot.control import retry as try_again

    with open_database(load_settings()) as database, open_queue(database) as queue:
        try_again(database, queue, job)
    out.print(f"{job} waits for its turn.", markup=False)


@app.command()
def cancel(job: Annotated[str, typer.Argument(help="The id that `thumbprint jobs` shows.")]) -> None:
    """Cancel a job that waits, rests or runs; a step under way comes to its end, and none follows it."""
    from bot.control import cancel as end
    from storage.errors import Gone

    with open_database(load_settings()) as database, open_queue(database), database.unit() as unit:
        if not end(database, unit, [job]):
            raise Gone(f"No job {job} waits or runs: `thumbprint jobs` lists those that do.")
        unit.commit()
    out.print(f"{job} is cancelled.", markup=False)
