"""Column types and small helpers that every table shares: times, text, enums, insert-or-update."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """A timezone-aware UTC datetime; SQLite keeps it as text in UTC, PostgreSQL as timestamptz.

    Raises ValueError for a naive datetime: nobody can know which moment it means.
    """

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Refuse naive times; turn all others into UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a time zone cannot be stored: use datetime.now(UTC)")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Give back UTC, whatever the session's time zone is."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Text(TypeDecorator[str]):
    """Text as people write it. What no database can hold (NUL, half a surrogate pair) becomes U+FFFD."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        """Replace what cannot be stored; leave all other text as it is."""
        return None if value is None else storable(value)


def storable(text: str) -> str:
    """`text` as a database gives it back."""
    if text.isprintable():
        return text
    return text.replace("\x00", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def one_of(column: str, kind: type[enum.Enum]) -> sa.CheckConstraint:
    """A column holds one of an enum's values, by name and readable in SQL."""
    allowed = ", ".join(f"'{value}'" for value in (member.value for member in kind))
    return sa.CheckConstraint(f"{column} IN ({allowed})", name=f"{column}_known")


def later(target: str) -> sa.ForeignKey:
    """A foreign key that is checked at commit: rows of one unit of work come in any order."""
    return sa.ForeignKey(target, deferrable=True, initially="DEFERRED")


def upsert(
    connection: sa.Connection,
    table: sa.Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    update: Sequence[str] | None = None,
    where_same: Sequence[str] = (),
) -> None:
    """Insert rows; where the primary key is taken, update these columns (None: all others, (): none).

    A row that says something else in one of the columns `where_same` stays as it is. One statement for all
    rows, on SQLite and on PostgreSQL.
    """
    if not rows:
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table)
    keys = [column.name for column in table.primary_key]
    names = [name for name in rows[0] if name not in keys] if update is None else list(update)
    if names:
        changed = {name: statement.excluded[name] for name in names}
        same = [table.c[name] == statement.excluded[name] for name in where_same]
        statement = statement.on_conflict_do_update(
            index_elements=keys, set_=changed, where=sa.and_(*same) if same else None
        )
    else:
        statement = statement.on_conflict_do_nothing(index_elements=keys)
    connection.execute(statement, list(rows))


def insert_new(connection: sa.Connection, table: sa.Table, row: Mapping[str, Any], key: str) -> bool:
    """Insert a row unless its `key` is taken, also by a concurrent twin; returns whether it was inserted.

    PostgreSQL may meet a twin at any of the table's unique rules, whichever is named: so none is.
    """
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).values(**row).on_conflict_do_nothing()
    return connection.execute(statement.returning(table.c[key])).first() is not None
