"""drill: the whole bot as processes on a playground, hurt on purpose, and counted.

thumbprint drill kills --kills 500
thumbprint drill outage --hours 71 --deliveries 10000
thumbprint drill adapters --data SNAPSHOT --independent DIR --out DIR   # no process but the training's
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bot import logs
from bot.commands.shared import become, cache_flag, err, load_settings, out
from bot.commands.training import MORE

app = typer.Typer(
    help="What is promised of bad days, tried: nothing acknowledged is lost, nobody is answered twice.",
    no_args_is_help=True,
)
Database = Annotated[
    str,
    typer.Option(
        help="An empty PostgreSQL database's URL; otherwise a SQLite file of its own, for one worker."
    ),
]
Workers = Annotated[int, typer.Option(min=1, help="Worker processes.")]
Seed = Annotated[int, typer.Option(help="Of all that is left to chance.")]


@app.command()
def kills(
    count: Annotated[int, typer.Option("--kills", min=1, help="How often a process is killed.")] = 60,
    workers: Workers = 1,
    database_url: Database = "",
    seed: Seed = 0,
) -> None:
    """SIGKILL to the receiver and the workers under load."""
    from bot.drills.kills import kills as drill
    from bot.drills.town import town

    with town(database_url=database_url, workers=workers) as everything, _bar("kills", count) as tick:
        done = drill(everything, count=count, seed=seed, tick=tick)
    _tell(done)


@app.command("full-disk")
def full_disk(
    folder: Annotated[
        Path,
        typer.Option(
            exists=True,
            file_okay=False,
            help="On a small file system of its own, which is filled to the brim.",
        ),
    ],
    times: Annotated[int, typer.Option(min=1, help="How often it is filled.")] = 5,
    workers: Workers = 1,
    database_url: Database = "",
) -> None:
    """The database's disk fills up under load, stays full, and is emptied."""
    from bot.drills.full_disk import check_small
    from bot.drills.full_disk import full_disk as drill
    from bot.drills.town import town

    check_small(folder)
    with (
        town(database_url=database_url, workers=workers, under=folder) as everything,
        _bar("full", times) as tick,
    ):
        done = drill(everything, folder, times=times, tick=tick)
    _tell(done)


@app.command(context_settings=MORE)
def night(
    context: typer.Context,
    home: Annotated[
        Path, typer.Option("--home", help="Where the day's database and the night's folder are kept.")
    ] = Path("var/demo"),
) -> None:
    """A day of questions and corrections on a playground of its own, then the night on them; minutes of each.

    Every further option is the night's. The steps are few and the questions that judge fewer than the gate
    wants, so nothing is promoted: it shows the way, not a better model.
    """
    from bot.commands.night import show
    from bot.drills.evening import DEMO, evening, still
    from bot.night import Night, Wanted
    from storage.database import Database as Opened
    from storage.records import RunStatus

    home = home.absolute()
    with _bar("corrections", 58) as tick:
        file = evening(home, tick)
    settings = load_settings().model_copy(
        update={"home": home, "database_url": f"sqlite:///{file}", "adapter": "", "retrain_options": ""}
    )
    database = Opened(settings.resolved_database_url)
    try:
        database.migrate()
        still(database, datetime.now(UTC))
        ended = Night(settings, database, Wanted(options=[*DEMO.split(), *context.args])).carry_out()
    finally:
        database.dispose()
    for run in ended:
        show(run)
    out.print(f"Its page: THUMBPRINT_HOME={home} thumbprint run, then /runs", markup=False, style="dim")
    raise typer.Exit(int(any(run.status is RunStatus.FAILED for run in ended)))


@app.command()
def restarts(
    database_url: Annotated[str, typer.Option(help="An empty PostgreSQL database's URL.")],
    restart: Annotated[
        str, typer.Option(help="What restarts the server, and ends once it takes connections again.")
    ],
    times: Annotated[int, typer.Option(min=1, help="How often it is restarted.")] = 60,
    least_s: Annotated[float, typer.Option(min=0, help="Shortest pause, in seconds.")] = 5.0,
    most_s: Annotated[float, typer.Option(min=0, help="Longest pause, in seconds.")] = 20.0,
    workers: Workers = 2,
    seed: Seed = 0,
) -> None:
    """PostgreSQL is restarted again and again under load."""
    import shlex
    import subprocess

    from bot.drills.restarts import restarts as drill
    from bot.drills.town import town

    command = shlex.split(restart)
    with town(database_url=database_url, workers=workers) as everything, _bar("restarts", times) as tick:
        done = drill(
            everything,
            lambda: subprocess.run(command, check=True),  # noqa: S603 - the operator's own
            times=times,
            every_s=(least_s, max(least_s, most_s)),
            seed=seed,
            tick=tick,
        )
    _tell(done)


