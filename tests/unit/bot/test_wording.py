"""How lessons are said to people: the same wherever they are shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from bot.wording import taught_ago
from tests.unit.bot.taught import edit, observed, opened, weights
from tests.unit.storage.things import NOW


def test_a_lessons_age_is_counted_from_when_it_was_taught_not_from_its_newest_evidence(
    tmp_path: Path,
) -> None:
    database = opened(tmp_path / "thumbprint.db")
    observed(database, [edit()])
    held = weights(database)[0]
    taught = replace(held, taught_at=NOW - timedelta(days=3), as_of=NOW)
    assert taught_ago(taught, NOW) == "3 d"
    assert taught_ago(replace(taught, taught_at=None), NOW) != "3 d"
    database.dispose()
