"""export: what people did, where it may train, as snapshots."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bot.commands.shared import find_repository, load_settings, open_database, out

REPO = Annotated[str, typer.Option("--repo", metavar="OWNER/NAME", help="Of this repository alone.")]
OUT = Annotated[
    Path | None, typer.Option("--out", help="Where snapshots are kept, by scope; else <home>/snapshots.")
]


def export(repo: REPO = "", into: OUT = None) -> None:
    """Write a snapshot of what people did where training is allowed: one shared, one a private repository."""
    from bot.consent import exported
    from learning.training.columns import KINDS
    from learning.training.export import OPT_IN

    settings = load_settings()
    folder = into or settings.home / "snapshots"
    with open_database(settings) as database:
        only = find_repository(database, repo) if repo else None
        made = exported(settings, database, folder, datetime.now(UTC), only)
    if not made:
        out.print(
            f"No repository has opted in, by what was read lately, and so nothing was written: {OPT_IN}.",
            markup=False,
        )
    for one in made:
        counts = one.snapshot.manifest["counts"]
        names = ", ".join(repository.full_name for repository in one.scope.repositories)
        out.print(f"{one.snapshot.id}  {one.scope.name}: {names}", markup=False)
        for kind in KINDS:
            for split, sources in counts.get(kind.name, {}).items():
                of = " ".join(f"{source} {number}" for source, number in sorted(sources.items()))
                out.print(
                    f"{'':<4}{kind.name:<14} {split:<11} {sum(sources.values()):>7}  {of}", markup=False
                )
        if not counts:
            out.print(f"{'':<4}no rows yet: nobody there corrected or judged an answer", markup=False)
        left_out = {name: n for name, n in one.snapshot.manifest["about"]["left_out"].items() if n}
        if left_out:
            said = ", ".join(f"{name.replace('_', ' ')} {number}" for name, number in left_out.items())
            out.print(f"{'':<4}left out: {said}", markup=False)
        out.print(f"{'':<4}{one.snapshot.folder}", markup=False, style="dim")
