"""Whether a question is answered: the table of rights, and the quotas of a day. Pure.

A quota is told in one sentence, once a person and day, and never more than `MOST_TOLD` times a day in a
repository: what lies beyond is met with silence, so that nobody makes the bot write by asking. Left out:
counting (`storage/admissions.py`), asking GitHub who somebody is (`bot/admission.py`).
Run: `pytest tests/unit/bot/test_quotas.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.repo_config import EMPTY, RepoConfig
from bot.settings import Settings
from storage.records import Refusal, Used
from storage.rights import TABLE, May, What, Who

MOST_TOLD = 20
"""Sentences about quotas a day in one repository."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Questions a day (UTC) in one repository: of one person, of one stranger, of all; strangers at all?"""

    person: int
    stranger: int
    repository: int
    open_to_strangers: bool = True

    @classmethod
    def of(cls, settings: Settings, config: RepoConfig = EMPTY) -> Limits:
        """The limits that an operator chose, and a repository within them: lower ones, or no strangers."""
        person, stranger, repository = (
            min(most, most if chosen is None else chosen)
            for most, chosen in (
                (settings.questions_per_person, config.questions_per_person),
                (settings.questions_per_stranger, config.questions_per_stranger),
                (settings.questions_per_repository, config.questions_per_repository),
            )
        )
        return cls(
            person=person,
            stranger=stranger,
            repository=repository,
            open_to_strangers=settings.strangers and config.strangers is not False,
        )

    def of_person(self, row: Who) -> int:
        """The quota of one person of this row."""
        return min(self.person, self.stranger) if TABLE[row][What.ASK] is May.QUOTA else self.person


def refusal(row: Who, limits: Limits, used: Used) -> Refusal:
    """Why the next question of somebody is not answered; NONE when it is.

    Quotas are kept by those who may not curate: maintainers are answered when others used up the day.
    """
    cell = TABLE[row][What.ASK]
    if not cell.allowed:
        return Refusal.MACHINE if row is Who.MACHINE else Refusal.BLOCKED
    if cell is May.QUOTA and not limits.open_to_strangers:
        return Refusal.CLOSED
    if TABLE[row][What.CURATE].allowed:
        return Refusal.NONE
    if used.by_person >= limits.of_person(row):
        return Refusal.PERSON
    return Refusal.REPOSITORY if used.by_all >= limits.repository else Refusal.NONE


def told(reason: Refusal, used: Used) -> bool:
    """Whether somebody who is refused is told so. Machines and blocked people never are."""
    if reason in (Refusal.NONE, Refusal.MACHINE, Refusal.BLOCKED):
        return False
    return not used.told_person and used.told < MOST_TOLD


def sentence(reason: Refusal, row: Who, limits: Limits) -> str:
    """The one polite sentence about a refusal."""
    if reason is Refusal.CLOSED:
        return "Here I answer people with access to this repository only: please ask one of them."
    if reason is Refusal.PERSON:
        count = limits.of_person(row)
        return (
            f"That was your {count} question{'' if count == 1 else 's'} of today here: "
            "I will gladly answer again after midnight UTC."
        )
    return "I have answered all the questions of today here: I will gladly answer again after midnight UTC."
