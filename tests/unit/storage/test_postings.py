"""Who took an answer last may post it and write what became of it; whoever took it before may not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from storage.database import Database
from storage.postings import Intent
from storage.records import Answer, AnswerStatus
from tests.unit.storage import things

NOW = things.NOW


def take(database: Database, answer: Answer) -> Intent:
    with database.unit() as unit:
        intent = unit.postings.take(answer.id)
        unit.commit()
    assert intent is not None
    return intent


@pytest.fixture
def answer(database: Database) -> Answer:
    made = things.answer()
    with database.unit() as unit:
        unit.repositories.upsert(things.REPOSITORY)
        unit.answers.save(made)
        unit.commit()
    return made


def test_an_answer_goes_from_pending_by_intent_to_posted(database: Database, answer: Answer) -> None:
    first = take(database, answer)
    assert (first.fence, first.sent_at, first.answer.status) == (1, None, AnswerStatus.PENDING)
    with database.unit() as unit:
        assert unit.postings.holder(answer.id) == (AnswerStatus.INTENT, 1)
        assert unit.postings.sending(first, NOW)
        done = replace(answer, status=AnswerStatus.POSTED, comment_id=9, posted_at=NOW)
        assert unit.postings.settle(first, done)
        unit.commit()
    with database.unit() as unit:
        assert unit.answers.get(answer.id) == done
        assert unit.postings.take(answer.id) is None, "what is posted is not taken again"


def test_whoever_was_overtaken_neither_sends_nor_writes(database: Database, answer: Answer) -> None:
    first = take(database, answer)
    with database.unit() as unit:
        assert unit.postings.sending(first, NOW)
        unit.commit()
    second = take(database, answer)
    assert second.sent_at == NOW, "a comment of the first may be on its way"
    done = replace(answer, status=AnswerStatus.POSTED, comment_id=9, posted_at=NOW)
    with database.unit() as unit:
        assert not unit.postings.sending(first, NOW)
        assert not unit.postings.settle(first, done)
        assert not unit.postings.release(first)
        assert not unit.postings.outdate(first)
        assert unit.postings.holder(answer.id) == (AnswerStatus.INTENT, 2)
        assert unit.postings.sending(second, NOW) and unit.postings.settle(second, done)


def test_what_a_person_deleted_is_ended_for_whoever_has_it(database: Database, answer: Answer) -> None:
    intent = take(database, answer)
    with database.unit() as unit:
        unit.postings.deleted(answer.id)
        assert not unit.postings.sending(intent, NOW)
        assert not unit.postings.settle(intent, replace(answer, status=AnswerStatus.FAILED))
        assert unit.postings.take(answer.id) is None


def test_a_release_says_that_nothing_is_on_its_way(database: Database, answer: Answer) -> None:
    intent = take(database, answer)
    with database.unit() as unit:
        unit.postings.sending(intent, NOW)
        assert unit.postings.release(intent)
        unit.commit()
    assert take(database, answer).sent_at is None


def test_an_outdated_answer_keeps_its_fence_and_nothing_that_was_composed(
    database: Database, answer: Answer
) -> None:
    prompt, generation, candidate = things.prompt(), things.generation(), things.candidate()
    with database.unit() as unit:
        unit.answers.add_prompt(prompt)
        unit.answers.add_generation(generation)
        unit.answers.add_candidates([candidate])
        unit.commit()
    intent = take(database, answer)
    with database.unit() as unit:
        assert unit.postings.outdate(intent)
        unit.commit()
    with database.unit() as unit:
        assert not unit.answers.is_composed(answer.id)
        story = unit.answers.story(answer.id)
        assert story and story.attempts == () and story.answer.body == ""
        assert unit.postings.take(answer.id) is None, "it is composed anew first"
        unit.answers.save(answer)
        unit.commit()
    assert take(database, answer).fence == 2


def test_only_what_was_taken_twice_is_swept_each_time_once(database: Database, answer: Answer) -> None:
    after = (timedelta(minutes=1), timedelta(hours=1))
    done = replace(answer, status=AnswerStatus.POSTED, comment_id=9, posted_at=NOW)
    take(database, answer)
    intent = take(database, answer)
    with database.unit() as unit:
        unit.postings.sending(intent, NOW)
        unit.postings.settle(intent, done)
        unit.commit()
    with database.unit() as unit:
        for minutes, due in ((0, False), (2, True), (59, False), (61, True), (600, False)):
            now = NOW + timedelta(minutes=minutes)
            found = unit.postings.to_sweep(now, after)
            assert [one.id for one in found] == ([answer.id] if due else []), minutes
            unit.postings.swept([one.id for one in found])