@app.command()
def crashes(
    every: Annotated[int, typer.Option(min=1, help="Only each so many-th point.")] = 1,
    database_url: Database = "",
) -> None:
    """A worker is killed before and after each commit and each call to GitHub on an answer's way."""
    from bot.drills.crashes import crashes as drill
    from bot.drills.town import town

    with town(database_url=database_url) as everything, _bar("points", None) as tick:
        done = drill(everything, every=every, tick=tick)
    _tell(done)


@app.command()
def unheard(
    count: Annotated[int, typer.Option(min=1, help="How many comments nobody hears of.")] = 50,
    workers: Workers = 1,
    database_url: Database = "",
    seed: Seed = 0,
) -> None:
    """GitHub keeps each comment, and its response is lost."""
    from bot.drills.town import town
    from bot.drills.unheard import unheard as drill

    with town(database_url=database_url, workers=workers) as everything, _bar("questions", count) as tick:
        done = drill(everything, count=count, seed=seed, tick=tick)
    _tell(done)


@app.command()
def repeats(
    count: Annotated[int, typer.Option("--questions", min=1, help="How many questions.")] = 200,
    times: Annotated[int, typer.Option(min=1, help="How often each delivery is sent.")] = 5,
    workers: Workers = 1,
    database_url: Database = "",
    seed: Seed = 0,
) -> None:
    """Each delivery comes several times, shuffled, many at once."""
    from bot.drills.repeats import repeats as drill
    from bot.drills.town import town

    with town(database_url=database_url, workers=workers) as everything, _bar("questions", count) as tick:
        done = drill(everything, count=count, times=times, seed=seed, tick=tick)
    _tell(done)


@app.command()
def outage(
    hours: Annotated[float, typer.Option(min=0.1, help="How long it lasts, on a clock that is turned.")] = 6,
    deliveries: Annotated[int, typer.Option(min=1, help="About how many fail meanwhile.")] = 200,
    database_url: Database = "",
    seed: Seed = 0,
) -> None:
    """Nothing that GitHub delivers is heard for hours or days; then each is sent again, and handled once."""
    logs.configure("error")
    drills = import_module("webhooks.drills.outage")  # GitHub's side of it lives above this room
    world = import_module("webhooks.drills.world")
    with (
        TemporaryDirectory() as folder,
        world.world(Path(folder), database_url, workers=16) as everything,
        _bar("deliveries", deliveries) as tick,
    ):
        done = drills.outage(everything, hours=hours, count=deliveries, seed=seed, tick=tick)
    _tell(done)


@app.command(context_settings=MORE)
def adapters(
    context: typer.Context,
    data: Annotated[Path, typer.Option("--data", help="A snapshot with demonstrations.")],
    into: Annotated[
        Path, typer.Option("--out", help="Folder of adapters and reports; a killed one goes on.")
    ],
    independent: Annotated[Path, typer.Option("--independent", help="The reward model that judges.")],
) -> None:
    """Seven bad adapters are trained for real, and the gate lets none of them in.

    Every further option is the stage's: `python -m learning.training.planted --help` lists them.
    """
    settings = load_settings()
    given = ["--data", str(data), "--out", str(into), "--independent", str(independent)]
    given += ["--model", settings.policy, *cache_flag()]
    become("planted", [*given, *context.args])


@contextmanager
def _bar(what: str, count: int | None) -> Iterator[Any]:
    """A progress bar on stderr; call what it gives once for each of `count`, None for nobody knows."""
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task("", total=count)
        yield lambda: progress.advance(task)


def _tell(done: Any) -> None:
    """Print a drill's figures; exit code 1 unless it held."""
    out.print(str(done), markup=False, highlight=False)
    if not done.held:
        err.print(f"lost: {', '.join(done.lost) or 'none'}; twice: {', '.join(done.doubled) or 'none'}")
        raise typer.Exit(1)
