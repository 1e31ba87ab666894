"""What people did, read from deliveries and reactions."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from bot.acknowledgement import Learned, with_learned
from bot.events import Act, edit_events, edits_of, reaction_events, read_act, taken_back_by
from bot.github_shapes import Reacted
from bot.reply import Marker, Why, render_body
from storage.records import Actor, Feedback, FeedbackKind, Permission, PostKind, Reaction
from tests.unit.storage.things import NOW, WRITER, delivery, feedback, phrase, posted

TEXT = "Run `npm test` in the root folder."
OURS = posted(text=TEXT, comment_id=99, comment_url="https://example.test/99")
BODY = render_body(TEXT, Why(marker=Marker(answer_id=OURS.id)))


def act(body: str, minutes: int = 1, actor: Actor = WRITER) -> Act:
    return Act(
        repository_id=1,
        full_name="octo/inkwell",
        comment_id=99,
        kind=PostKind.COMMENT,
        actor=actor,
        at=NOW + timedelta(minutes=minutes),
        body=body,
    )


def edits(*bodies: str) -> list[Feedback]:
    known: list[Feedback] = []
    for minutes, body in enumerate(bodies, 1):
        known += edit_events(OURS, known, act(body, minutes), Permission.WRITE)
    return known


def test_an_edit_is_compared_with_the_answer_and_not_with_the_comment() -> None:
    (event,) = edits(BODY.replace("npm test", "make check"))
    assert (event.before, event.after) == (TEXT, TEXT.replace("npm test", "make check"))
    assert event.kind is FeedbackKind.EDIT and event.url == OURS.comment_url


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body + "\n",
        lambda body: body.replace("Run", "run"),
        lambda body: body.replace("folder.", "folder!"),
        lambda body: body.replace("\n", "\r\n"),
        lambda body: with_learned(body, [Learned(phrase=phrase(), login="mona")]),
        lambda body: body.replace("Nothing that people", "Something that people"),
    ],
)
def test_cosmetic_edits_and_our_own_parts_say_nothing(change) -> None:  # type: ignore[no-untyped-def]
    assert edits(change(BODY)) == []


def test_a_second_edit_is_compared_with_what_the_first_one_left() -> None:
    first = BODY.replace("npm test", "make check")
    _, second = edits(first, first.replace("root", "top"))
    assert "make check" in second.before and "top" in second.after


def test_the_same_edit_delivered_twice_is_one_event() -> None:
    changed = BODY.replace("npm test", "make check")
    known = edits(changed)
    assert edit_events(OURS, known, act(changed, 1), Permission.WRITE) == []


def test_edits_within_one_second_keep_their_order() -> None:
    known: list[Feedback] = []
    texts = [BODY.replace("npm test", name) for name in ("make check", "tox", "nox", "make test")]
    for body in texts:
        known += edit_events(OURS, known, act(body), Permission.WRITE)
    assert [event.after.split("`")[1] for event in edits_of(known)] == [
        "make check",
        "tox",
        "nox",
        "make test",
    ]


def test_an_edit_that_arrives_after_a_later_one_is_ignored() -> None:
    known = edits(BODY, BODY.replace("npm test", "make check"))
    late = act(BODY.replace("npm test", "tox"), minutes=1)
    assert edit_events(OURS, known, late, Permission.WRITE) == []


def test_restoring_our_text_is_told_from_editing_it() -> None:
    changed = BODY.replace("npm test", "make check")
    assert taken_back_by(OURS, edits(changed)) == ""
    assert taken_back_by(OURS, edits(changed, BODY)) == WRITER.login
    assert taken_back_by(OURS, []) == ""


# ---------------------------------------------------------------- reactions

MONA = Actor(id=7, login="mona")


def reacted(reaction: Reaction, actor: Actor = MONA, minutes: int = 0) -> Reacted:
    return Reacted(actor=actor, reaction=reaction, at=NOW + timedelta(minutes=minutes))


def polled(known: list[Feedback], *seen: Reacted) -> list[Feedback]:
    permissions = {one.actor.id: Permission.READ for one in seen}
    return reaction_events(OURS, known, seen, permissions, NOW + timedelta(hours=1))


def test_a_reaction_is_seen_once_and_its_withdrawal_retracts_it() -> None:
    first = polled([], reacted(Reaction.MINUS_ONE))
    assert [e.reaction for e in first] == [Reaction.MINUS_ONE]
    assert polled(first, reacted(Reaction.MINUS_ONE)) == []
    (gone,) = polled(first)
    assert gone.kind is FeedbackKind.RETRACTION and gone.retracts == first[0].id
    assert polled([*first, gone]) == []


def test_a_reaction_given_again_after_its_withdrawal_counts_again() -> None:
    first = polled([], reacted(Reaction.MINUS_ONE))
    known = first + polled(first)
    (again,) = polled(known, reacted(Reaction.MINUS_ONE, minutes=5))
    assert again.reaction is Reaction.MINUS_ONE and again.id != first[0].id


def test_both_thumbs_of_one_person_are_kept_for_the_memory_to_judge() -> None:
    both = polled([], reacted(Reaction.PLUS_ONE), reacted(Reaction.MINUS_ONE, minutes=1))
    assert {e.reaction for e in both} == {Reaction.PLUS_ONE, Reaction.MINUS_ONE}


@pytest.mark.parametrize(
    "bot", [Actor(id=9, login="tidy", is_bot=True), Actor(id=9, login="thumbprint[bot]")]
)
def test_bots_and_ourselves_never_count(bot: Actor) -> None:
    assert polled([], reacted(Reaction.PLUS_ONE, bot)) == []


# ---------------------------------------------------------------- deliveries


def said(**changes: object) -> bytes:
    body = {
        "comment": {"id": 99, "body": "new", "updated_at": "2026-11-21T03:04:06Z"},
        "changes": {"body": {"from": "old"}},
        "sender": {"id": 8, "login": "ada", "type": "User"},
        "repository": {"id": 1, "full_name": "octo/inkwell"},
    }
    return json.dumps({**body, **changes}).encode()


def test_an_act_is_read_from_its_few_fields() -> None:
    read = read_act(delivery(action="edited", body=said()))
    assert read is not None
    assert (read.comment_id, read.actor.login, read.body, read.former) == (99, "ada", "new", "old")
    assert read.at.isoformat() == "2026-11-21T03:04:06+00:00"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"null",
        said(comment=None),
        said(sender={}),
        said(repository={"id": "x"}),
        said(changes=7),
    ],
)
def test_a_delivery_with_odd_fields_is_no_act(body: bytes) -> None:
    assert read_act(delivery(action="edited", body=body)) is None


def test_a_sender_that_is_an_app_is_a_bot_whatever_its_type_says() -> None:
    for sender in ({"id": 8, "login": "x", "type": "Bot"}, {"id": 8, "login": "x[bot]", "type": "User"}):
        read = read_act(delivery(action="edited", body=said(sender=sender)))
        assert read is not None and read.actor.is_bot


def test_feedback_of_another_kind_is_no_edit() -> None:
    assert edit_events(OURS, [feedback()], act(BODY), Permission.WRITE) == []
