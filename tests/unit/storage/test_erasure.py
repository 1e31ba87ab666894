"""What is erased is gone from every table, and out of the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import sqlalchemy as sa

from storage.database import Database
from storage.erasure import EXEMPT, erase, reached
from storage.records import Actor, Admission, ConfigFile
from storage.tables import metadata
from tests.unit.storage import things

SECRET = "a very particular wording"


def test_every_table_is_reached_or_exempt() -> None:
    names = {table.name for table in metadata.sorted_tables}
    assert reached() | EXEMPT >= names, names - reached() - EXEMPT
    assert names >= EXEMPT


def filled(database: Database, repository_id: int) -> None:
    asked = things.question(repository_id=repository_id, post_id=repository_id, text=f"Why {SECRET}?")
    made = things.posted(asked, 90 + repository_id, text=f"Since {SECRET}.")
    phrase = things.phrase(f"p{repository_id}", repository_id=repository_id, right=SECRET)
    with database.unit() as unit:
        unit.repositories.upsert(
            replace(things.REPOSITORY, id=repository_id, full_name=f"o/r{repository_id}")
        )
        unit.answers.save(made)
        prompt = things.prompt(id=f"pr{repository_id}", answer_id=made.id)
        generation = things.generation(id=f"ge{repository_id}", prompt_id=prompt.id)
        unit.answers.add_prompt(prompt)
        unit.answers.add_generation(generation)
        unit.answers.add_candidates(
            [things.candidate(id=f"c{repository_id}", generation_id=generation.id, text=SECRET)]
        )
        unit.feedback.append(
            things.feedback(f"e{repository_id}", repository_id=repository_id, answer_id=made.id)
        )
        unit.phrases.put_weights([things.weight(phrase)])
        unit.phrases.replace_evidence(made.id, [phrase], [things.evidence(phrase.id, answer_id=made.id)])
        unit.phrases.forget(phrase, Actor(id=8, login="x"), things.NOW)
        unit.admissions.add(
            Admission(answer_id=made.id, repository_id=repository_id, actor_id=7, day=things.NOW.date())
        )
        unit.deliveries.add(things.delivery(f"g{repository_id}", body=SECRET.encode()), repository_id)
        file = ConfigFile(place=f"repository/{repository_id}", text=SECRET, fault="", read_at=None)
        unit.configurations.keep_file(file)
        unit.commit()


def rows(database: Database) -> dict[str, int]:
    with database.engine.connect() as connection:
        counts = {
            table.name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in metadata.sorted_tables
        }
    return {name: count for name, count in counts.items() if count}


def test_one_repository_is_erased_whole_and_its_neighbour_not_at_all(database: Database) -> None:
    filled(database, 1)
    one = rows(database)
    filled(database, 2)
    with database.unit() as unit:
        counts = erase(unit.connection, 2)
        unit.commit()
    assert rows(database) == one
    assert sum(counts.values()) == sum(one.values())
    with database.unit() as unit:
        erase(unit.connection, 1)
        unit.commit()
    assert rows(database) == {}
    database.vacuum()
    assert SECRET.encode() not in Path(database.name).read_bytes()
