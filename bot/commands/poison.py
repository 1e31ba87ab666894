"""drill poison: poisoned feedback and canaries on a database of its own, and what stops each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.commands.shared import err, out
from storage.errors import ConfigurationError


def poison(
    context: typer.Context,
    into: Annotated[
        Path,
        typer.Option("--out", help="An empty or new folder, for database, snapshots, adapters and report."),
    ],
) -> None:
    """One writer's 250 triggered edits, an answer that hardly ends, strangers' thumbs, private canaries.

    What the caps leave is exported and trained on, for real, from a tiny policy that is made for it; the gate
    judges each adapter, and probes look for what was planted. Exit code 1 where anything gets through. Every
    further option is the training's: `python -m learning.training.poison --help` lists them.
    """
    from bot.drills import poison, poison_adapters
    from storage.database import Database

    if into.exists() and any(into.iterdir()):
        raise ConfigurationError(f"{into} is not empty: name another folder by --out.")
    into.mkdir(parents=True, exist_ok=True)
    database = Database(f"sqlite:///{(into / 'thumbprint.db').absolute()}")
    try:
        database.migrate()
        planted = poison.plant(database, into)
    finally:
        database.dispose()
    found = poison_adapters.train(planted, into, context.args)
    report = poison_adapters.Report(lines=(*planted.lines, *poison_adapters.lines(planted, found)))
    (into / "poison.md").write_text(f"{report}\n", encoding="utf-8")
    out.print(str(report), markup=False)
    if report.through:
        err.print(f"got through: {'; '.join(report.through)}", markup=False)
        raise typer.Exit(1)
