"""What the worker does by the clock, beside the jobs: each part goes on from what the database says.

Order matters: first who may be called, then what was missed there, then what waited for too long, then what
has to go. One part that fails keeps no other from its turn, and is tried again at the next tick. Parts that
call GitHub begin nothing more once the round's time is over. The sweep has as long for itself: of a list that
is read in part it cannot say what is missing.
Run: `pytest tests/integration/test_missed.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from bot import canary
from bot.catching_up import Route, catch_up_due
from bot.context import Context
from bot.drafts import expire
from bot.duplicates import heal
from bot.erasing import erase_due
from bot.learning_mode import follow_due
from bot.leftovers import clear
from bot.standing import settle_due
from bot.sweeping import sweep_due
from bot.thawing import recheck_due
from bot.time_slice import time_slice
from storage.errors import ThumbprintError

log = structlog.get_logger()


def upkeep(context: Context, route: Route, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
    """One round. Raises the first error that came up, after all parts had their turn."""
    go_on = time_slice(context.settings)

    def sweep() -> None:
        if go_on():
            sweep_due(context, clock(), time_slice(context.settings))

    parts: dict[str, Callable[[], object]] = {
        "settle": lambda: settle_due(context, clock(), go_on),
        "sweep": sweep,
        "catch_up": lambda: catch_up_due(context, route, clock(), go_on),
        "files": lambda: follow_due(context, go_on),
        "frozen": lambda: recheck_due(context, clock(), go_on),
        "drafts": lambda: expire(context, clock()),
        "duplicates": lambda: heal(context, clock(), go_on),
        "canary": lambda: canary.settle_due(context.database, context.settings.models_chosen, clock()),
        "adapters": lambda: context.adapters.settle(clock(), context.settings.job_timeout_s),
        "erase": lambda: erase_due(context, clock()),
        "leftovers": lambda: clear(
            context.database, context.settings.home.expanduser().absolute(), context.settings.adapter
        ),
    }
    failed: Exception | None = None
    for name, part in parts.items():
        try:
            part()
        except ThumbprintError as error:
            log.warning("upkeep_failed", part=name, kind=type(error).__name__, reason=str(error))
            failed = failed or error
        except Exception as error:  # nobody foresaw it; the others wait for none
            log.exception("upkeep_failed", part=name, kind=type(error).__name__)
            failed = failed or error
    if failed is not None:
        raise failed
