"""The migrations build the tables that the code describes."""

from __future__ import annotations

import threading
from pathlib import Path

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from storage.database import Database
from storage.tables import metadata


def test_migrations_and_tables_say_the_same(database: Database) -> None:
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert _checks(connection) == _described()


def test_migrating_again_changes_nothing(database: Database) -> None:
    with database.engine.connect() as connection:
        before = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
    database.migrate()
    with database.engine.connect() as connection:
        after = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
    assert before == after


def test_receiver_and_worker_may_migrate_at_once(tmp_path: Path) -> None:
    failures: list[Exception] = []

    def migrate() -> None:
        database = Database(f"sqlite:///{tmp_path}/new/thumbprint.db", busy_timeout_s=30)
        try:
            database.migrate()
        except Exception as error:
            failures.append(error)
        finally:
            database.dispose()

    threads = [threading.Thread(target=migrate) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def _checks(connection: sa.Connection) -> set[str]:
    inspector = sa.inspect(connection)
    return {
        str(check["name"]) for table in metadata.tables for check in inspector.get_check_constraints(table)
    }


def _described() -> set[str]:
    return {
        str(rule.name)
        for table in metadata.tables.values()
        for rule in table.constraints
        if isinstance(rule, sa.CheckConstraint)
    }
