"""phrases: what each repository taught, looked at and undone from the terminal."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from bot import lessons
from bot.commands.shared import MOST_LISTED, find_repository, load_settings, open_database, open_queue, out
from bot.wording import age, did, number, printable, says, state, taught_ago
from storage.errors import Gone
from storage.records import Actor, Learning, PhraseWeight

app = typer.Typer(
    help="What each repository taught: list, search, show, forget, freeze, export.", no_args_is_help=True
)

Repo = Annotated[str, typer.Option("--repo", help="owner/name, or its numeric id.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=MOST_LISTED, help="How many at most.")]


@app.command("list")
def list_phrases(repo: Repo, limit: Limit = 30) -> None:
    """The phrases of one repository, the strongest first."""
    _show(repo, "", limit)


@app.command()
def search(
    text: Annotated[str, typer.Argument(help="Part of the wording.")], repo: Repo, limit: Limit = 30
) -> None:
    """The phrases of one repository that contain a text."""
    _show(repo, text, limit)


@app.command()
def show(phrase_id: Annotated[str, typer.Argument(help="The id that `phrases list` shows.")]) -> None:
    """One phrase: its weight, and who taught it by what, with links."""
    with open_database(load_settings()) as database, database.unit(read_only=True) as unit:
        phrase = unit.phrases.phrases_of([phrase_id]).get(phrase_id)
        if phrase is None:
            raise Gone(
                f"There is no phrase {phrase_id}: `thumbprint phrases list` shows those that there are."
            )
        weight = unit.phrases.weights_of([phrase_id]).get(phrase_id)
        pieces = unit.phrases.evidence_of([phrase_id])[phrase_id]
        events = unit.feedback.by_ids({piece.event_id for piece in pieces})
    now = datetime.now(UTC)
    said = f"{number(weight.weight)} {state(weight)}" if weight else "it has no weight any more"
    lines = [f"{phrase.id}  {printable(says(phrase, weight.weight if weight else 0.0))}", f"weight {said}"]
    for piece in pieces:
        what = did(events[piece.event_id]) if piece.event_id in events else "taught it"
        line = f"@{piece.actor_login} ({piece.permission.value}) {what} {age(piece.at, now)}"
        lines.append(f"  {line}, mass {number(piece.mass)}  {piece.url}".rstrip())
    typer.echo(printable("\n".join(lines)))


@app.command()
def forget(phrase_id: Annotated[str, typer.Argument(help="The id that `phrases list` shows.")]) -> None:
    """Take back all that taught one phrase so far; only a new edit or thumb teaches it again."""
    from bot import undo

    with (
        open_database(load_settings()) as database,
        open_queue(database) as queue,
        database.unit() as unit,
    ):
        phrase = undo.forget(unit, queue, phrase_id, _operator(), datetime.now(UTC))
        unit.commit()
    out.print(f"Forgotten: {printable(says(phrase))}", markup=False)


@app.command()
def freeze(
    repo: Repo,
    off: Annotated[bool, typer.Option("--off", help="Do not even record feedback.")] = False,
    again: Annotated[
        bool, typer.Option("--undo", help="Learn again; a worker catches up on what was recorded.")
    ] = False,
) -> None:
    """Stop a repository's weights from changing; feedback is still recorded."""
    from bot import undo

    learning = Learning.ON if again else Learning.OFF if off else Learning.FROZEN
    with open_database(load_settings()) as database:
        repository = find_repository(database, repo)
        with open_queue(database) as queue, database.unit() as unit:
            changes = undo.set_learning(unit, queue, repository.id, learning, datetime.now(UTC))
            waiting = unit.feedback.to_ask_about().get(repository.id, [])
            unit.commit()
    out.print(f"{repository.full_name}: learning is {learning.value}; {len(changes)} weights changed.")
    if waiting:
        people = "one person" if len(waiting) == 1 else f"{len(waiting)} people"
        out.print(f"What {people} said meanwhile is used when a worker has asked GitHub about them.")


@app.command()
def export(repo: Repo) -> None:
    """Everything that one repository taught, as text on stdout."""
    with open_database(load_settings()) as database:
        repository = find_repository(database, repo)
        with database.unit() as unit:
            text = "".join(lessons.export(unit, repository, datetime.now(UTC)))
    typer.echo(printable(text), nl=False)


def _operator() -> Actor:
    return Actor(id=0, login=f"{getpass.getuser()} (command line)")


def _show(repo: str, text: str, limit: int) -> None:
    with open_database(load_settings()) as database:
        repository = find_repository(database, repo)
        with database.unit(read_only=True) as unit:
            found = unit.phrases.search(repository.id, text, limit, 0)
            total = unit.phrases.count(repository.id, text)
    if not found:
        out.print(f"{repository.full_name} has taught nothing {'that has these words' if text else 'yet'}.")
        return
    table = Table(box=None, header_style="bold")
    for name in ("id", "weight", "", "phrase", "people", "age"):
        table.add_column(name, justify="right" if name in ("weight", "people") else "left")
    for weight in found:
        table.add_row(*_row(weight))
    out.print(table)
    if total > len(found):
        out.print(f"{len(found)} of {total:,}, the strongest first: --limit {total} shows all.")


def _row(weight: PhraseWeight) -> tuple[str, ...]:
    return (
        weight.phrase.id,
        number(weight.weight),
        state(weight),
        printable(says(weight.phrase, weight.weight)).replace("[", r"\["),
        str(weight.people),
        taught_ago(weight, datetime.now(UTC)),
    )
