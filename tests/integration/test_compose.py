"""The whole of flow 1 without GitHub, on the packaged model in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.compose import Composition, compose
from bot.memory import Memory
from bot.models import Models
from bot.plan import Mechanisms, Plan
from bot.ports import free_port
from bot.reply import parse_marker
from bot.settings import Settings
from learning.memory.index import PhraseIndex
from learning.memory.phrases import judge
from learning.memory.weights import weigh
from storage.records import Answer, AnswerStatus, Feedback, FeedbackKind, Permission, Thread
from tests.unit.bot.threads import ANNA, NOW, post, question, thread

pytestmark = pytest.mark.slow

FACT = thread(
    "I could not find where to put my settings. The README does not say.",
    post(10, "Settings are read from `conf/tool.yaml`. Environment variables win over the file."),
    title="Configuration is hard to find",
)
INSTALL = thread("The install docs are missing.", title="Install docs")
WRONG, RIGHT = "pip install", "uv add"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Models]:
    port, home = free_port(), tmp_path_factory.mktemp("model")
    env = {name: value for name, value in os.environ.items() if not name.startswith("THUMBPRINT_")}
    env |= {"THUMBPRINT_MODEL_PORT": str(port), "THUMBPRINT_THREADS": "1", "THUMBPRINT_HOME": str(home)}
    with (home / "model.log").open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "bot", "model"],
            env=env,
            cwd=Path(__file__).parents[2],
            stderr=said,
            stdout=said,
        )
        try:
            served = Models(Settings(_env_file=None, model_port=port))
            deadline = time.monotonic() + 240
            while (reason := served.ready()) is not None:
                assert process.poll() is None and time.monotonic() < deadline, reason
                time.sleep(0.5)
            yield served
            served.close()
        finally:
            process.terminate()
            process.wait(20)


def ask(
    models: Models, text: str, read: Thread, memory: Memory, seed: int = 0, **plan: object
) -> Composition:
    return compose(question(text), read, memory, models, Plan(seed=seed, **plan), NOW)  # type: ignore[arg-type]


def corrected(answered: Composition) -> Memory:
    """What one edit by a writer teaches, who puts `uv add` where the answer says `pip install`."""
    answer: Answer = replace(answered.answer, status=AnswerStatus.POSTED)
    event = Feedback(
        id="f_1",
        repository_id=9,
        answer_id=answer.id,
        kind=FeedbackKind.EDIT,
        actor=ANNA,
        permission=Permission.WRITE,
        at=NOW,
        before=answer.text,
        after=answer.text.replace(WRONG, RIGHT),
    )
    phrases, evidence = judge(answer, [event])
    weights = [weigh(p, [e for e in evidence if e.phrase_id == p.id], NOW) for p in phrases]
    return Memory(index=PhraseIndex.build(weights, NOW))


def test_answers_are_short_and_mostly_take_the_fact_from_the_thread(models: Models) -> None:
    done = [ask(models, "Where do the settings live?", FACT, Memory(), seed) for seed in range(4)]
    assert sum("conf/tool.yaml" in one.answer.text for one in done) >= 3
    assert all(len(one.answer.text.split()) <= 160 and not one.answer.abstained for one in done)
    sourced = [one for one in done if "conf/tool.yaml" in one.answer.text]
    assert all(one.why.sources[0][1] == FACT.posts[1].url for one in sourced)


def test_the_same_question_gives_the_same_answer(models: Models) -> None:
    first, second = (ask(models, "Where do the settings live?", FACT, Memory()) for _ in range(2))
    assert first.answer == second.answer and first.candidates == second.candidates


def test_one_edit_corrects_the_next_answers(models: Models) -> None:
    bare = [ask(models, "How do I install the package?", INSTALL, Memory(), seed) for seed in range(3)]
    teacher = next(one for one in bare if WRONG in one.answer.text)
    memory = corrected(teacher)
    taught = [ask(models, "How do I install this package here?", INSTALL, memory, seed) for seed in range(3)]
    assert all(WRONG not in one.answer.text and not one.answer.abstained for one in taught)
    kept = [one for one in taught if RIGHT in one.answer.text]
    assert kept
    for one in kept:
        assert "write `uv add`, not `pip install`" in one.answer.body
        assert parse_marker(one.answer.body) is not None


def test_a_lesson_changes_nothing_where_it_does_not_apply(models: Models) -> None:
    teacher = next(
        one
        for seed in range(5)
        if WRONG in (one := ask(models, "How do I install the package?", INSTALL, Memory(), seed)).answer.text
    )
    memory = corrected(teacher)
    text = "How can I read a file line by line?"
    assert ask(models, text, FACT, memory).answer.text == ask(models, text, FACT, Memory()).answer.text


@pytest.mark.parametrize("text", ["почему тесты падают? " * 3000, "为什么" * 20_000, "why? " * 12_000])
def test_a_question_of_60000_characters_in_any_script_is_answered_or_declined(
    models: Models, text: str
) -> None:
    done = ask(models, text, FACT, Memory(), mechanisms=Mechanisms(regenerate=False))
    assert done.answer.text and all(prompt.tokens <= 1536 for prompt in done.prompts)
