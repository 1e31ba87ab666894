"""Whoever asks to be forgotten is found in every table that names people."""

from __future__ import annotations

import re

from storage.people import NAMED
from storage.tables import metadata

PERSON = re.compile(r"(actor|asker|author|editor|person|user)(_id|_login)?|.*login|.*_by|account(_id)?")

BESIDE = {
    # by number alone, each with a method of its own in PeopleStore
    *("admissions.actor_id", "withdrawals.actor_id"),
    # who decided, by login alone
    "proposals.decided_by",
    # whose installation it is: goes with the installation, not with its owner's teaching
    *("installations.account", "installations.account_id"),
}


def test_every_column_that_names_a_person_is_known_to_forgetting() -> None:
    known = {f"{table.name}.{column.name}" for table, *columns in NAMED for column in columns} | BESIDE
    there = {
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.c
        if PERSON.fullmatch(column.name)
    }
    assert there == known, "a person who is forgotten has to be forgotten there too: storage/people.py"
