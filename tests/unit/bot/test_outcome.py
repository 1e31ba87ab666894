"""The question's last text is answered, or nothing; a failure that was told gives way to an answer."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from unittest.mock import patch

import pytest

from bot import answer, control, outcome
from bot.queue import Queue
from bot.reply import answer_text
from bot.upkeep import upkeep
from storage.errors import GitHubRefused, ModelUnavailable
from storage.paces import Turns
from storage.records import AnswerStatus, JobOutcome, Learning
from tests.integration.playground_fixture import playground, receiver
from tests.unit.bot.crashing import answered, ask_anew, at_once, deaths, one_answer, ours, worker
from tests.unit.bot.test_answer import ASKER, GOOD, Desk, desk
from tests.unit.bot.test_duplicates import later, twice
from webhooks.playground import people

__all__ = ["desk", "playground", "receiver"]

pytestmark = pytest.mark.slow
ANEW = "Run `make docs`, and look into `site` afterwards."


def asked(desk: Desk) -> str:
    """What the model was asked last."""
    return str(desk.models.asked[-1]["messages"][-1].content)


def test_a_question_that_was_edited_before_it_was_read_is_answered_as_it_stands(desk: Desk) -> None:
    desk.playground.edit(ASKER, desk.comment, "/ask How do I build the docs?")
    desk.compose()
    assert "How do I build the docs?" in asked(desk)
    assert desk.stored().question.text == "How do I build the docs?"


def test_a_question_that_was_edited_after_it_was_answered_is_answered_anew_before_anything_is_posted(
    desk: Desk,
) -> None:
    desk.models.rounds = [[GOOD], [ANEW]]
    desk.compose()
    desk.playground.edit(ASKER, desk.comment, "/ask How do I build the docs?")
    desk.post()
    assert "How do I build the docs?" in asked(desk) and len(desk.models.asked) == 2
    one_answer(desk)
    assert answer_text(ours(desk)[0].body) == ANEW
    with desk.context.database.unit(read_only=True) as unit:
        story = unit.answers.story(desk.question.answer_id)
    assert story and [one.text for one in story.attempts[0].candidates] == [ANEW], (
        "nothing of the former is left"
    )


def test_an_edit_around_the_question_changes_nothing(desk: Desk) -> None:
    desk.compose()
    desk.playground.edit(ASKER, desk.comment, "Hello!\n\n/ask How do I run the tests?")
    desk.post()
    assert len(desk.models.asked) == 1
    one_answer(desk)


def test_a_question_that_is_edited_without_end_is_answered_in_the_end(desk: Desk) -> None:
    texts = iter(range(100))
    read = outcome.as_it_stands

    def edited_meanwhile(*given: object) -> object:
        desk.playground.edit(ASKER, desk.comment, f"/ask How do I run test {next(texts)}?")
        return read(*given)  # type: ignore[arg-type]

    desk.compose()
    with patch.object(outcome, "as_it_stands", edited_meanwhile):
        desk.post()
    assert len(desk.models.asked) == answer.REWORDED
    one_answer(desk)


@pytest.mark.parametrize("after", ["Never mind.", "> /ask How do I run the tests?"])
def test_a_question_that_asks_nothing_any_more_gets_nothing(desk: Desk, after: str) -> None:
    desk.compose()
    desk.playground.edit(ASKER, desk.comment, after)
    desk.post()
    assert ours(desk) == [] and desk.stored().status is AnswerStatus.CANCELLED
    ask_anew(desk)
    desk.playground.edit(ASKER, desk.comment, after)
    desk.compose()
    assert desk.stored().status is AnswerStatus.CANCELLED and len(desk.models.asked) == 1


def test_a_command_that_was_written_over_a_question_is_not_carried_out_in_the_askers_name(desk: Desk) -> None:
    """Whoever may write edits what others wrote; who did it this time cannot be known."""
    desk.playground.edit(people.MAINTAINER, desk.comment, "/ask freeze")
    desk.compose()
    desk.post()
    [comment] = ours(desk)
    assert "changed before I read it" in comment.body
    with desk.context.database.unit(read_only=True) as unit:
        known = unit.repositories.get(desk.question.repository_id)
    assert known and known.learning is Learning.ON


def failed_and_tried_again(desk: Desk) -> None:
    """The asker was told that there is no answer; an operator tries the job again."""
    answer.fail(desk.context, desk.question, ModelUnavailable("down"), sleep=at_once)
    with desk.context.database.unit() as unit:
        unit.answers.reopen(desk.question.answer_id)
        unit.commit()


def test_an_answer_takes_the_place_of_the_sentence_that_there_is_none_wherever_a_worker_dies(
    desk: Desk,
) -> None:
    def ready() -> None:
        failed_and_tried_again(desk)

    for at in deaths(desk, lambda context: answered(context, desk), ready, must=["after DELETE"]):
        one_answer(desk, at)
        assert answer_text(ours(desk)[0].body) == GOOD, at


def test_what_somebody_approved_is_posted_as_it_was_approved_when_its_job_is_tried_again(desk: Desk) -> None:
    desk.compose()
    approved, now = desk.stored(), datetime.now(UTC)
    with closing(Queue(desk.context.database)) as queue:
        queue.migrate()
        with desk.context.database.unit() as unit:
            assert queue.put_post(unit, approved.question, now)
            unit.commit()
        answer.fail(desk.context, desk.question, GitHubRefused("It refused.", status=403), sleep=at_once)
        with desk.context.database.unit() as unit:
            [job] = [one for one in unit.jobs.open_of() if one.startswith("post/")]
            unit.jobs.end([job], JobOutcome.FAILED, now, "It refused.")
            unit.commit()
        desk.post()
        assert desk.stored().status is AnswerStatus.FAILED
        control.retry(desk.context.database, queue, job)
    desk.post()
    one_answer(desk)
    assert answer_text(ours(desk)[0].body) == answer_text(approved.body) and len(desk.models.asked) == 1


def test_of_an_approved_answer_of_which_nothing_is_left_no_empty_comment_is_posted(desk: Desk) -> None:
    desk.compose()
    answer.fail(desk.context, desk.question, ModelUnavailable("down"), sleep=at_once)
    with desk.context.database.unit() as unit:
        unit.answers.save(replace(desk.stored(), text="", body=""))
        unit.answers.repost(desk.question.answer_id)
        unit.commit()
    desk.post()
    one_answer(desk)
    assert answer_text(ours(desk)[0].body) == GOOD and len(desk.models.asked) == 2


def others_booked(desk: Desk) -> None:
    """Twenty others wait for their turns to write, and this answer's own has come."""
    now, installation = time.time(), desk.question.installation_id
    others = {f"a_{number}": now + 60 + number for number in range(20)}
    with desk.context.database.unit() as unit:
        unit.paces.of(installation)
        unit.paces.put(installation, Turns(booked={desk.question.answer_id: now - 1, **others}))
        unit.commit()


