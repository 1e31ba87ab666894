"""Edits, deletions and reactions on the playground become lessons, and the comment says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import feedback, lessons, poll
from bot.forgetting import forget_user
from bot.github import Client
from bot.github_calls import Calls
from bot.reply import END, LONGEST, Marker, Why, answer_text, render_body
from storage.errors import NotThereYet
from storage.records import AnswerStatus, FeedbackKind, Learning, Permission, Post, Reaction
from tests.integration.answered import BOT, FIXED, MAINTAINER, READER, SECOND, STRANGER, TEXT, Bench
from tests.integration.playground_fixture import Playground, playground, receiver
from webhooks.playground.misbehave import Rule
from webhooks.playground.things import Person

__all__ = ["playground", "receiver"]

pytestmark = pytest.mark.slow


@pytest.fixture
def bench(playground: Playground, tmp_path: Path) -> Iterator[Bench]:
    made = Bench(playground, tmp_path / "home")
    yield made
    made.github.close()
    made.database.dispose()


def test_a_maintainers_edit_is_learned_and_acknowledged_in_the_same_comment(bench: Bench) -> None:
    bench.edit(MAINTAINER, "npm test", "make check")
    ((wrong, right, active),) = bench.corrections()
    assert "npm test" in wrong and "make check" in right and active
    (event,) = bench.events()
    assert (event.actor.login, event.permission) == (MAINTAINER, Permission.WRITE)
    body = bench.comment.body
    assert f"Learned from `@{MAINTAINER}`" in body and "undo" in body
    assert answer_text(body) == FIXED
    reactions = bench.playground.state.reactions_to(bench.comment)
    assert [r.content for r in reactions if r.login.startswith("thumbprint")] == ["+1"]


def test_our_own_edit_and_its_delivery_teach_nothing(bench: Bench) -> None:
    bench.edit(MAINTAINER, "npm test", "make check")
    guid = bench.deliver()  # the newest is that of our acknowledgement
    assert feedback.edited(bench.context, guid) == []
    assert len(bench.events()) == 1


def test_the_same_delivery_twice_teaches_and_says_the_same_once(bench: Bench) -> None:
    guid = bench.edit(MAINTAINER, "npm test", "make check")
    body, held = bench.comment.body, bench.corrections()
    assert feedback.edited(bench.context, guid) == []
    assert bench.comment.body == body and bench.corrections() == held
    assert body.count("Learned from") == 1


def test_a_crash_before_the_acknowledgement_is_made_good_by_the_next_try(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.playground.edit(MAINTAINER, bench.comment, bench.comment.body.replace("npm test", "make check"))
    guid = bench.deliver()
    with monkeypatch.context() as patched:
        patched.setattr(feedback, "acknowledge", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            feedback.edited(bench.context, guid)
    assert "Learned from" not in bench.comment.body
    feedback.edited(bench.context, guid)
    assert "Learned from" in bench.comment.body and len(bench.events()) == 1


def on_turn(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object], turn: int = 1) -> None:
    """Have something happen while our nth write waits for its turn."""
    turns = []

    def waits(self: Calls, **which: object) -> None:
        turns.append(which)
        if len(turns) == turn:
            act()

    monkeypatch.setattr(Calls, "_turn", waits)


def test_who_edits_an_answer_while_we_wait_for_our_turn_to_write_in_it_keeps_that_edit(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def edit() -> None:
        later = bench.comment.body.replace("takes a minute", "takes an hour")
        bench.playground.edit(SECOND, bench.comment, later)

    on_turn(monkeypatch, edit)
    bench.edit(MAINTAINER, "npm test", "make check")
    assert answer_text(bench.comment.body) == FIXED.replace("a minute", "an hour")
    assert "Learned from" in bench.comment.body


def test_who_edits_an_answer_while_github_falls_over_keeps_that_edit(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def edit() -> None:
        later = bench.comment.body.replace("takes a minute", "takes an hour")
        bench.playground.edit(SECOND, bench.comment, later)

    on_turn(monkeypatch, edit, turn=2)
    bench.playground.state.misbehaviour.add(Rule(kind="error", method="PATCH"))
    bench.edit(MAINTAINER, "npm test", "make check")
    assert answer_text(bench.comment.body) == FIXED.replace("a minute", "an hour")
    assert "Learned from" in bench.comment.body


def test_a_copy_of_githubs_from_before_an_edit_is_not_written_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    former, real = bench.comment.body, Client._standing

    def late(self: Client, *which: Any) -> Post:
        post = real(self, *which)
        before = datetime.now(UTC) - timedelta(seconds=5)
        return replace(post, body=former, created_at=before, changed_at=before)

    with monkeypatch.context() as patched:
        patched.setattr(Client, "_standing", late)
        with pytest.raises(NotThereYet):
            bench.edit(MAINTAINER, "npm test", "make check")
    assert answer_text(bench.comment.body) == FIXED and "Learned from" not in bench.comment.body
    feedback.edited(bench.context, bench.deliver())
    assert answer_text(bench.comment.body) == FIXED and "Learned from" in bench.comment.body


def test_a_forgotten_person_is_named_no_more_in_answers_that_only_used_what_they_taught(bench: Bench) -> None:
    """On GitHub, not in the row alone; what others ticked and wrote stays."""
    taught = f"- Learned: mention `x` (+0.50), taught by [{MAINTAINER}](https://example.test/a), {SECOND}"
    read = f"- Read: [{MAINTAINER} in this thread](https://example.test/{MAINTAINER}/b)"
    body = render_body(TEXT, Why(marker=Marker(answer_id=bench.answer.id), boxes=True))
    nothing = next(line for line in body.split("\n") if line.startswith("- Nothing that people"))
    named = str(body).replace(nothing, f"{taught}\n{read}")
    stands = named.replace("[ ] It is too long", "[x] It is too long").replace("a minute", "an hour")
    with bench.playground.state.change():
        bench.comment.body = bench.comment.revisions[0].body = stands
        bench.playground.state.keep(bench.comment)
    with bench.database.unit() as unit:
        unit.answers.save(replace(bench.answer, body=named))
        unit.commit()
    bench.playground.react(MAINTAINER, bench.comment, "-1")
    bench.poll()
    with bench.database.unit() as unit:
        known = {
            job.id for job in unit.jobs.listed(unit.jobs.of_repository(bench.playground.repository().id))
        }
        ada = bench.playground.state.person(MAINTAINER).id
        forget_user(unit, bench.context.queue, ada, datetime.now(UTC))
        fresh = set(unit.jobs.of_repository(bench.playground.repository().id)) - known
        unit.commit()
    assert [one.split("/")[:2] for one in fresh] == [["refresh", bench.answer.id]]
    feedback.refresh(bench.context, bench.answer.id)
    lines = bench.comment.body.split("\n")
    assert taught.replace(MAINTAINER, "somebody") in lines and SECOND in bench.comment.body
    assert f"[somebody in this thread](https://example.test/{MAINTAINER}/b)" in bench.comment.body
    assert "[x] It is too long" in bench.comment.body and "takes an hour" in bench.comment.body


def test_a_revert_takes_the_lesson_back_and_the_comment_says_so(bench: Bench) -> None:
    bench.edit(MAINTAINER, "npm test", "make check")
    bench.edit(SECOND, "make check` in", "npm test` in")
    assert bench.corrections() == []
    assert f"Taken back by `@{SECOND}`" in bench.comment.body and "Learned from" not in bench.comment.body
    bench.edit(MAINTAINER, "npm test` in", "make check` in")
    assert [active for *_, active in bench.corrections()] == [True]
    assert "Learned from" in bench.comment.body and "Taken back" not in bench.comment.body


def test_frozen_learning_is_not_acknowledged_as_learned(bench: Bench) -> None:
    with bench.database.unit() as unit:
        lessons.set_learning(unit, bench.answer.question.repository_id, Learning.FROZEN, datetime.now(UTC))
        unit.commit()
    bench.edit(MAINTAINER, "npm test", "make check")
    assert bench.corrections() == [] and len(bench.events()) == 1
    assert "Learned from" not in bench.comment.body


def test_a_deleted_answer_is_marked_and_its_deletion_is_an_event(bench: Bench) -> None:
    bench.playground.delete(MAINTAINER, bench.comment)
    feedback.deleted(bench.context, bench.deliver())
    (event,) = bench.events()
    assert event.kind is FeedbackKind.DELETION and event.actor.login == MAINTAINER
    with bench.database.unit(read_only=True) as unit:
        kept = unit.answers.get(bench.answer.id)
    assert kept is not None and kept.status is AnswerStatus.DELETED


def test_a_comment_that_vanishes_before_the_acknowledgement_is_left_alone(bench: Bench) -> None:
    bench.playground.edit(MAINTAINER, bench.comment, bench.comment.body.replace("npm test", "make check"))
    guid = bench.deliver()
    bench.playground.delete(MAINTAINER, bench.comment)
    assert feedback.edited(bench.context, guid)
    assert [active for *_, active in bench.corrections()] == [True]


def test_reactions_are_polled_with_the_permission_of_each_person(bench: Bench) -> None:
    for login in (MAINTAINER, READER, STRANGER, BOT):
        bench.playground.react(login, bench.comment, "-1")
    bench.poll()
    bench.poll()
    found = {event.actor.login: event.permission for event in bench.events()}
    assert found == {MAINTAINER: Permission.WRITE, READER: Permission.READ, STRANGER: Permission.PUBLIC}
    assert len(bench.events()) == 3


def test_a_poll_with_nothing_new_asks_for_no_permission_and_spends_nothing_of_the_rate_limit(
    bench: Bench,
) -> None:
    for login in (MAINTAINER, READER, STRANGER, BOT):
        bench.playground.react(login, bench.comment, "-1")
    bench.poll()
    bench.poll()
    limits = bench.playground.limits
    core, graphql = limits.core.used, limits.graphql.used
    for _ in range(3):
        bench.poll()
    assert limits.core.used == core
    assert limits.graphql.used - graphql <= 3
    bench.playground.react(SECOND, bench.comment, "+1")
    bench.playground.react(MAINTAINER, bench.comment, "heart")
    bench.poll()
    # the repository's name, and what the newcomer and the maintainer may do now that their thumbs are used
    assert limits.core.used - core == 3
    assert len(bench.events()) == 5


def test_a_withdrawn_reaction_is_retracted_by_the_next_poll(bench: Bench) -> None:
    bench.playground.react(MAINTAINER, bench.comment, "-1")
    bench.poll()
    bench.playground.unreact(MAINTAINER, bench.comment, "-1")
    bench.poll()
    kinds = [event.kind for event in bench.events()]
    assert kinds == [FeedbackKind.REACTION, FeedbackKind.RETRACTION]
    with bench.database.unit(read_only=True) as unit:
        assert unit.phrases.weights(bench.answer.question.repository_id) == []


def test_all_eight_reactions_are_read(bench: Bench) -> None:
    for reaction in Reaction:
        bench.playground.react(READER, bench.comment, reaction.value)
    bench.poll()
    assert {event.reaction for event in bench.events()} == set(Reaction)


def test_a_comment_that_is_gone_takes_nothing_back(bench: Bench) -> None:
    bench.playground.react(MAINTAINER, bench.comment, "-1")
    bench.poll()
    bench.playground.delete(MAINTAINER, bench.comment)
    bench.poll()
    assert [event.kind for event in bench.events()] == [FeedbackKind.REACTION]


def test_answers_older_than_the_limit_are_not_polled(bench: Bench) -> None:
    with bench.database.unit() as unit:
        old = datetime.now(UTC) - timedelta(days=bench.context.settings.poll_days + 1)
        unit.answers.save(replace(bench.answer, posted_at=old))
        unit.commit()
    bench.playground.react(MAINTAINER, bench.comment, "-1")
    poll.poll(bench.context, everything=True)
    assert bench.events() == []


def test_one_repositorys_failure_is_not_the_others(bench: Bench) -> None:
    bench.playground.state.repository(bench.answer.question.full_name).installation_id = None
    bench.playground.react(MAINTAINER, bench.comment, "-1")
    assert poll.poll(bench.context, everything=True) == []


def test_a_thumb_is_used_by_what_its_person_may_do_then_and_an_edit_too(bench: Bench) -> None:
    bench.playground.react(MAINTAINER, bench.comment, "heart")
    bench.poll()
    bench.playground.repository().collaborators.pop(MAINTAINER)
    bench.playground.react(MAINTAINER, bench.comment, "-1")
    bench.poll()
    found = {event.reaction: event.permission for event in bench.events()}
    assert found == {Reaction.HEART: Permission.WRITE, Reaction.MINUS_ONE: Permission.PUBLIC}
    bench.playground.repository().collaborators[SECOND] = "write"
    bench.playground.edit(SECOND, bench.comment, bench.comment.body.replace("npm test", "make check"))
    bench.playground.repository().collaborators[SECOND] = "triage"
    feedback.edited(bench.context, bench.deliver())
    (changed,) = [event for event in bench.events() if event.kind is FeedbackKind.EDIT]
    assert changed.permission is Permission.TRIAGE and bench.corrections() == []
    assert "Learned from" not in bench.comment.body


def everything(bench: Bench) -> tuple[object, ...]:
    """All weights, all evidence and the revision: what strangers must not move by a bit."""
    with bench.database.unit(read_only=True) as unit:
        held = unit.phrases.weights(bench.answer.question.repository_id)
        evidence = unit.phrases.evidence_of([one.phrase.id for one in held])
        return repr(held), repr(evidence), unit.repositories.get(bench.answer.question.repository_id)


def test_fifty_strangers_on_github_leave_all_weights_byte_identical_through_polls_and_replay(
    bench: Bench,
) -> None:
    bench.edit(MAINTAINER, "npm test", "make check")
    for login in (READER, SECOND):
        bench.playground.react(login, bench.comment, "+1")
    bench.poll()
    before = everything(bench)
    state = bench.playground.state
    strangers = [Person(id=900_000 + n, login=f"drive-by-{n}", name=f"Drive-by {n}") for n in range(50)]
    with state.change():
        state.keep(*strangers)
    for given, taken in (("+1", ""), ("-1", "+1"), ("heart", "-1"), ("confused", "heart")):
        for person in strangers:
            bench.playground.react(person.login, bench.comment, given)
            if taken:
                bench.playground.unreact(person.login, bench.comment, taken)
        bench.poll()
    assert len(bench.events()) == 3 + 50 * 4 + 50 * 3
    assert everything(bench) == before
    with bench.database.unit() as unit:
        assert lessons.replay(unit, bench.answer.question.repository_id, datetime.now(UTC)) == []
        unit.commit()
    assert everything(bench)[:2] == before[:2]


@pytest.mark.parametrize(
    "text", [FIXED, FIXED.replace("\n", "\r\n"), "Use `make check`, @noor-haddad.", "No."]
)
def test_a_comment_replaced_whole_with_all_that_is_ours_in_it_is_acknowledged_too(
    bench: Bench, text: str
) -> None:
    bench.playground.edit(MAINTAINER, bench.comment, text)
    assert feedback.edited(bench.context, bench.deliver())
    body = bench.comment.body
    assert f"Learned from `@{MAINTAINER}`" in body
    assert answer_text(body) == text.replace("\r\n", "\n")
    assert "Learned from" in body and len(bench.events()) == 1


def test_a_comment_without_room_for_an_acknowledgement_is_learned_from_and_left_as_it_is(
    bench: Bench,
) -> None:
    body = bench.comment.body.replace("npm test", "make check")
    start, mark, own = body.partition(END)
    full = start + "And so on.\n" * 5_000
    full += "x" * (LONGEST - len(full + mark + own) - 10) + f"\n\n{mark}{own}"
    bench.playground.edit(MAINTAINER, bench.comment, full)
    feedback.edited(bench.context, bench.deliver())
    assert LONGEST - 10 < len(full) <= LONGEST and bench.comment.body == full
    assert [one.kind for one in bench.events()] == [FeedbackKind.EDIT]


def test_an_acknowledgement_links_the_memory_page(bench: Bench) -> None:
    bench.edit(MAINTAINER, "npm test", "make check")
    pages = bench.context.settings.pages_url
    assert pages
    assert f"[memory page]({pages}/memory/{bench.answer.question.repository_id})" in bench.comment.body
