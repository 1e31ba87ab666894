"""How long one round of what the worker does by the clock may go on.

A round is one step of a job, and a worker in which a step takes longer than `THUMBPRINT_JOB_TIMEOUT_S` ends
itself (`bot/attempts.py`), with all its other jobs. So a round begins nothing more after a part of that time:
what it left is due still, and the next one goes on there. Left out: breaking off what was begun.
Run: `pytest tests/unit/bot/test_time_slice.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from bot.settings import Settings

ROUND = 0.3
"""The part of a step's longest time after which a round begins nothing more."""

GoOn = Callable[[], bool]
"""Whether there is time to begin something more."""


def time_slice(settings: Settings, clock: Callable[[], float] = time.monotonic) -> GoOn:
    """What says until when a round that begins now goes on. `clock` in seconds."""
    until = clock() + ROUND * settings.job_timeout_s
    return lambda: clock() < until


def endless() -> bool:
    """For whoever waits for all of it: always."""
    return True
