"""Whether a repository learns: what its files say of it holds for as long as they say it.

Asked before an answer uses what was learned and before feedback is used, and by the clock where a file
changed, so that a push acts though nobody asks. A repository whose files said something and no more do learns
again; one that a person froze stays frozen. Left out: reading files (`bot/configurations.py`), what the
modes mean (`bot/lessons.py`). Run: `pytest tests/integration/test_configuration.py`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import structlog

from bot.config import Effective
from bot.configurations import learning_in
from bot.context import Context
from bot.github import Client
from bot.time_slice import GoOn, endless
from bot.undo import set_learning
from storage.errors import ThumbprintError
from storage.records import Learning, Repository

log = structlog.get_logger()


def follow(context: Context, client: Client, repository: Repository, *, anew: bool = False) -> Effective:
    """What holds in a repository, its learning brought in line with that. `anew`: as its files stand now."""
    chosen = context.configurations.of(client, repository, anew=anew)
    said = learning_in(chosen.config)
    with context.database.unit() as unit:
        known = unit.repositories.upsert(repository)
        kept = unit.configurations.get(repository.id, to_change=True)
        learning = said or (Learning.ON if kept and kept.learning else known.learning)
        if learning is not known.learning:
            set_learning(unit, context.queue, known.id, learning, datetime.now(UTC))
            log.info("learning_follows", repository=repository.full_name, learning=learning.value)
        if kept and kept.learning is not said:
            unit.configurations.keep(replace(kept, learning=said))
        unit.commit()
    if kept and kept.learning is not said:
        context.configurations.of(client, repository)  # followed, so that it counts as read
    return chosen


def follow_known(context: Context, repository_id: int) -> None:
    """`follow` in a repository by its number; one that is not known, or out of bounds, is left alone.

    With a client of its own: what reading files costs is not a poll's, and one that used up its share in a
    crowd still keeps what it read.
    """
    with context.database.unit(read_only=True) as unit:
        repository, reach = unit.repositories.get(repository_id), unit.repositories.reach(repository_id)
    if repository is not None and reach is not None and reach.closed is None:
        follow(context, context.github.client(reach.installation_id, repository_id, writes=False), repository)


def follow_due(context: Context, go_on: GoOn = endless) -> None:
    """`follow` wherever a file changed since it was read. Raises the last error, after all had their turn.

    Those for which there is no time any more have theirs in the next round.
    """
    with context.database.unit(read_only=True) as unit:
        due = unit.configurations.stale()
    failed: ThumbprintError | None = None
    for repository_id in due:
        if not go_on():
            break
        try:
            follow_known(context, repository_id)
        except ThumbprintError as error:
            log.warning("configuration_unread", repository=repository_id, reason=str(error))
            failed = error
    if failed is not None:
        raise failed
