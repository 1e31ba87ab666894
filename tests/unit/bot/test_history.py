"""Edits that no webhook told of: attributed to who made them, never twice, never to somebody else."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from bot.acknowledgement import Learned, with_learned
from bot.events import Act, edit_events
from bot.github_shapes import History, Revision
from bot.history import NOBODY, editors, unlearned
from bot.reply import Marker, Why, render_body
from learning.memory.phrases import judge
from storage.records import Actor, Feedback, FeedbackKind, Permission, PhraseKind, PostKind
from storage.redaction import redact_said
from tests.unit.storage.things import NOW, phrase, posted

TEXT = "Run `npm test` in the root folder.\n\nOpen `setup.cfg` first."
OURS = posted(text=TEXT, comment_id=99, comment_url="https://example.test/99", phrase_ids=(), repairs=())
BODY = render_body(TEXT, Why(marker=Marker(answer_id=OURS.id)))
US = Actor(id=1, login="thumbprint", is_bot=True)
ANNA, BO = Actor(id=7, login="anna"), Actor(id=8, login="bo")
TIDY = Actor(id=9, login="tidy", is_bot=True)
START = NOW.replace(microsecond=0)
ONE = BODY.replace("npm test", "make check")
TWO = ONE.replace("setup.cfg", "pyproject.toml")


def revision(
    editor: Actor, text: str | None, minutes: int, deleted: datetime | None = None, ours: bool = False
) -> Revision:
    at = START + timedelta(minutes=minutes)
    return Revision(editor=editor, ours=ours, at=at, deleted_at=deleted, text=None if deleted else text)


CREATED = revision(US, BODY, 0, ours=True)


def history(*revisions: Revision, body: str | None = None, whole: bool = True) -> History:
    last = next((one.text for one in reversed(revisions) if one.text), "")
    return History(body=body or last or "", revisions=revisions, whole=whole)


def learned(*revisions: Revision, known: tuple[Feedback, ...] = (), **more: object) -> list[Feedback]:
    made = unlearned(OURS, list(known), history(*revisions, **more))  # type: ignore[arg-type]
    people = editors(made)
    return [
        replace(one, permission=Permission.WRITE if one.actor.id in people else Permission.NONE)
        if not one.retracts
        else one
        for one in made
    ]


def by_webhook(body: str, minutes: int, actor: Actor, *known: Feedback, former: str = "") -> Feedback:
    act = Act(
        repository_id=1,
        full_name="octo/inkwell",
        comment_id=99,
        kind=PostKind.COMMENT,
        actor=actor,
        at=START + timedelta(minutes=minutes),
        body=body,
        former=former,
    )
    (event,) = edit_events(OURS, list(known), act, Permission.WRITE)
    return event


def taught(events: list[Feedback]) -> set[tuple[str, str, str]]:
    phrases, evidence = judge(OURS, events)
    said = {one.id: one for one in phrases if one.kind is PhraseKind.CORRECTION}
    rows = [(said[row.phrase_id], row) for row in evidence if row.phrase_id in said]
    return {(row.actor_login, one.text.split()[0].strip("`"), one.right) for one, row in rows}


def who(events: list[Feedback]) -> set[tuple[str, str]]:
    return {(login, wrong) for login, wrong, _ in taught(events)}


BOTH = {("anna", "npm"), ("bo", "setup.cfg")}


def test_edits_by_several_people_are_each_persons_own() -> None:
    events = learned(CREATED, revision(ANNA, ONE, 1), revision(BO, TWO, 2))
    assert [(e.actor.login, e.kind) for e in events] == [
        ("anna", FeedbackKind.EDIT),
        ("bo", FeedbackKind.EDIT),
    ]
    assert who(events) == BOTH


def test_an_edit_that_a_webhook_told_of_is_the_same_event_in_the_history() -> None:
    heard = by_webhook(ONE, 1, ANNA, former=BODY)
    assert learned(CREATED, revision(ANNA, ONE, 1), known=(heard,)) == []
    (again,) = learned(CREATED, revision(ANNA, ONE, 1))
    assert again.id == heard.id
    late = replace(heard, at=heard.at + timedelta(seconds=2), id="f_other")
    assert learned(CREATED, revision(ANNA, ONE, 1), known=(late,)) == []


def test_an_edit_that_was_kept_with_a_secret_in_it_is_the_same_in_a_history_without() -> None:
    leaky = BODY.replace("npm test", f"TOKEN=ghp_{'a1' * 18} make check")
    heard = by_webhook(leaky, 5, ANNA)
    assert "ghp_" in heard.after
    assert learned(CREATED, revision(ANNA, redact_said(leaky), 5), known=(heard,)) == []


def test_a_missed_edit_before_one_that_was_heard_of_is_put_in_its_place() -> None:
    for former in ("", ONE):
        heard = by_webhook(TWO, 2, BO, former=former)
        events = learned(CREATED, revision(ANNA, ONE, 1), revision(BO, TWO, 2), known=(heard,))
        assert [e.actor.login for e in events] == ["anna"]
        assert who([heard, *events]) == BOTH


def test_our_own_revisions_count_for_nothing_and_hide_nobodys() -> None:
    said = with_learned(ONE, [Learned(phrase=phrase(), login="anna")])
    ours = revision(US, said, 2, ours=True)
    events = learned(CREATED, revision(ANNA, ONE, 1), ours, revision(BO, TWO, 3))
    assert who(events) == BOTH
    assert learned(CREATED, ours) == []


def test_what_a_bot_changed_is_kept_and_taught_by_nobody() -> None:
    events = learned(CREATED, revision(TIDY, ONE, 1), revision(BO, TWO, 2))
    assert [(e.actor.login, e.permission) for e in events] == [
        ("tidy", Permission.NONE),
        ("bo", Permission.WRITE),
    ]
    assert who(events) == {("bo", "setup.cfg")}


def test_after_a_deleted_revision_nobody_is_made_the_author_of_anothers_words() -> None:
    gone = revision(ANNA, None, 1, deleted=START + timedelta(minutes=5))
    events = learned(CREATED, gone, revision(BO, TWO, 2))
    assert [e.actor for e in events] == [NOBODY] and taught(events) == set()
    three = TWO.replace("root folder", "top-level directory")
    more = learned(CREATED, gone, revision(BO, TWO, 2), revision(ANNA, three, 3))
    assert {login for login, *_ in taught(more)} <= {"anna"} and len(more) == 2


def test_what_was_learned_from_a_revision_goes_when_it_is_deleted_and_once() -> None:
    first, second = by_webhook(ONE, 1, ANNA), by_webhook(TWO, 2, BO, by_webhook(ONE, 1, ANNA))
    gone = revision(ANNA, None, 1, deleted=START + timedelta(minutes=5))
    (taken,) = learned(CREATED, gone, revision(BO, TWO, 2), known=(first, second))
    assert taken.kind is FeedbackKind.RETRACTION and taken.retracts == first.id
    assert who([first, second, taken]) == {("bo", "setup.cfg")}
    assert learned(CREATED, gone, revision(BO, TWO, 2), known=(first, second, taken)) == []


def test_a_history_that_is_cut_gives_its_oldest_edit_to_nobody() -> None:
    events = learned(revision(ANNA, ONE, 1), revision(BO, TWO, 2), whole=False)
    assert [e.actor.login for e in events] == [NOBODY.login, "bo"]
    assert who(events) == {("bo", "setup.cfg")}
    assert who(learned(revision(ANNA, ONE, 1), revision(BO, TWO, 2))) == BOTH


def test_a_deleted_account_teaches_nothing() -> None:
    events = learned(CREATED, revision(NOBODY, ONE, 1), revision(BO, TWO, 2))
    assert who(events) == {("bo", "setup.cfg")}


def test_where_diff_is_no_whole_text_only_a_single_edit_is_believed() -> None:
    patch = "@@ -1 +1 @@\n-Run `npm test`\n+Run `make check`"
    assert who(learned(replace(CREATED, text=""), revision(ANNA, patch, 1), body=ONE)) == {("anna", "npm")}
    events = learned(CREATED, revision(ANNA, patch, 1), revision(BO, patch, 2), body=TWO)
    assert [e.actor for e in events] == [NOBODY] and taught(events) == set()


def test_cosmetic_revisions_and_those_of_our_own_parts_say_nothing() -> None:
    assert learned(CREATED, revision(ANNA, BODY + "\n", 1), revision(BO, BODY.replace("Run", "run"), 2)) == []


def test_edits_within_one_second_keep_their_order() -> None:
    events = learned(CREATED, revision(ANNA, ONE, 1), revision(BO, TWO, 1))
    assert events[0].at < events[1].at and who(events) == BOTH
