"""poll and jobs: reactions and edits read now, and what the queue holds."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from bot.commands.shared import load_settings, open_database, open_queue, out


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


def jobs(limit: Annotated[int, typer.Option("--limit", min=1, help="How many answers.")] = 20) -> None:
    """What waits, runs, and became of the last questions."""
    with open_database(load_settings()) as database:
        with open_queue(database) as queue:
            held = queue.unfinished()
        beat = database.last_beat("work")
        with database.unit(read_only=True) as unit:
            answers = unit.answers.recent(limit)
    out.print(f"waiting {held.get('ENQUEUED', 0) + held.get('DELAYED', 0)}, running {held.get('PENDING', 0)}")
    out.print(f"the worker's last sign of life: {f'{beat:%Y-%m-%d %H:%M:%S} UTC' if beat else 'none yet'}")
    table = Table(box=None, header_style="bold")
    for name in ("answer", "asked", "thread", "by", "state"):
        table.add_column(name)
    for answer in answers:
        asked = answer.question
        thread = f"{asked.full_name}#{asked.number}".replace("[", r"\[")
        when = f"{asked.asked_at:%Y-%m-%d %H:%M}"
        table.add_row(answer.id, when, thread, asked.asker.login.replace("[", r"\["), answer.status.value)
    out.print(table)
