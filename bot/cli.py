"""`thumbprint`: every verb on one page. The verbs themselves live in `bot/commands/`.

An error that Thumbprint raises on purpose becomes one sentence on stderr and exit code 1; wrong usage
is exit code 2. Modules are imported by the verb that needs them, so that `--help` stays quick.
"""

from __future__ import annotations

import sys
from importlib.metadata import version as installed_version

import typer
from rich.text import Text

from bot.commands import (
    adapters,
    answers,
    bench,
    drill,
    export,
    gate,
    jobs,
    models,
    night,
    people,
    phrases,
    poison,
    servers,
    training,
)
from bot.commands.shared import err, out
from storage.errors import ThumbprintError

app = typer.Typer(
    name="thumbprint",
    help="A GitHub App that answers /ask and learns each repository's thumbprint.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command("run")(servers.run)
app.command("setup")(servers.setup)
app.command("serve")(servers.serve)
app.command("work")(servers.work)
app.command("model")(servers.model)
app.command("playground")(servers.playground)
app.command("ask")(answers.ask)
app.command("why")(answers.why)
app.command("poll")(jobs.poll)
app.add_typer(jobs.app, name="jobs")
app.command("forget-user")(people.forget_user)
app.command("drafts")(people.drafts)
app.command("export")(export.export)
app.add_typer(models.app, name="models")
app.add_typer(phrases.app, name="phrases")
app.add_typer(training.corpus, name="corpus")
app.add_typer(training.train, name="train")
app.add_typer(training.evaluate, name="evaluate")
app.command("gate", context_settings=training.MORE)(gate.gate)
app.command("promote")(adapters.promote)
app.command("rollback")(adapters.rollback)
app.command("adapters")(adapters.adapters)
app.command("retrain", context_settings=training.MORE)(night.retrain)
app.command("runs")(night.runs)
app.add_typer(bench.app, name="bench")
drill.app.command("poison", context_settings=training.MORE)(poison.poison)
app.add_typer(drill.app, name="drill")


@app.command()
def version() -> None:
    """Print the version."""
    out.print(f"thumbprint {installed_version('thumbprint')}")


def main() -> None:
    """The console script: runs a verb and turns our errors into one sentence."""
    try:
        app()
    except ThumbprintError as error:
        err.print(Text.assemble(("✗ ", "red"), str(error)))
        sys.exit(1)
