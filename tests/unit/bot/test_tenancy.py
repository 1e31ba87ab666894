"""What one repository was taught, asked or answered is never part of another's prompt, fold or memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.compose import Composition, compose
from bot.memory import Memories
from bot.plan import Mechanisms, Plan
from storage.database import Database
from tests.unit.bot.scripted import ScriptedModels
from tests.unit.bot.taught import CORRECTED, TEXT, edit, observed, opened
from tests.unit.bot.threads import post, question, thread
from tests.unit.storage.things import NOW, REPOSITORY, posted
from tests.unit.storage.things import question as asked

OTHER = replace(REPOSITORY, id=REPOSITORY.id + 1, full_name="o/other")
HERE = ("make check", "npm test", "config/app.toml")
THERE = ("cargo xtask", "cargo test", "Zebra.lock")
THEIRS = "Run `cargo test` in the workspace.\n\nThen look into `Zebra.lock` for the versions."


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """Two repositories on one server, each taught by an edit of its own."""
    made = opened(tmp_path / "two.db")
    answer = posted(
        replace(asked(post_id=77), repository_id=OTHER.id, full_name=OTHER.full_name),
        comment_id=177,
        text=THEIRS,
        candidate_id=None,
        repairs=(),
    )
    with made.unit() as unit:
        unit.repositories.upsert(OTHER)
        unit.answers.save(answer)
        unit.commit()
    fixed = THEIRS.replace("cargo test", "cargo xtask")
    theirs = edit(2, before=THEIRS, after=fixed, repository_id=OTHER.id, answer_id=answer.id)
    assert observed(made, [edit(1, before=TEXT, after=CORRECTED)]) and observed(made, [theirs])
    return made


def composed(memories: Memories, repository_id: int, models: ScriptedModels) -> Composition:
    asks = replace(question("How do I run the test and where are versions?"), repository_id=repository_id)
    seen = replace(thread("It breaks.", post(8, "Please help.")), repository_id=repository_id)
    plan = Plan(mechanisms=Mechanisms(), candidates=1)
    return compose(asks, seen, memories.of(repository_id), models, plan, NOW + timedelta(days=1))


def test_prompt_fold_and_memory_hold_this_repositorys_text_alone(database: Database) -> None:
    memories = Memories(database)
    for _ in range(2):  # the second time from the cache
        for repository_id, own, foreign in ((REPOSITORY.id, HERE, THERE), (OTHER.id, THERE, HERE)):
            models = ScriptedModels([["Run it in the root folder and you are done."]])
            done = composed(memories, repository_id, models)
            prompts = "\n".join(message.content for one in done.prompts for message in one.messages)
            everything = "\n".join((prompts, str(done), str(models.asked), *models.embedded))
            assert own[0] in prompts, "its own lesson is there"
            assert not any(word in everything for word in foreign), (repository_id, everything)
    database.dispose()
