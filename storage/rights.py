"""Who may do what: the one table, decided from what GitHub's permission endpoint says. Pure.

Everything that asks "may this person …?" asks here: the worker before it answers or carries out a command,
and the memory before a thumb or an edit counts. Left out: asking GitHub and how long its word holds
(`bot/permissions.py`), the cap of a day (`learning/memory/hearing.py`), and the memory pages, which know a
token and no persons (`webhooks/pages/guard.py`).
Run: `pytest tests/unit/storage/test_rights.py`.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

from storage.records import Actor, Feedback, FeedbackKind, Permission

BOT_SUFFIX = "[bot]"
"""No person's login may end so. It makes nobody trusted: it leaves GraphQL's untyped reactors unheard."""

GHOST = "ghost"
"""Whose name GitHub writes where an account was deleted; nobody can register it."""


class Who(enum.Enum):
    """The rows: bots, deleted accounts and ourselves; blocked people; and people by what they may do."""

    MACHINE = "bots, ghost, ourselves"
    BLOCKED = "blocked"
    STRANGER = "stranger on a public repository"
    READER = "reader, triage"
    WRITER = "write"
    MAINTAINER = "maintain"
    ADMIN = "admin"


class What(enum.Enum):
    """The columns. CURATE is all that changes what others taught; EDIT is deleting an answer, too."""

    ASK = "ask"
    THUMB = "thumb counted"
    EDIT = "edit teaches"
    FORGET_OWN = "`/ask forget` own"
    CURATE = "forget others, freeze, rollback"
    CONFIGURE = "configuration"


class May(enum.Enum):
    """A cell: no, yes, or yes within a limit that its words name."""

    NO = "no"
    SHOWN = "shown only"
    QUOTA = "quota, may be closed"
    TOGETHER = "with at least 3 people"
    CAPPED = "yes, capped"
    YES = "yes"

    @property
    def allowed(self) -> bool:
        """Whether it is done at all; a thumb that is only shown does nothing."""
        return self not in (May.NO, May.SHOWN)

    @property
    def limited(self) -> bool:
        """Whether it is done, but not without limit."""
        return self in (May.QUOTA, May.TOGETHER, May.CAPPED)


_ROWS: Mapping[Who, tuple[May, May, May, May, May, May]] = {
    # in the order of What: ask, thumb, edit, forget own, curate, configure
    Who.MACHINE: (May.NO, May.NO, May.NO, May.NO, May.NO, May.NO),
    Who.BLOCKED: (May.NO, May.NO, May.NO, May.YES, May.NO, May.NO),
    Who.STRANGER: (May.QUOTA, May.SHOWN, May.NO, May.YES, May.NO, May.NO),
    Who.READER: (May.YES, May.TOGETHER, May.NO, May.YES, May.NO, May.NO),
    Who.WRITER: (May.YES, May.CAPPED, May.CAPPED, May.YES, May.NO, May.NO),
    Who.MAINTAINER: (May.YES, May.YES, May.YES, May.YES, May.YES, May.NO),
    Who.ADMIN: (May.YES, May.YES, May.YES, May.YES, May.YES, May.YES),
}

TABLE: Mapping[Who, Mapping[What, May]] = {
    who: dict(zip(What, cells, strict=True)) for who, cells in _ROWS.items()
}

_PEOPLE = {
    # GitHub grants nothing: taken out of a private repository, or blocked.
    Permission.NONE: Who.BLOCKED,
    Permission.PUBLIC: Who.STRANGER,
    Permission.READ: Who.READER,
    Permission.TRIAGE: Who.READER,
    Permission.WRITE: Who.WRITER,
    Permission.MAINTAIN: Who.MAINTAINER,
    Permission.ADMIN: Who.ADMIN,
}


def is_machine(actor: Actor) -> bool:
    """Whether nobody stands behind an account: a bot (ourselves too), or one that was deleted."""
    return actor.is_bot or actor.id <= 0 or actor.login.lower() == GHOST or actor.login.endswith(BOT_SUFFIX)


def who(actor: Actor, permission: Permission) -> Who:
    """The row of an account with this permission."""
    return Who.MACHINE if is_machine(actor) else _PEOPLE[permission]


def may(actor: Actor, permission: Permission, what: What) -> May:
    """The cell of an account with this permission and of an act."""
    return TABLE[who(actor, permission)][what]


def allowed_to(what: What) -> list[Who]:
    """The rows that an act is open to, from least to most trusted."""
    return [row for row, cells in TABLE.items() if cells[what].allowed]


def said_by(event: Feedback) -> May:
    """How far an event counts as what it is: an edit, a deletion or a thumb. A retraction takes back only.

    A ticked box is a thumb that says why. GitHub does not tell who hid a comment, a writer or a bot: it is
    one voice of many, like a reader's.
    """
    if event.kind is FeedbackKind.HIDDEN:
        return TABLE[Who.READER][What.THUMB]
    what = What.THUMB if event.kind in (FeedbackKind.REACTION, FeedbackKind.REASON) else What.EDIT
    return may(event.actor, event.permission, what)
