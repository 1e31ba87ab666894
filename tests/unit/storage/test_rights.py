"""The table of rights, cell by cell, against the words in which it is documented.

That each cell comes about is tested at `tests/integration/test_rights_flow.py`.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from storage.records import Actor, Feedback, FeedbackKind, Permission, Reaction
from storage.rights import TABLE, May, What, Who, allowed_to, may, said_by, who
from tests.unit.storage import things

ARCHITECTURE = Path(__file__).parents[3] / "docs" / "architecture.md"

PERSON = Actor(id=7, login="mona")
MACHINES = (
    Actor(id=7, login="tidy", is_bot=True),
    Actor(id=7, login="thumbprint[bot]"),
    Actor(id=10137, login="ghost"),
    Actor(id=0, login="somebody"),
)
WORDS = {
    # ask, thumb, edit, forget own, curate, configure: as the issue has it
    "bots, ghost, ourselves": "no|no|no|no|no|no",
    "blocked": "no|no|no|yes|no|no",
    "stranger on a public repository": "quota, may be closed|shown only|no|yes|no|no",
    "reader, triage": "yes|with at least 3 people|no|yes|no|no",
    "write": "yes|yes, capped|yes, capped|yes|no|no",
    "maintain": "yes|yes|yes|yes|yes|no",
    "admin": "yes|yes|yes|yes|yes|yes",
}
ROW_OF = {
    Permission.NONE: "blocked",
    Permission.PUBLIC: "stranger on a public repository",
    Permission.READ: "reader, triage",
    Permission.TRIAGE: "reader, triage",
    Permission.WRITE: "write",
    Permission.MAINTAIN: "maintain",
    Permission.ADMIN: "admin",
}


@pytest.mark.parametrize(("permission", "what"), list(itertools.product(Permission, What)))
def test_every_cell_of_a_person_is_what_was_decided(permission: Permission, what: What) -> None:
    words = WORDS[ROW_OF[permission]].split("|")[list(What).index(what)]
    assert may(PERSON, permission, what).value == words


@pytest.mark.parametrize(("permission", "what"), list(itertools.product(Permission, What)))
def test_nobody_stands_behind_a_machine_whatever_github_grants_it(permission: Permission, what: What) -> None:
    for machine in MACHINES:
        assert who(machine, permission) is Who.MACHINE
        assert may(machine, permission, what) is May.NO


def test_the_documented_table_is_the_tables() -> None:
    lines = [line for line in ARCHITECTURE.read_text().splitlines() if line.startswith("| ")]
    head = next(at for at, line in enumerate(lines) if line.startswith("| actor | ask |"))
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[head:]]
    assert rows[0][1:] == [what.value for what in What]
    for written, row in zip(rows[2 : len(Who) + 2], Who, strict=True):
        assert written == [row.value, *(TABLE[row][what].value for what in What)]


def test_more_permission_never_allows_less() -> None:
    order = [Who.STRANGER, Who.READER, Who.WRITER, Who.MAINTAINER, Who.ADMIN]
    for less, more in itertools.pairwise(order):
        for what in What:
            assert TABLE[more][what].allowed >= TABLE[less][what].allowed


def test_everybody_but_a_machine_may_take_back_what_they_taught() -> None:
    assert allowed_to(What.FORGET_OWN) == [row for row in Who if row is not Who.MACHINE]
    assert allowed_to(What.CURATE) == [Who.MAINTAINER, Who.ADMIN]
    assert allowed_to(What.CONFIGURE) == [Who.ADMIN]


@pytest.mark.parametrize("permission", Permission)
def test_an_event_counts_by_what_its_person_may_do(permission: Permission) -> None:
    def event(kind: FeedbackKind, reaction: Reaction | None = None) -> Feedback:
        return things.feedback(kind=kind, reaction=reaction, permission=permission)

    thumb = said_by(event(FeedbackKind.REACTION, Reaction.PLUS_ONE))
    assert thumb.allowed is (permission >= Permission.READ)
    for kind in (FeedbackKind.EDIT, FeedbackKind.DELETION):
        assert said_by(event(kind)).allowed is permission.writes
