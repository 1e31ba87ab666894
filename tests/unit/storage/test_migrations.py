"""The migrations build the tables that the code describes."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

import storage
from storage.database import Database
from storage.records import AnswerStatus
from storage.tables import metadata

pytestmark = pytest.mark.usefixtures("migrations")


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


def test_answers_outlive_the_table_that_is_written_anew(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/old.db")
    _migrate(database, "0006")
    with database.engine.connect() as connection, connection.begin():
        for statement in FORMER_ROWS:
            connection.exec_driver_sql(statement)
    database.migrate()
    with database.unit() as unit:
        [answer] = unit.answers.of_repository(7)
        assert (answer.id, answer.status, answer.comment_id) == ("a_1", AnswerStatus.POSTED, 9)
        story = unit.answers.story("a_1")
        assert story and [one.prompt.id for one in story.attempts] == ["t_1"]
        unit.connection.exec_driver_sql("UPDATE answers SET status = 'intent'")
        with pytest.raises(sa.exc.IntegrityError):
            unit.connection.exec_driver_sql("UPDATE answers SET status = 'unheard of'")
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1, "they hold again"
    database.dispose()


def test_what_was_frozen_before_the_upgrade_is_asked_about_too(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/old.db")
    _migrate(database, "0012")
    with closing(sqlite3.connect(tmp_path / "old.db")) as connection, connection:  # asks for no parents
        for number, learning in ((7, "frozen"), (8, "on")):
            connection.execute(
                "INSERT INTO repositories"
                " (id, full_name, installation_id, private, learning, revision, seen_at)"
                f" VALUES ({number}, 'o/r{number}', 5, 0, '{learning}', 0, '2026-11-20 10:00:00')"
            )
            for event in ("acted", "waits"):
                connection.execute(
                    "INSERT INTO feedback (id, repository_id, answer_id, kind, actor_id, actor_login,"
                    " actor_is_bot, permission, at, before, after, retracts, url, reason) VALUES"
                    f" ('{event}{number}', {number}, 'a', 'edit', 2, 'ben', 0, 'write',"
                    " '2026-11-20 10:00:00', 'x', 'y', '', '', '')"
                )
        connection.execute(
            "INSERT INTO evidence (phrase_id, event_id, answer_id, actor_id, actor_login, permission, mass,"
            " at, question, url)"
            " VALUES ('p', 'acted7', 'a', 2, 'ben', 'write', 1.0, '2026-11-20 10:00:00', '', '')"
        )
    database.migrate()
    with database.unit() as unit:
        pending = {one.id for number in (7, 8) for one in unit.feedback.of_repository(number) if one.pending}
    assert pending == {"waits7"}
    database.dispose()


FORMER_ROWS = (
    "INSERT INTO repositories VALUES (7, 'o/r', 5, 0, 'on', 0, '2026-11-20 10:00:00')",
    "INSERT INTO questions VALUES ('a_1', 7, 'o/r', 5, 3, 4, 'issue_comment', 2, 'ben', 0, 'How?',"
    " '2026-11-20 10:00:00', '/ask')",
    "INSERT INTO answers VALUES ('a_1', 7, 'posted', 'So.', 'So.', NULL, 'issue_comment', 9,"
    " '2026-11-20 10:01:00', '2026-11-20 10:00:30', '{}')",
    "INSERT INTO prompts VALUES ('t_1', 'a_1', 1, 't1', '[]', '[]', 3, '')",
)


def _migrate(database: Database, revision: str) -> None:
    """As `Database.migrate`, up to an older revision."""
    config = Config()
    config.set_main_option("script_location", str(Path(storage.__file__).parent / "migrations"))
    with database.engine.connect() as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


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


def _checks(connection: sa.Connection) -> list[tuple[str, str]]:
    inspector = sa.inspect(connection)
    return sorted(
        (str(check["name"]), _plain(check["sqltext"]))
        for table in metadata.tables
        for check in inspector.get_check_constraints(table)
    )


def _described() -> list[tuple[str, str]]:
    return sorted(
        (str(rule.name), _plain(str(rule.sqltext)))
        for table in metadata.tables.values()
        for rule in table.constraints
        if isinstance(rule, sa.CheckConstraint)
    )


def _plain(text: str) -> str:
    return "".join(text.split())
