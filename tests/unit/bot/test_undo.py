"""Whoever undoes a lesson, the comments that said it was learned are told, in the same transaction."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot import undo
from bot.queue import Queue
from storage.database import Database
from storage.records import Learning, Permission, PhraseKind, Reaction
from tests.unit.bot.taught import TEXT, answers, edit, observed, opened, reaction, weights
from tests.unit.storage.things import NOW, REPOSITORY, WRITER

LATER = NOW + timedelta(days=1)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = opened(tmp_path / "thumbprint.db")
    yield made
    made.dispose()


@pytest.fixture
def queue(database: Database) -> Iterator[Queue]:
    made = Queue(database)
    made.migrate()
    yield made
    made.close()


def waiting(database: Database) -> list[str]:
    """The jobs in the queue, by their ids."""
    with database.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT workflow_uuid FROM workflow_status ORDER BY workflow_uuid")
        return [row[0].rpartition("/")[0] for row in rows]


def correction(database: Database) -> str:
    (found,) = [w for w in weights(database) if w.phrase.kind is PhraseKind.CORRECTION]
    return found.phrase.id


def refreshes(*numbers: int) -> list[str]:
    return sorted(f"refresh/{answers()[number].id}" for number in numbers)


def test_forgetting_tells_every_answer_whose_edit_taught_the_phrase(database: Database, queue: Queue) -> None:
    observed(database, [edit(1), edit(2, answer=1), reaction(3, 2, 0, Reaction.MINUS_ONE)])
    with database.unit() as unit:
        undo.forget(unit, queue, correction(database), WRITER, LATER)
        unit.commit()
    assert waiting(database) == refreshes(0, 1)


def test_what_only_thumbs_taught_was_never_said_in_a_thread(database: Database, queue: Queue) -> None:
    observed(database, [reaction(1, 0, 0, Reaction.MINUS_ONE)])
    with database.unit() as unit:
        undo.forget(unit, queue, weights(database)[0].phrase.id, WRITER, LATER)
        unit.commit()
    assert waiting(database) == []


def test_an_undoing_that_is_rolled_back_tells_nobody(database: Database, queue: Queue) -> None:
    observed(database, [edit()])
    with database.unit() as unit:
        undo.forget(unit, queue, correction(database), WRITER, LATER)
    assert waiting(database) == [] and correction(database)


def test_undone_and_taught_and_undone_again_is_told_each_time(database: Database, queue: Queue) -> None:
    for number in (1, 2):
        observed(database, [edit(number, answer=0, before=TEXT)])
        with database.unit() as unit:
            undo.forget(unit, queue, correction(database), WRITER, NOW + timedelta(hours=number))
            unit.commit()
        observed(
            database, [edit(10 * number, answer=0, after=TEXT, at=NOW + timedelta(hours=number, minutes=1))]
        )
    assert waiting(database) == refreshes(0, 0)


def test_frozen_lessons_are_told_when_they_are_learned_after_all(database: Database, queue: Queue) -> None:
    for learning, told in ((Learning.FROZEN, []), (Learning.ON, refreshes(0)), (Learning.ON, refreshes(0))):
        with database.unit() as unit:
            undo.set_learning(unit, queue, REPOSITORY.id, learning, LATER)
            undo.recheck(unit, queue, REPOSITORY.id, WRITER.id, Permission.WRITE, LATER)
            unit.commit()
        observed(database, [edit()])
        assert waiting(database) == told
