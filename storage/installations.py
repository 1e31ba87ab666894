"""Where the App is installed, and whether it may be used there. No commit by itself."""

from __future__ import annotations

import sqlalchemy as sa

from storage.columns import upsert
from storage.records import Installation, Standing
from storage.tables import installations


class InstallationStore:
    """Installations by GitHub's number, on one unit of work's connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def save(self, installation: Installation) -> bool:
        """Keep an installation as it stands now; whether that is news. One that was removed stays so.

        Of two words about one standing the earlier `since` holds: what is told last may be the older news.
        """
        known = self.get(installation.id)
        if known is not None and known.standing is Standing.REMOVED:
            return False
        row = {
            "id": installation.id,
            "account_id": installation.account_id,
            "account": installation.account,
            "standing": installation.standing.value,
            "since": installation.since,
        }
        same = known is not None and known.standing is installation.standing
        if known is not None and same:
            row["since"] = min(known.since, installation.since)
        upsert(self._connection, installations, [row])
        return not same

    def get(self, installation_id: int) -> Installation | None:
        """The installation, or None if it is unknown."""
        query = sa.select(installations).where(installations.c.id == installation_id)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _installation(row)

    def all(self) -> list[Installation]:
        """All installations that were ever heard of, by number."""
        rows = self._connection.execute(sa.select(installations).order_by(installations.c.id))
        return [_installation(row) for row in rows]

    def forget_account(self, installation_id: int) -> None:
        """Keep of a removed installation only that it was removed."""
        here = installations.c.id == installation_id
        self._connection.execute(installations.update().where(here).values(account="", account_id=0))


def _installation(row: sa.Row[tuple[object, ...]]) -> Installation:
    values = dict(row._mapping)
    values["standing"] = Standing(values["standing"])
    return Installation(**values)
