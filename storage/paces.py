"""When each installation wrote, and until when GitHub wants it not to. No commit by itself, no arithmetic.

Several workers share a row by its lock. Left out: what follows from it (`bot/pace.py`).
Run: `pytest tests/unit/bot/test_pacing.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from storage.columns import insert_new
from storage.tables import paces


@dataclass(frozen=True)
class Turns:
    """Unix times in seconds: of writes, oldest first; and of turns that wait for somebody, by their key."""

    taken: tuple[float, ...] = ()
    booked: dict[str, float] = field(default_factory=dict)


class PaceStore:
    """One row an installation, on one unit of work's connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def of(self, installation_id: int) -> tuple[Turns, datetime | None]:
        """The turns of an installation, and until when it is paused. They are this unit's until its end."""
        empty = {"installation_id": installation_id, "turns": {}, "paused_until": None}
        insert_new(self._connection, paces, empty, "installation_id")
        query = sa.select(paces.c.turns, paces.c.paused_until).where(_of(installation_id)).with_for_update()
        row = self._connection.execute(query).one()
        said = row.turns
        return Turns(tuple(said.get("taken", ())), dict(said.get("booked", {}))), row.paused_until

    def put(self, installation_id: int, turns: Turns) -> None:
        """Keep an installation's turns; `of` came before it in the same unit."""
        said = {"taken": list(turns.taken), "booked": turns.booked}
        self._connection.execute(sa.update(paces).where(_of(installation_id)).values(turns=said))

    def pause(self, installation_id: int, until: datetime) -> None:
        """Keep a pause; `of` came before it in the same unit."""
        self._connection.execute(sa.update(paces).where(_of(installation_id)).values(paused_until=until))


def _of(installation_id: int) -> sa.ColumnElement[bool]:
    return paces.c.installation_id == installation_id
