"""What was said while learning was frozen is used once it is on again, by what its people may do then.

By the clock, so that it matters not who turned learning on: a file, a command, the memory page or the
operator. Each person is asked about once, and what they said is pending until GitHub has answered; from then
on it counts by the less of what they might do when they said it and what they may do now. Left out: what it
teaches (`bot/lessons.py`). Run: `pytest tests/integration/test_thawing.py`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import structlog

from bot.context import Context
from bot.github import Client
from bot.time_slice import GoOn, endless
from bot.undo import recheck
from storage.errors import ThumbprintError
from storage.records import Actor, Permission, Repository
from storage.rights import is_machine

log = structlog.get_logger()


def recheck_due(context: Context, now: datetime, go_on: GoOn = endless) -> None:
    """Ask about all whose pending feedback may be used. Raises the last error, after all had their turn.

    Where GitHub does not answer for one person the repository's others wait for the next round, too.
    """
    with context.database.unit(read_only=True) as unit:
        due = unit.feedback.to_ask_about()
    failed: ThumbprintError | None = None
    for repository_id, people in due.items():
        try:
            _recheck(context, repository_id, people, now, go_on)
        except ThumbprintError as error:
            log.warning("feedback_still_pending", repository=repository_id, reason=str(error))
            failed = error
    if failed is not None:
        raise failed


def _recheck(context: Context, repository_id: int, people: list[Actor], now: datetime, go_on: GoOn) -> None:
    with context.database.unit(read_only=True) as unit:
        repository, reach = unit.repositories.get(repository_id), unit.repositories.reach(repository_id)
    if repository is None or reach is None or reach.closed is not None:
        return
    client = context.github.client(reach.installation_id, repository_id, writes=False)
    for person in people:
        if not go_on():
            return
        permission = _may_now(context, client, repository, person)
        with context.database.unit() as unit:
            changes = recheck(unit, context.queue, repository_id, person.id, permission, now)
            unit.commit()
        log.info("pending_feedback_used", repository=repository.full_name, changes=len(changes))


def _may_now(context: Context, client: Client, repository: Repository, person: Actor) -> Permission:
    """What a person may do now. A name that may nothing may be a former one: the account's id tells."""
    ask = context.permissions.anew
    permission = ask(client, repository.id, repository.full_name, person)
    if permission is not Permission.NONE or is_machine(person):
        return permission
    login = client.login_of(person.id)
    if login is None or login.lower() == person.login.lower():
        return permission
    return ask(client, repository.id, repository.full_name, replace(person, login=login))
