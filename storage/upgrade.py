"""Thumbprint's tables brought up to date by Alembic; its steps are in `migrations/`.

Left out: DBOS's tables, which `bot/queue.py` creates in the same database.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

MIGRATION_LOCK = 0x7468756D  # PostgreSQL advisory lock: one process migrates, the others wait


def upgrade(connection: sa.Connection) -> None:
    """Create or update the tables over a connection that has nothing open. Raises as SQLAlchemy does."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    if connection.dialect.name == "sqlite":
        _upgrade_file(connection, config)
        return
    with connection.begin():
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
        command.upgrade(config, "head")


def _upgrade_file(connection: sa.Connection, config: Config) -> None:
    """Migrate a SQLite file. Nothing misses a table that is written anew meanwhile.

    https://www.sqlite.org/lang_altertable.html#otheralter
    """
    connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
    connection.rollback()
    try:
        with connection.begin():
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            command.upgrade(config, "head")
    finally:
        connection.exec_driver_sql("PRAGMA foreign_keys=ON")
        connection.rollback()
