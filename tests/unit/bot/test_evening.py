"""The made-up day of `make train-demo`: each question has its own bad draft and its own correction."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from bot.bench.questions import PACKAGED_SMALL, load
from bot.consent import lapse
from bot.drills import evening
from tests.integration.test_export import PUBLIC, SECOND, filled
from tests.unit.storage.things import NOW


def test_each_packaged_question_has_one_correction_of_its_own() -> None:
    answers = evening._answers()
    assert set(answers) == {one.id for one in load(PACKAGED_SMALL)}
    assert len(set(answers.values())) == len(answers) > 50


def test_the_day_s_opt_in_holds_however_long_ago_the_day_was(tmp_path: Path) -> None:
    database = filled(f"sqlite:///{tmp_path}/playground.db", opted_in=[PUBLIC, SECOND])
    assert set(lapse(database, NOW + timedelta(days=9))) == {PUBLIC.id, SECOND.id}
    with database.unit(read_only=True) as unit:
        assert unit.configurations.in_training() == []
    evening.still(database, NOW + timedelta(days=9))
    assert lapse(database, NOW + timedelta(days=9)) == []
    with database.unit(read_only=True) as unit:
        assert set(unit.configurations.in_training()) == {PUBLIC.id, SECOND.id}
    database.dispose()


def test_the_draft_is_of_the_question_that_the_prompt_ends_with() -> None:
    asked = list(load(PACKAGED_SMALL))
    for one in asked:
        before = asked[0] if one is not asked[0] else asked[1]
        prompt = f"Earlier somebody asked: {before.title} And now: {one.title}"
        assert evening._title({"messages": [{"content": prompt}]}, asked) == one.title
        assert evening.drafted(one.title) not in evening._answers().values()
