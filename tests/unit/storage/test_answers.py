"""What answers, and what led to them, look like after a trip through the database."""

from __future__ import annotations

import pytest

from storage.database import Database
from storage.errors import DatabaseError
from storage.records import AnswerStatus, Attempt, PostKind, Story
from tests.unit.storage import things


def test_an_answer_comes_back_as_it_was_saved(database: Database) -> None:
    answer = things.posted(
        comment_node_id="IC_1", comment_url="https://example.test/1", abstained="too vague"
    )
    with database.unit() as unit:
        unit.repositories.upsert(things.REPOSITORY)
        unit.answers.save(answer)
        unit.commit()
    with database.unit() as unit:
        assert unit.answers.get(answer.id) == answer
        assert unit.answers.get("a_unknown") is None


def test_saving_twice_updates_and_keeps_one(database: Database) -> None:
    with database.unit() as unit:
        unit.repositories.upsert(things.REPOSITORY)
        unit.answers.save(things.answer())
        unit.answers.save(things.posted())
        unit.commit()
    with database.unit() as unit:
        assert unit.answers.of_repository(1) == [things.posted()]


def test_a_post_asks_once(database: Database) -> None:
    with database.unit() as unit:
        unit.repositories.upsert(things.REPOSITORY)
        assert unit.answers.ask(things.question())
        assert not unit.answers.ask(things.question(text="something else"))
        unit.commit()
    with database.unit() as unit:
        assert unit.answers.question(things.question().answer_id) == things.question()


def test_what_no_database_can_hold_is_replaced(database: Database) -> None:
    with database.unit() as unit:
        unit.repositories.upsert(things.REPOSITORY)
        unit.answers.ask(things.question(text="nul \x00, half \ud800, whole \U0001f600\r\nnext"))
        unit.commit()
    with database.unit() as unit:
        kept = unit.answers.question(things.question().answer_id)
        assert kept is not None
        assert kept.text == "nul \ufffd, half \ufffd, whole \U0001f600\r\nnext"


def test_issue_and_review_comments_with_one_number_are_two_answers(database: Database) -> None:
    review = things.question(post_id=5, post_kind=PostKind.REVIEW_COMMENT)
    with database.unit() as unit:
        unit.repositories.upsert(things.REPOSITORY)
        unit.answers.save(things.posted())
        unit.answers.save(things.posted(review))
        unit.commit()
    with database.unit() as unit:
        assert unit.answers.by_comment(1, 99, PostKind.COMMENT) == things.posted()
        assert unit.answers.by_comment(1, 99, PostKind.REVIEW_COMMENT) == things.posted(review)
        assert unit.answers.by_comment(2, 99) is None


def test_one_comment_is_one_answer(database: Database) -> None:
    with database.unit() as unit:
        unit.repositories.upsert(things.REPOSITORY)
        unit.answers.save(things.posted())
        with pytest.raises(DatabaseError, match=r"(?i)unique"), database.errors_translated():
            unit.answers.save(things.posted(things.question(post_id=5)))


def test_what_is_posted_says_where(database: Database) -> None:
    with pytest.raises(DatabaseError, match="posted_somewhere"), database.unit() as unit:
        unit.repositories.upsert(things.REPOSITORY)
        unit.answers.save(things.answer(status=AnswerStatus.POSTED))


def test_of_some_answers_those_are_given_that_stand(database: Database) -> None:
    old = things.posted(things.question(post_id=5), comment_id=1)
    with database.unit() as unit:
        unit.repositories.upsert(things.REPOSITORY)
        unit.answers.save(things.answer())
        unit.answers.save(things.posted(things.question(post_id=6), comment_id=2))
        unit.answers.save(old)
        deleted = things.posted(things.question(post_id=7), comment_id=3)
        unit.answers.save(deleted)
        unit.answers.save(things.answer(deleted.question, status=AnswerStatus.DELETED))
        ids = [one.id for one in unit.answers.of_repository(things.REPOSITORY.id)]
        assert len(ids) == 4 and {a.comment_id for a in unit.answers.posted(ids)} == {1, 2}
        assert unit.answers.posted(["a_unknown"]) == []


def test_a_story_tells_prompts_texts_and_feedback_in_order(database: Database) -> None:
    second = things.prompt(id="pr2", attempt=1)
    with database.unit() as unit:
        unit.repositories.upsert(things.REPOSITORY)
        unit.answers.add_prompt(second)
        unit.answers.add_candidates([things.candidate(1), things.candidate(0)])
        unit.answers.add_generation(things.generation())
        unit.answers.add_prompt(things.prompt())
        unit.answers.save(things.answer())
        unit.feedback.append(things.feedback())
        unit.commit()
    with database.unit(read_only=True) as unit:
        told = unit.answers.story(things.answer().id)
    texts = (things.candidate(0), things.candidate(1))
    first = Attempt(prompt=things.prompt(), generation=things.generation(), candidates=texts)
    last = Attempt(prompt=second, generation=None, candidates=())
    assert told == Story(answer=things.answer(), attempts=(first, last), feedback=(things.feedback(),))


def test_composing_again_replaces_what_was_composed(database: Database) -> None:
    with database.unit() as unit:
        unit.repositories.upsert(things.REPOSITORY)
        for text in ("first", "second"):
            unit.answers.save(things.answer(text=text))
            unit.answers.add_prompt(things.prompt())
            unit.answers.add_generation(things.generation())
            unit.answers.add_candidates([things.candidate(0, text=text)])
        unit.commit()
    with database.unit() as unit:
        told = unit.answers.story(things.answer().id)
    assert told is not None
    assert [[text.text for text in attempt.candidates] for attempt in told.attempts] == [["second"]]
