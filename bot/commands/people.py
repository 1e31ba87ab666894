"""forget-user: what is kept about a person, and its end."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from bot.commands.shared import load_settings, open_database, open_queue, out
from storage.errors import ConfigurationError

SAID = {
    "events": "reactions, edits and deletions erased",
    "events_unnamed": "edits that others built on left without a name",
    "proposals": "proposals of their replies erased",
    "questions": "questions emptied",
    "prompts": "prompts emptied that quoted them",
    "bodies": "stored answers that named them left without the name",
    "deliveries": "threads whose kept webhooks no longer show them",
    "forgettings": "things that they had forgotten or took back left without a name",
    "phrases": "lessons erased that they alone taught",
}


def forget_user(
    who: Annotated[str, typer.Argument(help="A login, or GitHub's numeric id of the account.")],
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it. Without it, only say what would be done.")
    ] = False,
) -> None:
    """Forget a person: erase what they said and taught, leave without a name what others built on."""
    from bot.forgetting import forget_user as forget

    with open_database(load_settings()) as database:
        with database.unit(read_only=True) as unit:
            ids = {int(who)} if who.isdecimal() else unit.people.ids_of(who.removeprefix("@"))
        if len(ids) > 1:
            listed = ", ".join(str(one) for one in sorted(ids))
            raise ConfigurationError(f"{who} is the name of several accounts here: give one of {listed}.")
        counts: dict[str, int] = {}
        for actor_id in ids:
            with open_queue(database) as queue, database.unit() as unit:
                counts = forget(unit, queue, actor_id, datetime.now(UTC))
                if yes:
                    unit.commit()
        if counts and yes:
            database.vacuum()
    if not counts:
        out.print("Nothing is kept about that account.")
        return
    out.print("Forgotten:" if yes else "This would be done; nothing is changed yet:")
    for name, number in counts.items():
        out.print(f"{number:>6}  {SAID[name]}", markup=False)
    if not yes:
        out.print("With --yes it is done. Logs and backups are yours to look through.")
