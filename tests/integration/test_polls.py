"""What polls find on the playground that no webhook told of, and what they spend."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot import feedback, poll
from bot.reply import BOXES
from storage.records import Actor, AnswerStatus, FeedbackKind, Permission, PhraseKind
from storage.redaction import CUT
from tests.integration.answered import BOT, MAINTAINER, READER, SECOND, STRANGER, Bench
from tests.integration.playground_fixture import Playground, playground, receiver
from webhooks.playground import acts
from webhooks.playground.refusals import Refused
from webhooks.playground.things import Person

__all__ = ["playground", "receiver"]

pytestmark = pytest.mark.slow


@pytest.fixture
def bench(playground: Playground, tmp_path: Path) -> Iterator[Bench]:
    made = Bench(playground, tmp_path / "home")
    yield made
    made.github.close()
    made.database.dispose()


def unheard(bench: Bench, login: str, before: str, after: str) -> None:
    """An edit whose delivery is lost."""
    bench.playground.edit(login, bench.comment, bench.comment.body.replace(before, after))


def test_edits_whose_deliveries_were_lost_are_learned_each_from_its_editor(bench: Bench) -> None:
    unheard(bench, MAINTAINER, "npm test", "make check")
    unheard(bench, BOT, "a minute", "an hour")
    unheard(bench, SECOND, "root folder", "top-level directory")
    bench.poll()
    assert [(e.actor.login, e.kind) for e in bench.events()] == [
        (MAINTAINER, FeedbackKind.EDIT),
        (BOT.removesuffix("[bot]"), FeedbackKind.EDIT),  # as GraphQL names it
        (SECOND, FeedbackKind.EDIT),
    ]
    assert any(wrong.startswith("npm") and active for wrong, _, active in bench.corrections())
    assert not any("minute" in wrong for wrong, *_ in bench.corrections())
    feedback.refresh(bench.context, bench.answer.id)
    assert f"Learned from `@{MAINTAINER}`" in bench.comment.body
    bench.poll()
    assert len(bench.events()) == 3


def test_a_poll_has_the_comment_say_what_it_learned(bench: Bench) -> None:
    unheard(bench, MAINTAINER, "npm test", "make check")
    bench.poll()
    assert bench.context.queue.unfinished() == {"ENQUEUED": 1}


def test_an_edit_learned_by_webhook_is_not_learned_again_by_history_nor_the_other_way_round(
    bench: Bench,
) -> None:
    bench.edit(MAINTAINER, "npm test", "make check")
    held = bench.corrections()
    bench.poll()
    assert len(bench.events()) == 1 and bench.corrections() == held
    unheard(bench, SECOND, "a minute", "an afternoon")
    guid = bench.deliver()
    bench.poll()
    assert len(bench.events()) == 2
    assert feedback.edited(bench.context, guid) == [] and len(bench.events()) == 2


def test_what_a_deleted_revision_taught_goes(bench: Bench) -> None:
    bench.edit(MAINTAINER, "npm test", "make check")
    bench.edit(SECOND, "a minute", "an afternoon")
    bench.poll()
    first = next(one for one in bench.comment.revisions if one.editor == MAINTAINER)
    acts.redact(bench.playground.state, SECOND, bench.comment, first.id)
    bench.poll()
    assert [e.kind for e in bench.events()].count(FeedbackKind.RETRACTION) == 1
    assert not any(wrong.startswith("npm") for wrong, *_ in bench.corrections())
    bench.poll()
    assert len(bench.events()) == 3


def test_an_editor_who_lost_write_access_before_the_history_was_read_teaches_nothing(bench: Bench) -> None:
    unheard(bench, MAINTAINER, "npm test", "make check")
    bench.playground.repository().collaborators[MAINTAINER] = "read"
    bench.poll()
    assert len(bench.events()) == 1 and bench.corrections() == []


def test_an_editor_who_might_not_teach_a_moment_ago_is_asked_about_anew(bench: Bench) -> None:
    there, collaborators = bench.playground.repository(), bench.playground.repository().collaborators
    role = collaborators.pop(MAINTAINER)
    actor = Actor(id=bench.playground.state.person(MAINTAINER).id, login=MAINTAINER)
    client = bench.github.of(bench.answer.question)
    known = bench.context.permissions.of(client, there.id, there.full_name, actor)
    collaborators[MAINTAINER] = role
    unheard(bench, MAINTAINER, "npm test", "make check")
    bench.poll()
    assert known is Permission.PUBLIC and any(active for *_, active in bench.corrections())


def test_a_comment_whose_deletion_nobody_told_of_is_looked_at_no_more_and_a_late_webhook_still_teaches(
    bench: Bench,
) -> None:
    bench.playground.delete(MAINTAINER, bench.comment)
    guid = bench.deliver()
    bench.poll()
    with bench.database.unit(read_only=True) as unit:
        kept = unit.answers.get(bench.answer.id)
    assert kept is not None and kept.status is AnswerStatus.DELETED and bench.events() == []
    used = bench.playground.limits.graphql.used
    bench.poll()
    assert bench.playground.limits.graphql.used == used
    feedback.deleted(bench.context, guid)
    assert [e.kind for e in bench.events()] == [FeedbackKind.DELETION]


def test_more_than_a_hundred_reactions_are_read_page_by_page_as_far_as_permissions_can_be_asked(
    bench: Bench,
) -> None:
    state = bench.playground.state
    crowd = [Person(id=900_000 + n, login=f"drive-by-{n}", name=f"Drive-by {n}") for n in range(230)]
    with state.change():
        state.keep(*crowd)
    for person in crowd:
        bench.playground.react(person.login, bench.comment, "+1")
    bench.poll()
    # a person costs two calls, the repository's name one, of 250 an hour
    assert len(bench.events()) == 124
    assert bench.playground.limits.graphql.used == 3
    bench.poll()
    assert len(bench.events()) == 124
    poll.poll(bench.context, everything=True, clock=lambda: datetime.now(UTC) + timedelta(hours=2))
    assert len(bench.events()) == 230


def test_a_locked_thread_keeps_its_reactions_and_loses_those_that_are_taken_back(bench: Bench) -> None:
    bench.playground.react(MAINTAINER, bench.comment, "-1")
    acts.set_locked(bench.playground.state, SECOND, bench.playground.issue(1), True)
    bench.poll()
    bench.playground.unreact(MAINTAINER, bench.comment, "-1")
    bench.poll()
    assert [e.kind for e in bench.events()] == [FeedbackKind.REACTION, FeedbackKind.RETRACTION]
    bench.edit(SECOND, "npm test", "make check")  # no 👍 there, and no failure
    assert any(active for *_, active in bench.corrections())


def test_polls_stop_at_the_share_of_the_limit_that_github_grants(bench: Bench) -> None:
    bench.playground.limits.graphql.limit = 1000
    for _ in range(20):
        bench.poll()
    # five of the hour's thousand in six minutes, and what was paid before the limit was known
    assert bench.playground.limits.graphql.used == 5
    bench.playground.react(READER, bench.comment, "+1")
    poll.poll(bench.context, everything=True, clock=lambda: datetime.now(UTC) + timedelta(minutes=10))
    assert len(bench.events()) == 1


def test_an_answer_is_looked_at_when_it_is_due_and_not_before(bench: Bench) -> None:
    start = datetime.now(UTC) + timedelta(minutes=2)
    used = bench.playground.limits.graphql
    for seconds in range(0, 300, 30):
        poll.poll(bench.context, clock=lambda s=seconds: start + timedelta(seconds=s))  # type: ignore[misc]
    assert 5 <= used.used <= 6
    for minutes in range(70, 130):
        poll.poll(bench.context, clock=lambda m=minutes: start + timedelta(minutes=m))  # type: ignore[misc]
    assert 17 <= used.used <= 20


def ticked_by(bench: Bench, login: str, reason: str) -> None:
    """A click on a box in the fold, as the page does it."""
    number = list(BOXES).index(reason)
    acts.tick(bench.playground.state, login, bench.comment, number)


def reasons(bench: Bench) -> list[tuple[str, str]]:
    return sorted((e.actor.login, e.reason) for e in bench.events() if e.kind is FeedbackKind.REASON)


def test_a_box_in_the_fold_says_why_by_webhook_or_by_history_once_and_edits_no_text(bench: Bench) -> None:
    bench.with_boxes()
    ticked_by(bench, MAINTAINER, "unasked")
    feedback.edited(bench.context, bench.deliver())
    assert reasons(bench) == [(MAINTAINER, "unasked")]
    bench.poll()
    assert len(bench.events()) == 1
    ticked_by(bench, SECOND, "wrong")  # its delivery is lost
    bench.poll()
    assert reasons(bench) == [(MAINTAINER, "unasked"), (SECOND, "wrong")]
    assert not any(e.kind is FeedbackKind.EDIT for e in bench.events())
    with bench.database.unit(read_only=True) as unit:
        held = unit.phrases.weights(bench.answer.question.repository_id)
    assert {w.phrase.kind for w in held if w.active} >= {PhraseKind.SILENCE}
    ticked_by(bench, SECOND, "unasked")
    feedback.edited(bench.context, bench.deliver())
    assert [e.kind for e in bench.events()].count(FeedbackKind.RETRACTION) == 1


def test_a_thumb_down_gets_a_way_to_say_why_also_under_an_answer_that_had_none(bench: Bench) -> None:
    assert "- [ ]" not in bench.comment.body
    bench.playground.react(STRANGER, bench.comment, "-1")
    bench.poll()
    assert bench.context.queue.unfinished() == {}, "a stranger's thumb is shown only"
    bench.playground.react(READER, bench.comment, "-1")
    bench.poll()
    assert bench.context.queue.unfinished() == {"ENQUEUED": 1}
    feedback.refresh(bench.context, bench.answer.id)
    assert bench.comment.body.count("- [ ]") == len(BOXES)
    ticked_by(bench, MAINTAINER, "wrong")
    feedback.edited(bench.context, bench.deliver())
    assert reasons(bench) == [(MAINTAINER, "wrong")]
    assert "- [x] It is wrong" in bench.comment.body and bench.comment.body.count("- [") == len(BOXES)


def test_only_who_may_write_can_tick_a_box_or_hide_an_answer(bench: Bench) -> None:
    bench.with_boxes()
    with pytest.raises(Refused):
        ticked_by(bench, READER, "wrong")
    with pytest.raises(Refused):
        acts.minimise(bench.playground.state, READER, bench.comment, "spam")


def test_an_answer_that_is_hidden_is_noticed_once_and_so_is_showing_it_again(bench: Bench) -> None:
    before = bench.comment.updated_at
    for reason in ("spam", "spam", "", "outdated"):
        acts.minimise(bench.playground.state, MAINTAINER, bench.comment, reason)
        bench.poll()
        bench.poll()
    found = [(e.kind, e.reason, e.actor.id) for e in bench.events()]
    assert found == [
        (FeedbackKind.HIDDEN, "spam", 0),
        (FeedbackKind.RETRACTION, "", 0),
        (FeedbackKind.HIDDEN, "outdated", 0),
    ]
    assert bench.comment.updated_at == before
    with bench.database.unit(read_only=True) as unit:
        assert not any(w.active for w in unit.phrases.weights(bench.answer.question.repository_id))


def test_a_secret_that_an_unheard_edit_wrote_stays_on_github_and_comes_no_further(bench: Bench) -> None:
    secret = f"ghp_{'a1' * 18}"
    unheard(bench, MAINTAINER, "`npm test`", f"`make check`, with {secret},")
    bench.poll()
    (event,) = bench.events()
    assert secret not in event.after and f"with {CUT}," in event.after
    feedback.refresh(bench.context, bench.answer.id)
    assert "Learned from" in bench.comment.body and secret in bench.comment.body
    assert f"{secret}," not in bench.comment.body.partition("Learned from")[2]
    unheard(bench, SECOND, secret, f"ghp_{'b2' * 18}")
    bench.poll()
    assert len(bench.events()) == 1, "another secret in the place of one is no other text"
