"""Whoever is forgotten while their question waits gets no answer, and their words are not read once more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import answer, drafts
from bot.compose import Composition
from bot.forgetting import forget_user
from bot.intake import Taken, take
from bot.queue import Job, JobName
from bot.reply import Why
from storage.errors import Gone
from storage.records import Answer, AnswerStatus, Decision, Message, PostKind, Question, stable_id
from tests.integration.whole import Whole, whole
from tests.unit.storage import things

CURSED = "the very particular wording of Ben's"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Whole]:
    with whole(tmp_path) as made:
        made.round()
        yield made


def asks(app: Whole) -> Question:
    """Ben asks, and the receiver has it."""
    comment = app.playground.say("ben-okafor", 1, f"/ask Why {CURSED}?")
    app.playground.wait_for_deliveries()
    answer_id = stable_id("a", app.playground.repository().id, PostKind.COMMENT.value, comment.id)
    with app.database.unit(read_only=True) as unit:
        found = unit.answers.question(answer_id)
    assert found is not None and CURSED in found.text
    return found


def forget(app: Whole) -> None:
    ben = app.playground.state.person("ben-okafor").id
    with app.database.unit() as unit:
        assert forget_user(unit, app.context.queue, ben, datetime.now(UTC) + timedelta(minutes=1))
        unit.commit()


def stored(app: Whole, question: Question) -> Answer:
    with app.database.unit(read_only=True) as unit:
        found = unit.answers.get(question.answer_id)
    assert found is not None
    return found


def words_are_gone(app: Whole) -> None:
    app.database.vacuum()
    home = app.context.settings.home
    files = [home / name for name in ("playground.db", "playground.db-wal")]
    assert CURSED.encode() not in b"".join(file.read_bytes() for file in files if file.exists())


def composed(question: Question, status: AnswerStatus = AnswerStatus.PENDING) -> dict[str, Any]:
    """An answer that quotes its question, and what led to it."""
    made = things.answer(question, text=f"Since {CURSED}.", status=status, candidate_id="c0", repairs=())
    said = (Message(role="user", content=f"Why {CURSED}?"),)
    prompt = things.prompt(answer_id=made.id, messages=said)
    wrote = things.candidate(0, id="c0", text=f"Since {CURSED}.")
    return {
        "answer": made,
        "prompts": (prompt,),
        "generations": (things.generation(prompt_id=prompt.id),),
        "candidates": (wrote,),
    }


def keep(app: Whole, question: Question, status: AnswerStatus) -> Answer:
    done = composed(question, status)
    with app.database.unit() as unit:
        for prompt, generation in zip(done["prompts"], done["generations"], strict=True):
            unit.answers.add_prompt(prompt)
            unit.answers.add_generation(generation)
        unit.answers.add_candidates(done["candidates"])
        unit.answers.save(done["answer"])
        unit.commit()
    return stored(app, question)


def test_a_question_that_waits_is_not_read_again_once_its_asker_was_forgotten(app: Whole) -> None:
    before = asks(app)
    assert app.waiting() == 1
    forget(app)
    assert app.waiting() == 0
    assert len(app.jobs("CANCELLED", name="eyes/")) == 1
    with app.database.unit(read_only=True) as unit:
        question = unit.answers.question(before.answer_id)
    assert question is not None
    answer.acknowledge(app.context, question)
    answer.compose_job(app.context, question)  # somebody has the job tried again
    assert stored(app, question).status is AnswerStatus.CANCELLED
    words_are_gone(app)


@pytest.mark.parametrize("status", [AnswerStatus.PENDING, AnswerStatus.FAILED, AnswerStatus.OUTDATED])
def test_an_answer_that_was_not_posted_yet_never_is_once_its_asker_was_forgotten(
    app: Whole, status: AnswerStatus
) -> None:
    question = asks(app)
    keep(app, question, status)
    with app.database.unit() as unit:
        app.context.queue.put_post(unit, question, app.clock.now)
        unit.commit()
    forget(app)
    assert app.jobs("ENQUEUED", name="post/") == []
    answer.post(app.context, question.answer_id, sleep=lambda seconds: None)
    assert app.playground.answers(1) == []
    assert stored(app, question).text == ""
    words_are_gone(app)


def test_a_draft_ends_once_its_asker_was_forgotten(app: Whole) -> None:
    question = asks(app)
    made = keep(app, question, AnswerStatus.PENDING)
    with app.database.unit() as unit:
        unit.answers.save(drafts.hold(unit, made, app.clock.now, 7))
        unit.commit()
    forget(app)
    with app.database.unit() as unit:
        draft = unit.drafts.get(question.answer_id)
        assert draft is not None and draft.decision is Decision.DISCARDED
        seen = drafts.Seen(answer_id=question.answer_id, version=drafts.version(draft))
        with pytest.raises(Gone):
            drafts.approve(unit, app.context.queue, app.context.settings, seen, "Yes.", app.clock.now)
    words_are_gone(app)


def test_an_answer_that_is_composed_while_its_asker_is_forgotten_is_not_kept(
    app: Whole, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(asked: Question, *more: Any) -> Composition:
        forget(app)
        done = composed(asked)
        return Composition(why=Why(marker=answer._no_why(asked).marker), **done)

    question = asks(app)
    monkeypatch.setattr(answer, "compose", slowly)
    answer.compose_job(app.context, question)
    made = stored(app, question)
    assert (made.status, made.text, made.question.text) == (AnswerStatus.CANCELLED, "", "")
    words_are_gone(app)


def test_a_reply_from_before_that_arrives_late_is_not_kept(app: Whole) -> None:
    question = asks(app)
    with app.database.unit() as unit:
        unit.answers.save(things.posted(question, repairs=(), candidate_id=None))
        unit.commit()
    forget(app)
    ben = app.playground.state.person("ben-okafor").id
    now = datetime.now(UTC)
    reply = Job(
        name=JobName.REPLIED,
        id="reply/1",
        thread_key=question.thread_key,
        repository=app.row(question.repository_id),
        actor_id=ben,
        acted_at=now,
    )
    for acted_at, taken in ((now, Taken.FORGOTTEN), (now + timedelta(hours=1), Taken.ACCEPTED)):
        delivery = things.delivery(f"late-{acted_at}", body=b"{}")
        job = replace(reply, id=f"reply/{acted_at}", acted_at=acted_at)
        assert take(app.database, app.context.queue, delivery, job) is taken