def test_an_asker_is_told_in_the_sentences_own_turn_and_does_not_wait_for_a_reactions(desk: Desk) -> None:
    others_booked(desk)
    with worker(desk) as context:
        answer.fail(context, desk.question, ModelUnavailable("down"), sleep=at_once)
    [comment] = ours(desk)
    assert "could not answer" in comment.body and desk.stored().status is AnswerStatus.FAILED
    assert desk.reactions() == [], "a reaction waits for nobody's turn: it is left out"


def test_a_reaction_that_cannot_be_given_keeps_nobody_from_being_told(desk: Desk) -> None:
    desk.misbehave(kind="error", method="POST", path="*/reactions", status=502, times=0)
    desk.fail()
    [comment] = ours(desk)
    assert "could not answer" in comment.body and desk.stored().status is AnswerStatus.FAILED
    assert desk.reactions() == []


def test_an_answer_and_the_end_of_the_sentence_in_its_place_share_one_turn(desk: Desk) -> None:
    failed_and_tried_again(desk)
    others_booked(desk)
    with worker(desk) as context:
        answered(context, desk)
    one_answer(desk)
    assert answer_text(ours(desk)[0].body) == GOOD


def test_the_upkeep_heals(desk: Desk) -> None:
    twice(desk)
    with worker(desk) as context:
        upkeep(context, lambda delivery: None, later)
    one_answer(desk)


def test_what_nobody_foresaw_in_one_part_of_the_upkeep_keeps_no_other_from_its_turn(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*about: object) -> None:
        raise KeyError("full_name")

    twice(desk)
    monkeypatch.setattr("bot.upkeep.settle_due", broken)
    with worker(desk) as context, pytest.raises(KeyError):
        upkeep(context, lambda delivery: None, later)
    one_answer(desk)
