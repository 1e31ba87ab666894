"""Whether and when a step that failed is tried again: a decision from failure and attempts alone. Pure.

Left out: sleeping and repeating, which `bot/jobs.py` does durably. A create on GitHub is repeated too, for
`bot.answer.post` looks for our marker before it creates; nothing else that writes may rely on this.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from storage import errors
from storage.errors import Retryable, ThumbprintError


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long one kind of failure is waited out: the first pause, the longest, and all together."""

    first_s: float
    longest_s: float
    total_s: float


PATIENCE = {
    # A restart of the model server takes about 20 s, a download or a conversion minutes.
    "ModelUnavailable": Patience(first_s=1.0, longest_s=15.0, total_s=600.0),
    "GitHubUnavailable": Patience(first_s=2.0, longest_s=60.0, total_s=900.0),
    # Until a post is old enough for a 404 to mean that it was deleted (`bot/hearing.py`).
    "NotThereYet": Patience(first_s=2.0, longest_s=15.0, total_s=120.0),
    # What closed it cancels the job in a moment; one that was suspended goes on from here.
    "OutOfBounds": Patience(first_s=5.0, longest_s=300.0, total_s=3600.0),
    # Without a hint GitHub asks for a minute; with one, at most an hour until the limit is renewed.
    "RateLimited": Patience(first_s=60.0, longest_s=900.0, total_s=7200.0),
    "TurnBooked": Patience(first_s=60.0, longest_s=900.0, total_s=7200.0),
    # Long enough for the other worker to look twice and post, or to be seen to have died.
    "Overtaken": Patience(first_s=60.0, longest_s=120.0, total_s=900.0),
    "DatabaseBusy": Patience(first_s=0.5, longest_s=10.0, total_s=300.0),
    # Somebody has to free some space.
    "DatabaseFull": Patience(first_s=5.0, longest_s=60.0, total_s=7200.0),
}
UNTIL_THEN = frozenset({"Quiet"})
"""What says itself when it ends: it is waited for as long as it says, and as often."""
LIMITS = frozenset({"RateLimited", "TurnBooked"})
"""What knows when it ends, or at least how long it asks us to wait."""
LONGEST_HINT_S, LEAST_HINT_S = 3600.0, 1.0
JITTER = 0.25
"""Pauses are longer by up to this share: what failed at once is not tried again at once."""
MOST_DEATHS = 5
"""A step in which so many workers ended, and never it, is not begun again: its job is parked."""
CLOCK_FORGETS = timedelta(hours=1)
"""Of what the clock starts only deaths this young count: it is left out for an hour, not for good."""
SUSPECT_FROM = 2
"""A job with which so many workers ended is a suspect, and of these one runs at a time (`bot/turns.py`): an
innocent one that happened to run beside a poisonous one does so no more, and is not parked with it."""

TELLING, MOST_TELLINGS = "fail", 5
"""Telling an asker is the same few lines whatever was asked: when workers ended in it, something else ended
them. It is begun again later, with new attempts, so many times."""

LATER_FIRST_S = 60.0
LATER_LONGEST_S = 3600.0
FOR_THE_OPERATOR = frozenset({"ConfigurationError"})
"""Permanent until somebody mends the settings: what was promised to people waits for that."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A failure as it is written down between attempts: the error's class by name, its sentence, its hint."""

    kind: str
    message: str
    retry_after_s: float | None = None

    @classmethod
    def of(cls, error: Exception, step: str) -> Self:
        """What to remember of an error; of a foreign one only the class, for its words may quote a thread."""
        if isinstance(error, Retryable):
            return cls(kind=type(error).__name__, message=str(error), retry_after_s=error.retry_after_s)
        if isinstance(error, ThumbprintError):
            return cls(kind=type(error).__name__, message=str(error))
        return cls(kind=type(error).__name__, message=f"{type(error).__name__} in step {step}: see the log")

    def error(self) -> ThumbprintError:
        """The error again, of its own class where it is one of ours."""
        kind = getattr(errors, self.kind, None)
        if not (isinstance(kind, type) and issubclass(kind, ThumbprintError)):
            return ThumbprintError(self.message)
        if issubclass(kind, Retryable):
            return kind(self.message, retry_after_s=self.retry_after_s)
        return kind(self.message, status=0) if kind is errors.BadDelivery else kind(self.message)


def jitter(job: str, attempts: int) -> float:
    """The factor of a pause, in [1, 1 + JITTER): even over jobs, the same whenever it is asked for again."""
    drawn = hashlib.sha256(f"{job} {attempts}".encode()).digest()
    return 1.0 + JITTER * int.from_bytes(drawn[:7], "big") / 2**56


def is_poison(deaths: int) -> bool:
    """Whether a step is not begun again, after so many attempts that never came to an end."""
    return deaths >= MOST_DEATHS


def delay_s(failure: Failure, attempts: int, job: str = "") -> float | None:
    """Seconds to wait before the next attempt, after `attempts` of them failed; None to give up.

    Pauses double up to the longest, each with its job's jitter; a hint (GitHub's `Retry-After`) is honoured
    where it is longer, and of a limit, which knows when it ends, where it is shorter too. A booked turn is
    come for without jitter: turns are apart already, and one that nobody comes for is lost. All pauses
    together, without jitter and hints, stay within the total, so that an asker is told.
    """
    if failure.kind in UNTIL_THEN:
        return failure.retry_after_s or 0.0
    patience = PATIENCE.get(failure.kind)
    if patience is None:
        return None
    pauses = [min(patience.longest_s, patience.first_s * 2.0**n) for n in range(attempts)]
    if sum(pauses) > patience.total_s:
        return None
    hint = min(failure.retry_after_s or 0.0, LONGEST_HINT_S)
    told = max(hint, LEAST_HINT_S) if failure.kind in LIMITS and hint else max(pauses[-1], hint)
    return told if failure.kind == "TurnBooked" and hint else told * jitter(job, attempts)


def later_s(failure: Failure, tries: int, job: str = "", step: str = "") -> float | None:
    """Seconds until the next try of what must not be given up, `tries` after its patience ended; None: never.

    Posting an answer, telling an asker, and learning from people: as long as the cause may pass, hourly in
    the end, for ever. Where a limit says how long, that long: many may wait for it, each for its own turn.
    Telling is put off, too, where workers ended in it.
    """
    told = step == TELLING and failure.kind == errors.Poisoned.__name__ and tries <= MOST_TELLINGS
    if not told and failure.kind not in PATIENCE and failure.kind not in FOR_THE_OPERATOR:
        return None
    if failure.kind in LIMITS and failure.retry_after_s:
        return min(failure.retry_after_s, LONGEST_HINT_S)
    pause = min(LATER_LONGEST_S, LATER_FIRST_S * 2.0 ** min(tries, 30))
    return max(pause, min(failure.retry_after_s or 0.0, LONGEST_HINT_S)) * jitter(job, tries)
