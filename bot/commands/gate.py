"""gate: is this adapter good enough to serve? The evidence is taken, then the stage judges.

Left out: promotion, which asks for the report that is made here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.commands.shared import become, cache_flag, err, load_settings


def gate(
    context: typer.Context,
    candidate: Annotated[Path, typer.Option("--candidate", help="The adapter's folder.")],
    data: Annotated[Path, typer.Option("--data", help="A snapshot, or a folder with questions.jsonl.gz.")],
    into: Annotated[
        Path, typer.Option("--out", help="Folder for gate.json and gate.md; a killed run goes on.")
    ],
    deployed: Annotated[
        Path | None, typer.Option("--deployed", help="The adapter that serves now; else the bare base.")
    ] = None,
    independent: Annotated[
        Path | None, typer.Option("--independent", help="A reward model that did not train the candidate.")
    ] = None,
    memory: Annotated[
        bool, typer.Option(help="Run the small loop benchmark; without it the gate stays shut.")
    ] = True,
    workers: Annotated[
        int | None, typer.Option(min=1, max=32, help="Of the benchmark, a model process each.")
    ] = None,
) -> None:
    """Judge an adapter as it would serve; exit code 0 if it passed, 2 if it did not, 1 if nobody can say.

    Every further option is the stage's: `python -m learning.training.gate --help` lists them.
    """
    settings = load_settings()
    given = ["--adapter", str(candidate), "--data", str(data), "--out", str(into), "--model", settings.policy]
    given += cache_flag()
    given += ["--deployed", str(deployed)] if deployed else []
    given += ["--independent", str(independent)] if independent else []
    if memory:
        from bot.bench import evidence

        file = evidence.measure(settings, candidate, deployed, workers=workers, console=err)
        given += ["--memory", str(file)]
    become("gate", [*given, *context.args])
