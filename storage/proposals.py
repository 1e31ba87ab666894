"""Corrections that replies spell out, until somebody confirms or refuses them. No commit by itself."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from storage.columns import insert_new
from storage.records import Actor, Agreed, Proposal
from storage.tables import proposals


class ProposalStore:
    """Proposals by answer, on one unit of work's connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def add(self, proposal: Proposal) -> bool:
        """Keep a proposal; False if it is known already (its id follows from its content)."""
        row = {
            "id": proposal.id,
            "repository_id": proposal.repository_id,
            "answer_id": proposal.answer_id,
            "wrong": proposal.wrong,
            "right": proposal.right,
            "actor_id": proposal.by.id,
            "actor_login": proposal.by.login,
            "url": proposal.url,
            "at": proposal.at,
            "decision": proposal.decision.value,
            "decided_by": proposal.decided_by,
            "decided_at": proposal.decided_at,
        }
        return insert_new(self._connection, proposals, row, "id")

    def get(self, proposal_id: str) -> Proposal | None:
        """The proposal, or None if there is none with this id."""
        return next(iter(self._list(proposals.c.id == proposal_id)), None)

    def of_answer(self, answer_id: str) -> list[Proposal]:
        """All proposals about one answer, oldest first."""
        return self._list(proposals.c.answer_id == answer_id)

    def decide(self, proposal_id: str, decision: Agreed, login: str, at: datetime) -> bool:
        """Confirm an open proposal, or refuse one that is open or confirmed; False if it stands otherwise."""
        froms = {Agreed.CONFIRMED: (Agreed.OPEN,), Agreed.REFUSED: (Agreed.OPEN, Agreed.CONFIRMED)}
        still = sa.and_(
            proposals.c.id == proposal_id,
            proposals.c.decision.in_([one.value for one in froms.get(decision, ())]),
        )
        values = {"decision": decision.value, "decided_by": login, "decided_at": at}
        done = self._connection.execute(sa.update(proposals).where(still).values(**values))
        return done.rowcount == 1

    def _list(self, which: sa.ColumnElement[bool]) -> list[Proposal]:
        query = sa.select(proposals).where(which).order_by(proposals.c.at, proposals.c.id)
        return [_proposal(row) for row in self._connection.execute(query)]


def _proposal(row: sa.Row[tuple[object, ...]]) -> Proposal:
    values = dict(row._mapping)
    values["by"] = Actor(id=values.pop("actor_id"), login=values.pop("actor_login"))
    values["decision"] = Agreed(values["decision"])
    return Proposal(**values)
