"""What repositories chose: their files as they were read last, and what the receiver has to know of them.

What a file means is `bot/config.py`, when it is read `bot/configurations.py`. No commit by itself.
Run: `pytest tests/unit/storage/test_configurations.py`.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

import sqlalchemy as sa

from storage.columns import upsert
from storage.records import ConfigFile, Configuration, Learning
from storage.tables import config_files, configurations, repositories


def of_repository(repository_id: int) -> str:
    """The place of a repository's own file."""
    return f"repository/{repository_id}"


def of_installation(installation_id: int) -> str:
    """The place of an account's file with defaults."""
    return f"installation/{installation_id}"


class ConfigurationStore:
    """Configurations by repository, on one unit of work's connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def file(self, place: str) -> ConfigFile | None:
        """A file as it was read last, or None if it never was."""
        query = sa.select(config_files).where(config_files.c.place == place)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else ConfigFile(**row._mapping)

    def keep_file(self, file: ConfigFile) -> bool:
        """Keep what was read, in place of what was; False, and nothing is kept, if it changed meanwhile."""
        row = asdict(file)
        upsert(self._connection, config_files, [row], update=())
        still = sa.and_(config_files.c.place == file.place, config_files.c.changes == file.changes)
        return self._connection.execute(config_files.update().where(still).values(row)).rowcount == 1

    def get(self, repository_id: int, *, to_change: bool = False) -> Configuration | None:
        """What is known of a repository's choices, or None before they were read.

        `to_change`: nobody else changes it until this unit ends, so that nothing is lost or said twice.
        """
        query = sa.select(configurations).where(configurations.c.repository_id == repository_id)
        if to_change:
            query = query.with_for_update()
        row = self._connection.execute(query).one_or_none()
        if row is None:
            return None
        values = dict(row._mapping)
        values["words"] = tuple(values["words"])
        values["learning"] = None if values["learning"] is None else Learning(values["learning"])
        return Configuration(**values)

    def keep(self, configuration: Configuration) -> None:
        """Keep what is known, in place of what was."""
        row = asdict(configuration)
        row["words"] = list(configuration.words)
        row["learning"] = configuration.learning and configuration.learning.value
        upsert(self._connection, configurations, [row])

    def changed(self, repository_id: int) -> None:
        """A repository's own file changed: it is to be read anew."""
        self._stale(configurations.c.repository_id == repository_id, of_repository(repository_id))

    def defaults_changed(self, installation_id: int) -> None:
        """An account's file with defaults changed: for all its repositories."""
        self._stale(configurations.c.installation_id == installation_id, of_installation(installation_id))

    def missed(self, repository_id: int, pushed_at: datetime) -> bool:
        """A push did not reach us that may have changed files: those read before it are to be read anew.

        Of an account's `.github` repository that is its file with defaults too. Whether there was any.
        """
        query = sa.select(repositories.c.full_name, repositories.c.installation_id)
        known = self._connection.execute(query.where(repositories.c.id == repository_id)).one_or_none()
        own, stale = self.file(of_repository(repository_id)), False
        if known is not None and known.full_name.endswith("/.github"):
            defaults = self.file(of_installation(known.installation_id))
            if defaults is not None and defaults.read_at is not None and defaults.read_at < pushed_at:
                self.defaults_changed(known.installation_id)
                stale = True
        if own is not None and own.read_at is not None and own.read_at < pushed_at:
            self.changed(repository_id)
            stale = True
        return stale

    def stale(self) -> list[int]:
        """The repositories of which a file changed since it was read, as far as that was heard of."""
        query = sa.select(configurations.c.repository_id).where(configurations.c.as_of.is_(None))
        return list(self._connection.scalars(query.order_by(configurations.c.repository_id)))

    def forget_defaults(self, installation_id: int) -> None:
        """Delete an account's file with defaults."""
        place = of_installation(installation_id)
        self._connection.execute(config_files.delete().where(config_files.c.place == place))

    def in_training(self, read_before: datetime | None = None) -> list[int]:
        """The repositories whose files say that what was learned there may train a model, by number.

        One whose file changed is none until that was read: it may say no by now. Where a push was lost what
        is known may be old: who trains reads the files anew first (`bot/consent.py`), those `read_before`.
        """
        which = _trains()
        if read_before is not None:
            which = sa.and_(which, configurations.c.as_of < read_before)
        query = sa.select(configurations.c.repository_id).where(which)
        return list(self._connection.scalars(query.order_by(configurations.c.repository_id)))

    def to_ask(self, read_before: datetime) -> list[int]:
        """The repositories whose files said yes, but were read before a time or changed since.

        Who was read longest ago comes first: where there is no time for all, it is not always the same ones.
        """
        c = configurations.c
        which = sa.and_(c.training.is_(sa.true()), sa.or_(c.as_of.is_(None), c.as_of < read_before))
        order = (c.as_of.is_not(None), c.as_of, c.repository_id)
        return list(self._connection.scalars(sa.select(c.repository_id).where(which).order_by(*order)))

    def unread(self, repository_id: int) -> None:
        """A repository's file cannot be read: until it is, it says no."""
        self.changed(repository_id)
        which = configurations.c.repository_id == repository_id
        self._connection.execute(configurations.update().where(which).values(training=False))

    def shared(self) -> set[int]:
        """The repositories whose rows may be in what is made of several repositories' rows.

        In training, public, and the App has them now. What was made earlier is held against the audits that
        were written since (`storage/audits.py`).
        """
        kept = configurations.join(repositories, repositories.c.id == configurations.c.repository_id)
        query = (
            sa.select(configurations.c.repository_id)
            .select_from(kept)
            .where(
                _trains(),
                repositories.c.private.is_(sa.false()),
                repositories.c.removed_at.is_(None),
            )
        )
        return set(self._connection.execute(query).scalars())

    def _stale(self, which: sa.ColumnElement[bool], place: str) -> None:
        """In the order in which a reader keeps them, the account's first: nobody waits in a circle."""
        upsert(self._connection, config_files, [asdict(ConfigFile(place=place, text=None))], update=())
        changed = {"read_at": None, "changes": config_files.c.changes + 1}
        self._connection.execute(config_files.update().where(config_files.c.place == place).values(**changed))
        self._connection.execute(configurations.update().where(which).values(as_of=None))


def _trains() -> sa.ColumnElement[bool]:
    return sa.and_(configurations.c.training.is_(sa.true()), configurations.c.as_of.is_not(None))
