"""One test for each fault of the first attempt at phrase weights that shows only in a whole answer.

From shared/docs/learning.md, section 1; the others stand in tests/unit/learning/memory/test_first_attempt.py.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot import lessons
from bot.memory import Memories, Memory
from bot.plan import Mechanisms, Plan
from storage.records import PhraseKind, Reaction
from tests.unit.bot.scripted import ScriptedModels
from tests.unit.bot.taught import edit, observed, opened, reaction
from tests.unit.bot.test_compose import GOOD, lesson, memory, run
from tests.unit.storage.things import NOW, REPOSITORY

DISLIKED = "The settings simply go into `conf/tool.yaml` of your project."
SIMPLY = lesson(PhraseKind.WORDING, text="simply", right="", weight=-0.3)
"""Too weak to be cut out: nothing but the score speaks against it."""


def test_the_score_is_read_and_a_low_one_starts_another_generation() -> None:
    models = ScriptedModels([[DISLIKED], [GOOD]])
    done = run(models, memory(SIMPLY))
    low, high = (candidate.phrase_score for candidate in done.candidates)
    assert low < Plan().min_score <= high
    assert not done.candidates[0].violations, "this test is about the score alone"
    assert len(models.asked) == len(done.generations) == 2
    assert models.asked[0]["seed"] != models.asked[1]["seed"]
    assert done.answer.text == GOOD


@pytest.mark.parametrize(
    ("remembered", "changes"),
    [
        (Memory(), {}),
        (memory(SIMPLY), {"min_score": -0.5}),
        (memory(SIMPLY), {"mechanisms": Mechanisms(regenerate=False)}),
    ],
    ids=["nothing taught", "above the limit", "switched off"],
)
def test_a_score_that_is_high_enough_starts_nothing(remembered: Memory, changes: dict[str, object]) -> None:
    models = ScriptedModels([[DISLIKED], [GOOD]])
    done = run(models, remembered, **changes)
    assert len(models.asked) == 1
    assert done.answer.text == DISLIKED


def test_a_bad_score_starts_again_at_most_twice() -> None:
    models = ScriptedModels([[DISLIKED]])
    done = run(models, memory(SIMPLY))
    assert len(models.asked) == 3
    low = "score -0.15 is below 0.00"
    assert [prompt.reason for prompt in done.prompts] == ["", low, low]


def test_what_made_an_answer_bad_is_named_when_it_is_tried_again() -> None:
    for lesson_, reason in ((SIMPLY, "score"), (replace(SIMPLY, weight=-0.6), "a lesson is broken")):
        models = ScriptedModels([[DISLIKED], [GOOD]])
        done = run(models, memory(lesson_))
        first, again = done.prompts
        assert again.reason.startswith(reason)
        said = 'Do not write "simply".'
        assert again.messages[-1].content.count(said) > first.messages[-1].content.count(said)
        assert done.generations[1].biased_phrase_ids == (lesson_.phrase.id,), "a bias is traced to its lesson"


@pytest.mark.parametrize(
    "text", ["[Insert your answer here]", "TODO", "Your answer goes here.", "Lorem ipsum."]
)
def test_placeholder_text_is_taken_for_no_answer(text: str) -> None:
    done = run(ScriptedModels([[text]]))
    assert all("empty" in candidate.guards for candidate in done.candidates)
    assert done.answer.abstained
    assert text not in done.answer.body
    assert run(ScriptedModels([[text, GOOD]])).answer.text == GOOD


def test_what_is_cached_is_of_one_repository_and_one_revision(tmp_path: Path) -> None:
    database = opened(tmp_path / "a.db")
    memories = Memories(database)
    before = memories.of(REPOSITORY.id)
    assert not before.index.lessons
    assert memories.of(REPOSITORY.id) is before, "nothing changed: nothing is read again"
    assert observed(database, [edit()])
    taught = memories.of(REPOSITORY.id)
    assert [one.phrase.right for one in taught.index.lessons] == ["make check"]
    assert memories.of(REPOSITORY.id) is taught
    with database.unit() as unit:
        other = unit.repositories.upsert(replace(REPOSITORY, id=2, full_name="octo/other"))
        assert unit.repositories.bump_revision(other.id) == 1, "the revision that taught the first one"
        lessons.forget(unit, taught.index.lessons[0].phrase.id, by=edit().actor, now=NOW + timedelta(days=1))
        unit.commit()
    assert not memories.of(other.id).index.lessons, "another repository learns nothing from it"
    assert not memories.of(REPOSITORY.id).index.lessons
    database.dispose()


def test_thumbs_by_readers_need_several_people(tmp_path: Path) -> None:
    database = opened(tmp_path / "a.db")
    memories = Memories(database)
    for reader in range(2):
        observed(database, [reaction(reader, 0, reader, Reaction.MINUS_ONE)])
    assert not memories.of(REPOSITORY.id).index.lessons
    observed(database, [reaction(2, 0, 2, Reaction.MINUS_ONE)])
    assert memories.of(REPOSITORY.id).index.lessons
    database.dispose()
