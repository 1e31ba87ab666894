"""An answer's rows say which adapter wrote it; what a repository chose stands over any promotion."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from bot.config import Effective
from bot.context import Context
from bot.models import Completion
from bot.repo_config import RepoConfig
from storage.errors import ModelRequestError
from storage.records import Story
from tests.integration.playground_fixture import playground, receiver
from tests.unit.bot.scripted import ScriptedModels
from tests.unit.bot.test_adapters import A, named, put, refusal
from tests.unit.bot.test_answer import GOOD, Desk, desk
from tests.unit.storage.test_adapters import promotion

__all__ = ["desk", "playground", "receiver"]

pytestmark = pytest.mark.slow


@dataclass
class Serving(ScriptedModels):
    """A server that has what it was told to load, and forgets it when it is started again."""

    has: set[str] = field(default_factory=set)
    told: list[str] = field(default_factory=list)
    restarts: int = 0

    def load_adapter(self, name: str, folder: str) -> bool:
        self.has.add(name)
        self.told.append(name)
        return True

    def complete(self, messages: Any, **wanted: Any) -> Completion:
        name = wanted.get("model", "")
        if self.restarts and name:
            self.restarts -= 1
            self.has.clear()
        if name.startswith("thumbprint-") and name not in self.has:
            raise refusal(404, f"The model `{name}` does not exist; this server has policy.")
        return replace(super().complete(messages, **wanted), model=name or "policy")


def served(desk: Desk, **changes: Any) -> tuple[Desk, Serving]:
    models = Serving([[GOOD]], **changes)
    desk.context = Context(
        settings=desk.context.settings,
        database=desk.context.database,
        github=desk.context.github,
        models=models,  # type: ignore[arg-type]
    )
    return desk, models


def story(desk: Desk) -> Story:
    with desk.context.database.unit(read_only=True) as unit:
        found = unit.answers.story(desk.question.answer_id)
    assert found is not None
    return found


def test_the_rows_and_the_fold_of_an_answer_name_the_adapter_that_wrote_it(desk: Desk) -> None:
    desk, models = served(desk)
    put(desk.context.database, promotion("a"))
    desk.compose()
    [attempt] = story(desk).attempts
    assert attempt.generation and (attempt.generation.model, attempt.generation.adapter) == (named("a"), A)
    assert named("a") in desk.stored().body, "the fold says it, too"
    assert models.told == [named("a")]


def test_an_answer_in_its_rounds_ends_on_the_adapter_that_it_began_with(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, models = served(desk)
    models.rounds = [[""], [GOOD]]
    put(desk.context.database, promotion("a"))
    write, promoted = models.complete, []

    def complete(messages: Any, **wanted: Any) -> Completion:
        if not promoted:
            promoted.append(put(desk.context.database, promotion("c", place=2, former=A)))
        return write(messages, **wanted)

    monkeypatch.setattr(models, "complete", complete)
    desk.compose()
    by = [each.generation.adapter for each in story(desk).attempts if each.generation]
    assert by == [A, A] and models.told == [named("a")]


def test_a_server_that_is_started_again_while_it_writes_is_told_again_and_the_answer_is_written(
    desk: Desk,
) -> None:
    desk, models = served(desk, restarts=1)
    put(desk.context.database, promotion("a"))
    desk.compose()
    assert desk.stored().text == GOOD and models.told == [named("a")] * 2
    [attempt] = story(desk).attempts
    assert attempt.generation and attempt.generation.adapter == A


def test_a_server_that_never_keeps_an_adapter_still_answers_without_one(desk: Desk) -> None:
    desk, _ = served(desk, restarts=99)
    put(desk.context.database, promotion("a"))
    desk.compose()
    [attempt] = story(desk).attempts
    assert attempt.generation and (attempt.generation.model, attempt.generation.adapter) == ("policy", "")


def test_another_refusal_of_the_server_is_the_jobs(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk, models = served(desk)
    put(desk.context.database, promotion("a"))

    def refuse(*_: Any, **__: Any) -> Completion:
        raise refusal(400, "the prompt is too long")

    monkeypatch.setattr(models, "complete", refuse)
    with pytest.raises(ModelRequestError, match="too long"):
        desk.compose()


def test_the_model_that_a_repository_chose_stands_over_what_is_promoted(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, models = served(desk)
    put(desk.context.database, promotion("a"))
    chosen = Effective(config=RepoConfig(model="mine"))
    monkeypatch.setattr("bot.answer.follow", lambda *_: chosen)
    desk.compose()
    [attempt] = story(desk).attempts
    assert attempt.generation and (attempt.generation.model, attempt.generation.adapter) == ("mine", "")
    assert models.told == []


def test_an_adapter_of_another_account_does_not_answer_here(desk: Desk) -> None:
    desk, models = served(desk)
    put(desk.context.database, promotion("a", scope=desk.question.installation_id + 1))
    desk.compose()
    [attempt] = story(desk).attempts
    assert attempt.generation and attempt.generation.adapter == "" and models.told == []
