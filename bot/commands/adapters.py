"""adapters, promote, rollback: which adapter answers whom, put in force and taken back, from the terminal."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from bot.commands.shared import find_repository, load_settings, open_database, out
from storage.errors import ConfigurationError
from storage.records import LARGEST_ID

if TYPE_CHECKING:
    from bot.provenance import Owner
    from bot.settings import Settings
    from storage.database import Database, UnitOfWork
    from storage.records import Promotion

INSTALLATION = Annotated[
    int,
    typer.Option(
        "--installation", min=0, max=LARGEST_ID, help="For this installation of the App alone, by its id."
    ),
]
REPO = Annotated[str, typer.Option("--repo", metavar="OWNER/NAME", help="For this repository alone.")]


def promote(
    folder: Annotated[
        Path, typer.Argument(help="The adapter's folder, or the folder of the run that made it.")
    ],
    share: Annotated[
        int, typer.Option("--share", min=1, max=100, help="Per cent of the threads: under 100 a canary.")
    ] = 100,
    installation: INSTALLATION = 0,
    repo: REPO = "",
    gate: Annotated[
        Path | None,
        typer.Option("--gate", help="The folder of the gate's report; else in or beside the adapter."),
    ] = None,
    data: Annotated[
        list[Path] | None, typer.Option("--data", help="Where its snapshots lie, unless in <home>/snapshots.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Though the gate did not pass it; wants --reason.")
    ] = False,
    reason: Annotated[
        str, typer.Option("--reason", help="Why by force: it is kept with the promotion.")
    ] = "",
) -> None:
    """Put an adapter that the gate passed in force; the workers go over to it before their next answer."""
    from bot import promoting

    if force and not reason.strip():
        raise ConfigurationError('--force wants a reason, which is kept: --reason "…".')
    if reason and not force:
        raise ConfigurationError("--reason says why the gate is not heard: give --force, too.")
    settings, now = load_settings(), datetime.now(UTC)
    _refuse_other_base(settings, folder)
    with open_database(settings) as database:
        where = _where(database, installation, repo)
        with database.unit() as unit:
            places = [*(data or []), settings.home / "snapshots", settings.home / "training" / "snapshots"]
            offer = promoting.offered(unit, folder, now, gate=gate, snapshots=places)
            because = reason.strip() if force else ""
            made = promoting.promote(
                unit,
                offer,
                now,
                where=where,
                share=share,
                by=_me(),
                forced_because=because,
                merged=_merged(settings),
            )
            unit.commit()
            whom = _whom(unit, made)
    part = f" for {made.share} % of the threads" if made.is_canary else ""
    out.print(f"✓ {made.adapter[:12]} is in force{part}, {whom}: {made.reason}", markup=False)


def rollback(
    installation: INSTALLATION = 0,
    repo: REPO = "",
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept.")] = "rolled back by hand",
) -> None:
    """Bring back the adapter that was in force before, or the model without one."""
    from bot import promoting

    with open_database(load_settings()) as database:
        where = _where(database, installation, repo) or promoting.EVERYBODY
        with database.unit() as unit:
            made = promoting.rollback(unit, where, datetime.now(UTC), by=_me(), reason=reason)
            unit.commit()
            whom = _whom(unit, made)
    what = made.adapter[:12] or "no adapter"
    out.print(f"✓ {what} is in force again, {whom}.", markup=False)


def adapters(
    history: Annotated[bool, typer.Option("--history", help="Every promotion, the newest first.")] = False,
) -> None:
    """The adapters that are known, what is in force for whom, and what the model server does not take."""
    from bot import canary

    settings = load_settings()
    with open_database(settings) as database, database.unit(read_only=True) as unit:
        known, current = unit.adapters.all(), unit.adapters.current()
        if not known:
            out.print("No adapter was promoted yet: `thumbprint promote DIR` does that.")
            return
        table = Table(box=None, header_style="bold")
        for name in ("adapter", "status", "stage", "gate", "whose", "folder"):
            table.add_column(name, overflow="fold")
        for one in known:
            passed = "passed" if one.passed else "no"
            whose = _named(unit, one.installation_id, one.repository_id)
            table.add_row(one.id[:12], one.status.value, one.stage, passed, whose, escape(one.folder))
        out.print(table)
        for row in current:
            out.print(f"\nIn force, {_whom(unit, row)}:", style="bold")
            rows = unit.adapters.history(row.scope, row.repository_id) if history else [row]
            for each in rows:
                out.print(_line(each), markup=False)
            if row.is_canary:
                new, former = canary.figures(unit, row, settings.models_chosen)
                out.print(f"  trouble: {new} of the new adapter, {former} of the former", markup=False)
        for one in known:
            if one.fault:
                out.print(f"\n{one.id[:12]} is not taken by the model server: {one.fault}", markup=False)


def _line(row: Promotion) -> str:
    what = row.adapter[:12] or "none"
    share = f" {row.share} %, else {row.former[:12] or 'none'}" if row.is_canary else ""
    forced = " by force" if row.forced else ""
    return f"  {row.at:%Y-%m-%d %H:%M}  {what}{share}  by {row.by}{forced}: {row.reason}"


def _where(database: Database, installation: int, repo: str) -> Owner | None:
    """The scope that options name; None where they name none."""
    from bot.provenance import Owner

    if not repo:
        return Owner(installation_id=installation) if installation else None
    repository = find_repository(database, repo)
    return Owner(installation_id=repository.installation_id, repository_id=repository.id)


def _whom(unit: UnitOfWork, row: Promotion) -> str:
    return f"for {_named(unit, row.scope, row.repository_id)}"


def _named(unit: UnitOfWork, installation_id: int, repository_id: int) -> str:
    if repository_id:
        found = unit.repositories.get(repository_id)
        return found.full_name if found else f"repository {repository_id}"
    if installation_id:
        installation = unit.installations.get(installation_id)
        return installation.account if installation else f"installation {installation_id}"
    return "everybody"


def _refuse_other_base(settings: Settings, folder: Path) -> None:
    """Say at once that our own server would refuse it; what another server's base is only it knows."""
    from learning.models import adapters, hub

    if settings.model_url:
        return
    manifest = adapters.read(folder if (folder / adapters.MANIFEST).exists() else folder / "adapter")
    served = hub.resolve(settings.policy, "policy", settings.model_cache.expanduser())
    if manifest is not None and manifest.base != adapters.base_hash(served):
        raise ConfigurationError(
            f"The adapter in {folder} was trained on {manifest.base_name}, and THUMBPRINT_POLICY serves "
            "another base: serve that one, or train the adapter on this one."
        )


def _merged(settings: Settings) -> str:
    """The id of the adapter that our own server merges into its model, "" for none and for one without id."""
    from learning.models import adapters, hub

    if settings.model_url or not settings.adapter:
        return ""
    manifest = adapters.read(hub.resolve(settings.adapter, "adapter", settings.model_cache.expanduser()))
    return manifest.id if manifest is not None else ""


def _me() -> str:
    return getpass.getuser()
