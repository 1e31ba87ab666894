"""What was said while learning was frozen is used once it is on again, by what its people may do then.

By the clock, so that it matters not who turned learning on: a file, a command, the memory page or the
operator. Each person is asked about once, within the share of GitHub's limit that looking at answers has, and
what they said is pending until GitHub has answered; from then on it counts by the less of what they might do
when they said it and what they may do now. Left out: what it teaches (`bot/lessons.py`).
Run: `pytest tests/integration/test_thawing.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import structlog

from bot.context import Context
from bot.spending import Ledger
from bot.time_slice import GoOn, endless
from bot.undo import recheck
from storage.errors import GitHubRefused, OverBudget, ThumbprintError
from storage.records import Actor

log = structlog.get_logger()


def recheck_due(context: Context, now: datetime, go_on: GoOn = endless) -> None:
    """Ask about all whose pending feedback may be used. Raises the last error, after all had their turn.

    Where GitHub does not answer, or its share is used up, the repository's others wait for the next round.
    """
    with context.database.unit(read_only=True) as unit:
        due = unit.feedback.to_ask_about()
    failed: ThumbprintError | None = None
    for repository_id, people in due.items():
        try:
            _recheck(context, repository_id, people, now, go_on)
        except OverBudget as error:
            log.info("feedback_still_pending", repository=repository_id, reason=str(error))
        except ThumbprintError as error:
            log.warning("feedback_still_pending", repository=repository_id, reason=str(error))
            failed = error
    if failed is not None:
        raise failed


def _recheck(
    context: Context, repository_id: int, people: Sequence[Actor], now: datetime, go_on: GoOn
) -> None:
    with context.database.unit(read_only=True) as unit:
        reach = unit.repositories.reach(repository_id)
    if reach is None or reach.closed is not None or not go_on():
        return
    meter = Ledger(context.database, reach.installation_id)
    client = context.github.client(reach.installation_id, repository_id, writes=False, meter=meter)
    full_name = client.repository(repository_id).full_name
    for person in people:
        if not go_on():
            return
        try:
            permission = context.permissions.anew(client, repository_id, full_name, person)
        except GitHubRefused as error:
            log.warning("feedback_still_pending", repository=repository_id, reason=str(error))
            continue
        with context.database.unit() as unit:
            changes = recheck(unit, context.queue, repository_id, person.id, permission, now)
            unit.commit()
        log.info("pending_feedback_used", repository=full_name, changes=len(changes))
