"""forget-user: what is kept about a person, and its end. drafts: who approves a repository's answers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from bot.commands.shared import find_repository, load_settings, number_in, open_database, open_queue, out
from storage.errors import ConfigurationError

SAID = {
    "events": "reactions, edits and deletions erased",
    "events_unnamed": "edits that others built on left without a name",
    "proposals": "proposals of their replies erased",
    "decisions": "decisions about proposals left without their name",
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
    from bot.erasing import empty_log
    from bot.forgetting import forget_name, known_as
    from bot.forgetting import forget_user as forget

    login = who.removeprefix("@")
    with open_database(load_settings()) as database:
        with database.unit(read_only=True) as unit:
            number = number_in(who)
            ids = known_as(unit, login) if number is None else {number}
        if len(ids) > 1:
            listed = ", ".join(str(one) for one in sorted(ids))
            raise ConfigurationError(f"{who} is the name of several accounts here: give one of {listed}.")
        actor_id, now = next(iter(ids), None), datetime.now(UTC)
        with open_queue(database) as queue, database.unit() as unit:
            counts = forget_name(unit, login, now) if actor_id is None else forget(unit, queue, actor_id, now)
            if yes:
                unit.commit()
        if yes:
            empty_log(database)
    if not counts:
        unknown = f"Nobody is known here as {login}. Names change: give GitHub's numeric id of the account."
        out.print("Nothing is kept about that account." if ids else unknown, markup=False)
        return
    out.print("Forgotten:" if yes else "This would be done; nothing is changed yet:")
    for name, number in counts.items():
        out.print(f"{number:>6}  {SAID[name]}", markup=False)
    if not yes:
        out.print("With --yes it is done. Logs and backups are yours to look through.")


def drafts(
    repo: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="Whose maintainers approve its answers.")],
) -> None:
    """Where a repository's maintainers approve its answers, and the token that opens that alone."""
    from bot.drafts import token_of

    settings = load_settings()
    with open_database(settings) as database:
        found = find_repository(database, repo)
        with database.unit(read_only=True) as unit:
            count = unit.drafts.count(found.id)
    token = token_of(
        settings.pages_token.get_secret_value(), settings.webhook_secret.get_secret_value(), found.id
    )
    if not token:
        raise ConfigurationError(
            "THUMBPRINT_PAGES_TOKEN or the webhook secret is not set: ask where the receiver's settings are."
        )
    out.print(f"{count} of {found.full_name} wait for an approval.", markup=False)
    pages = settings.pages_url or "https://…"
    out.print(f"  {pages}/drafts?repository_id={found.id}", markup=False)
    if not settings.pages_url:
        out.print("  … is where people reach the receiver: THUMBPRINT_PUBLIC_URL is not set.", markup=False)
    out.print(f"  sign in with any name and, as the password, {token}", markup=False)
    out.print("Give it to maintainers of this repository only: whoever has it approves in their name.")
