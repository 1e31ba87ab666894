"""Drafts: an answer waits until somebody approves, changes or discards it, and what each of that leads to.

GitHub is the playground; only the model is scripted. The page: `tests/integration/test_drafts_page.py`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot import answer, drafts, hearing
from bot.reply import answer_text
from storage.errors import Gone
from storage.records import Answer, AnswerStatus, Decision, Draft, Installation, Standing
from storage.redaction import CUT
from tests.integration.answered import MAINTAINER, READER, STRANGER
from tests.integration.chosen import QUESTION, body, file
from tests.integration.playground_fixture import playground, receiver
from tests.integration.test_who_may import GOOD, Town, build, town

__all__ = ["build", "playground", "receiver", "town"]

pytestmark = pytest.mark.slow


def ask(town: Town, text: str = QUESTION) -> Answer:
    """Ask where drafts are wanted; nothing but 👀 is seen."""
    file(town, "draft: true\n")
    assert town.say(READER, text) == "" and town.eyes()
    assert town.last.status is AnswerStatus.CANCELLED
    return town.last


def draft(town: Town, held: Answer) -> Draft:
    with town.database.unit(read_only=True) as unit:
        found = unit.drafts.get(held.id)
    assert found is not None
    return found


def seen(town: Town, held: Answer) -> drafts.Seen:
    with town.database.unit(read_only=True) as unit:
        found = unit.drafts.get(held.id)
    return drafts.Seen(answer_id=held.id, version=drafts.version(found) if found else "")


def approve(town: Town, held: Answer, text: str | None = None) -> None:
    """As the page does it, and then the job that it enqueued, twice."""
    with town.database.unit() as unit:
        said = held.text if text is None else text
        drafts.approve(
            unit, town.context.queue, town.context.settings, seen(town, held), said, datetime.now(UTC)
        )
        unit.commit()
    post(town, held)


def post(town: Town, held: Answer) -> None:
    for _ in range(2):
        answer.post(town.context, held.id, sleep=lambda seconds: None)


def jobs(town: Town) -> list[str]:
    with town.database.unit(read_only=True) as unit:
        return unit.jobs.open_of()


def comments(town: Town) -> list[str]:
    return [answer_text(one.body) for one in town.playground.answers(2)]


def test_an_answer_waits_until_it_is_approved_and_is_then_posted_once(town: Town) -> None:
    held = ask(town)
    assert comments(town) == [] and draft(town, held).decision is Decision.WAITING and not jobs(town)
    approve(town, held)
    assert comments(town) == [GOOD] and town.stored(held.id).status is AnswerStatus.POSTED
    assert "changed this text" not in body(town) and not draft(town, held).edited
    assert [one.split("/")[:2] for one in jobs(town)] == [["post", held.id]]


def test_a_changed_text_is_posted_as_it_then_reads_says_so_and_teaches_nothing(town: Town) -> None:
    held = ask(town)
    approve(town, held, "Run `make check`.\r\n\r\nAsk @ada-brandt, she fixes #1.\r\n")
    (said,) = comments(town)
    assert said.startswith("Run `make check`.\n\nAsk @") and town.stored(held.id).text == said
    assert "@ada-brandt" not in said and "#1" not in said  # made inert, as a model's text is
    assert drafts.CHANGED in body(town) and draft(town, held).edited
    town.poll()
    assert town.corrections() == [] and town.events() == []


def test_a_secret_that_is_written_into_a_draft_is_cut_out(town: Town) -> None:
    held = ask(town)
    approve(town, held, f"Run it with ghp_{'a1' * 18}.")
    assert comments(town) == [f"Run it with {CUT}."] and town.stored(held.id).text == comments(town)[0]


def test_the_first_word_about_a_draft_holds(town: Town) -> None:
    held = ask(town)
    with town.database.unit() as unit:
        drafts.discard(unit, seen(town, held), datetime.now(UTC))
        unit.commit()
    for late in (lambda: approve(town, held), lambda: approve(town, held, "Something else.")):
        with pytest.raises(Gone, match="already"):
            late()
    post(town, held)
    assert comments(town) == [] and draft(town, held).decision is Decision.DISCARDED
    town.say(READER, "help")  # the thread goes on
    assert len(comments(town)) == 1


def test_an_approval_without_a_text_or_of_no_draft_changes_nothing(town: Town) -> None:
    held = ask(town)
    with pytest.raises(Gone, match="needs a text"):
        approve(town, held, " \n")
    with pytest.raises(Gone, match="no such draft"):
        approve(town, town.answer)
    assert draft(town, held).decision is Decision.WAITING and comments(town) == []


def test_a_draft_that_nobody_decided_about_ends_with_a_sentence_in_its_thread(town: Town) -> None:
    held = ask(town)
    now = datetime.now(UTC)
    assert drafts.expire(town.context, now + timedelta(days=6)) == 0
    assert drafts.expire(town.context, now + timedelta(days=8)) == 1
    assert drafts.expire(town.context, now + timedelta(days=9)) == 0
    post(town, held)
    (said,) = comments(town)
    assert "nobody here approved it within 7 days" in said and GOOD not in said
    with pytest.raises(Gone):
        approve(town, held)


@pytest.mark.parametrize("ends", ["expired", "discarded", "approved"])
def test_what_is_wrong_in_a_file_is_said_again_where_the_draft_that_said_it_never_came_out(
    town: Town, ends: str
) -> None:
    file(town, "draft: true\nmin_scor: 1\n")
    assert town.say(READER, QUESTION) == ""
    held = town.last
    if ends == "approved":
        approve(town, held)
    elif ends == "discarded":
        with town.database.unit() as unit:
            drafts.discard(unit, seen(town, held), datetime.now(UTC))
            unit.commit()
    else:
        assert drafts.expire(town.context, datetime.now(UTC) + timedelta(days=8)) == 1
        post(town, held)
    assert town.say(READER, QUESTION, number=3) == ""
    assert ("did you mean `min_score`" in town.last.body) is (ends != "approved")


def test_nothing_is_said_where_the_app_must_not_write_any_more(town: Town) -> None:
    held = ask(town)
    with town.database.unit() as unit:
        reached = town.playground.credentials.installation_id
        unit.installations.save(
            Installation(
                id=reached,
                account_id=1,
                account="paperboat",
                standing=Standing.REMOVED,
                since=datetime.now(UTC),
            )
        )
        unit.commit()
    with pytest.raises(Gone, match="may not write in this repository"):
        approve(town, held)
    assert draft(town, held).decision is Decision.WAITING and not jobs(town), "nothing was promised"
    drafts.expire(town.context, datetime.now(UTC) + timedelta(days=8))
    assert draft(town, held).decision is Decision.EXPIRED and not jobs(town)


def test_a_question_that_was_reworded_meanwhile_is_a_draft_anew(town: Town) -> None:
    held = ask(town)
    at_first = seen(town, held)
    town.playground.edit(READER, town.asked, "/ask How do I run the linter?")
    town.scripted.rounds = [["Run the linter with `make lint`, it takes a second."]]
    approve(town, held)
    anew = town.stored(held.id)
    assert comments(town) == [] and draft(town, held).decision is Decision.WAITING
    assert anew.question.text == "How do I run the linter?" and "make lint" in anew.text
    with town.database.unit() as unit, pytest.raises(Gone, match="written anew"):
        drafts.discard(unit, at_first, datetime.now(UTC))  # on a page that was opened before
    approve(town, anew)
    assert comments(town) == [anew.text]


def test_a_question_that_was_deleted_meanwhile_is_not_answered(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = ask(town)
    monkeypatch.setattr(hearing, "SHOWN_AFTER", timedelta(0))  # a minute later
    town.playground.delete(READER, town.asked)
    approve(town, held)
    assert comments(town) == [] and town.stored(held.id).status is AnswerStatus.CANCELLED


def test_what_no_model_wrote_is_no_draft(town: Town) -> None:
    file(town, "draft: true\nstrangers: false\n")
    assert town.say(STRANGER, QUESTION).startswith("Here I answer people with access")
    assert town.say(READER, "help").startswith("| command |")
    assert town.say(READER, "").startswith("Write your question behind the command")
    assert not town.scripted.asked


def test_without_draft_mode_answers_go_out_and_earlier_drafts_still_wait(town: Town) -> None:
    held = ask(town)
    file(town, "draft: false\n")
    assert town.say(MAINTAINER, QUESTION) == GOOD
    approve(town, held)
    assert comments(town) == [GOOD, GOOD]


def test_what_is_wrong_with_the_file_stands_in_the_draft_and_after_a_discard_in_the_next(town: Town) -> None:
    file(town, "draft: true\nmin_scor: 1\n")
    town.say(READER, QUESTION)
    first = town.last
    town.say(READER, QUESTION)
    second = town.last
    assert "did you mean `min_score`" in first.body and "min_score" not in second.body
    with town.database.unit() as unit:
        drafts.discard(unit, seen(town, first), datetime.now(UTC))
        unit.commit()
    town.say(READER, QUESTION)
    assert "did you mean `min_score`" in town.last.body
