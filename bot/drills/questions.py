"""What is asked in a drill, until all is quiet, and whether each question has one answer in the end.

Left out: what is done to the town meanwhile, which is the drill (`bot/drills/kills.py` and those beside it).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bot.drills.town import Town
from storage.records import Repository

QUIET_S = 600.0
"""Longest time until everything is answered, once nothing is hurt any more."""


@dataclass(kw_only=True)
class Figures:
    """What came of a drill. `lost` and `doubled` name threads, and are empty if all is well.

    `deleted`: comments that were there, and were found to be second ones and taken away before anybody
    looked. People saw them: they are answers given twice, too.
    """

    asked: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    deleted: int = 0
    seconds: float = 0.0

    @property
    def held(self) -> bool:
        """Whether each question has exactly one answer, and never had another."""
        return not self.lost and not self.doubled and not self.deleted

    def outcome(self) -> str:
        """How every drill's sentence ends."""
        return (
            f"{len(self.lost)} lost, {len(self.doubled)} answered twice, {self.deleted} second ones deleted; "
            f"{self.seconds:.0f} s"
        )


class Questions:
    """Those of one drill, which begins now."""

    def __init__(self, town: Town) -> None:
        self._town, self._began = town, time.monotonic()
        self._since = datetime.now(UTC).replace(microsecond=0)
        self.threads: list[tuple[Repository, int]] = []

    def ask(self, repository: Repository) -> int:
        """Open an issue that asks; its number."""
        number = self._town.ask(repository)
        self.threads.append((repository, number))
        return number

    def refused(self) -> dict[str, int]:
        """Deliveries of theirs that were never acknowledged: the last attempt's id by GUID."""
        return self._town.refused(self._since)

    def quieten(self) -> int:
        """Send again what was not acknowledged until all is, and wait for all jobs. Returns how many were.

        What GitHub could not deliver is sent again by hand, as GitHub lets an App do it. Raises TimeoutError
        when it does not get quiet in `QUIET_S`, with what is left open.
        """
        town, until, again = self._town, time.monotonic() + QUIET_S, set[str]()
        while True:
            town.run_what_died()
            refused = {} if town.pending() else self.refused()
            for guid, attempt_id in refused.items():
                town.app.redeliver(attempt_id)
                again.add(guid)
            left = town.open_jobs()
            if not refused and not left and not town.pending():
                return len(again)
            if time.monotonic() > until:
                raise TimeoutError(
                    f"Not quiet after {QUIET_S:.0f} s: {len(refused)} deliveries refused, open: {left}"
                )
            time.sleep(1)

    def judge(self, done: Figures) -> None:
        """Write down the threads without an answer, and those with more than one, as GitHub shows them.

        And how many of our comments were deleted meanwhile: the sweep heals, from two minutes on.
        """
        done.asked, done.deleted = len(self.threads), self._town.deleted(self._since)
        for repository, number in self.threads:
            answers = self._town.answers(repository, number, self._since)
            if len(answers) != 1:
                (done.doubled if answers else done.lost).append(f"{repository.full_name}#{number}")
        done.seconds = time.monotonic() - self._began
