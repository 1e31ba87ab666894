"""Boxes that people tick, and comments that they hide, as events; and what those teach."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.effects import effects
from bot.events import Act, edit_events, event_of
from bot.github_shapes import History, Revision
from bot.history import editors
from bot.outgoing import amended, sealed
from bot.reasons import SOMEBODY, hidden_events, reason_events, reasons_in
from bot.reply import BOXES, Marker, Why, answer_text, render_body, ticked, with_boxes
from learning.memory.hearing import heard, over
from learning.memory.phrases import judge
from storage.records import Actor, Feedback, FeedbackKind, Permission, PhraseKind, Post, PostKind, Reaction
from tests.unit.storage.things import NOW, posted

TEXT = "Run the tests with `npm test` in the root folder of the checkout, and wait. " * 4
OURS = posted(text=TEXT, comment_id=99, phrase_ids=(), repairs=())
BODY = str(render_body(TEXT, Why(marker=Marker(answer_id=OURS.id), boxes=True)))
START = NOW.replace(microsecond=0)
ANNA, BO = Actor(id=7, login="anna"), Actor(id=8, login="bo")
US = Actor(id=1, login="thumbprint", is_bot=True)


def tick(body: str, *reasons: str) -> str:
    for reason in reasons:
        assert f"- [ ] {BOXES[reason]}" in body
        body = body.replace(f"- [ ] {BOXES[reason]}", f"- [x] {BOXES[reason]}")
    return body


def act(body: str, former: str = "", actor: Actor = ANNA, minutes: int = 1) -> Act:
    return Act(
        repository_id=1,
        full_name="octo/inkwell",
        comment_id=99,
        kind=PostKind.COMMENT,
        actor=actor,
        at=START + timedelta(minutes=minutes),
        body=body,
        former=former,
    )


def test_a_fold_asks_why_and_what_is_asked_is_no_text_of_the_answer() -> None:
    assert ticked(BODY) == frozenset() and answer_text(tick(BODY, "wrong")) == TEXT.strip()
    assert ticked(tick(BODY, "wrong", "long")) == {"wrong", "long"}
    assert ticked(f"- [x] {BOXES['wrong']}\n\n{BODY}") == frozenset(), "the answer's own words tick nothing"
    assert "- [ ]" not in render_body(TEXT, Why(marker=Marker(answer_id="a_1")))
    assert sealed(render_body(TEXT, Why(marker=Marker(answer_id="a_1"), boxes=True)), ()).count("- [ ]") == 5


def test_boxes_are_added_once_where_there_is_a_fold_and_stay_as_they_were_left() -> None:
    old = str(render_body(TEXT, Why(marker=Marker(answer_id=OURS.id))))
    assert with_boxes(old) == with_boxes(with_boxes(old)) and with_boxes(old).count("- [ ]") == len(BOXES)
    assert answer_text(with_boxes(old)) == TEXT.strip() and effects(with_boxes(old), ours=True) == effects(
        old, ours=True
    )
    assert with_boxes(tick(BODY, "wrong")) == tick(BODY, "wrong")
    for text in (TEXT, "", f"{TEXT}\n\n</details>"):
        assert with_boxes(text) == text


def test_a_ticked_box_is_the_editors_reason_and_no_edit_of_the_text() -> None:
    said = act(tick(BODY, "wrong"), BODY)
    assert edit_events(OURS, [], said, Permission.WRITE) == []
    (event,) = reason_events(OURS, [], said, Permission.WRITE)
    assert (event.kind, event.reason, event.actor) == (FeedbackKind.REASON, "wrong", ANNA)
    assert reason_events(OURS, [event], said, Permission.WRITE) == []


def test_a_box_that_is_cleared_takes_the_reason_back_whoever_clears_it() -> None:
    (event,) = reason_events(OURS, [], act(tick(BODY, "wrong"), BODY), Permission.WRITE)
    clear = act(BODY, tick(BODY, "wrong"), BO, minutes=2)
    (taken,) = reason_events(OURS, [event], clear, Permission.WRITE)
    assert taken.retracts == event.id and taken.actor == BO
    assert judge(OURS, [event])[1] and not judge(OURS, [event, taken])[1]
    assert reason_events(OURS, [event, taken], clear, Permission.WRITE) == []


def test_a_clearing_from_before_the_tick_that_is_heard_of_late_takes_nothing_back() -> None:
    (event,) = reason_events(OURS, [], act(tick(BODY, "wrong"), BODY, minutes=3), Permission.WRITE)
    late = act(BODY, tick(BODY, "wrong"), BO, minutes=2)
    assert reason_events(OURS, [event], late, Permission.WRITE) == []


def test_boxes_that_no_webhook_told_of_are_found_in_the_history_each_by_its_editor() -> None:
    one, two = tick(BODY, "wrong"), tick(BODY, "wrong", "long")
    made = [(US, BODY), (ANNA, one), (US, one + "\n"), (BO, two)]
    revisions = tuple(
        Revision(editor=who, ours=who is US, at=START + timedelta(minutes=n), deleted_at=None, text=text)
        for n, (who, text) in enumerate(made)
    )
    history = History(body=two, revisions=revisions, whole=True)
    found = reasons_in(OURS, [], history)
    assert [(e.actor.login, e.reason) for e in found] == [("anna", "wrong"), ("bo", "long")]
    assert set(editors(found)) == {7, 8}
    (told,) = reason_events(OURS, [], act(one, BODY), Permission.WRITE)
    assert [e.reason for e in reasons_in(OURS, [told], history)] == ["long"]
    assert told.id == found[0].id


def test_where_diff_is_no_whole_text_nobody_is_made_the_one_who_ticked_anothers_box() -> None:
    """BO changed a word after ANNA's tick; what the history tells are patches."""
    body = tick(BODY, "wrong").replace("npm test", "make check")
    made = [(US, BODY), (ANNA, "@@ -9 +9 @@\n-- [ ]\n+- [x]"), (BO, "@@ -1 +1 @@\n-npm test\n+make check")]
    revisions = tuple(
        Revision(editor=who, ours=who is US, at=START + timedelta(minutes=n), deleted_at=None, text=text)
        for n, (who, text) in enumerate(made)
    )
    assert reasons_in(OURS, [], History(body=body, revisions=revisions, whole=True)) == []


def reason(name: str, actor: Actor = ANNA) -> Feedback:
    made = event_of(OURS, FeedbackKind.REASON, actor, Permission.WRITE, START, name)
    return replace(made, reason=name)


def thumb(kind: Reaction, actor: Actor = ANNA) -> Feedback:
    made = event_of(OURS, FeedbackKind.REACTION, actor, Permission.WRITE, START, kind.value)
    return replace(made, reaction=kind)


def masses(*events: Feedback) -> dict[PhraseKind, float]:
    phrases, evidence = judge(OURS, events)
    kinds = {one.id: one.kind for one in phrases}
    found: dict[PhraseKind, float] = {}
    for row in evidence:
        found[kinds[row.phrase_id]] = found.get(kinds[row.phrase_id], 0.0) + row.mass
    return {kind: round(mass, 6) for kind, mass in found.items()}


def test_a_reason_directs_a_persons_one_vote_and_adds_none() -> None:
    down = masses(thumb(Reaction.MINUS_ONE))
    assert down[PhraseKind.WORDING] < -0.5
    assert masses(reason("wrong")) == masses(thumb(Reaction.MINUS_ONE), reason("wrong")) == down
    assert masses(thumb(Reaction.MINUS_ONE), reason("long")) == {PhraseKind.LENGTH: 1.0}
    assert masses(reason("unasked")) == {PhraseKind.SILENCE: 1.0}
    both = masses(reason("wrong"), reason("long"))
    assert (
        both[PhraseKind.LENGTH] == 0.5 and abs(both[PhraseKind.WORDING] - down[PhraseKind.WORDING] / 2) < 1e-5
    )
    (limit,) = (p.limit_words for p in judge(OURS, [reason("long")])[0])
    assert limit == 40, "two thirds of its sixty words"


def test_a_short_answer_that_is_called_long_teaches_no_limit() -> None:
    short = posted(text="Run `npm test` in the root folder.", phrase_ids=(), repairs=())
    said = replace(reason("long"), answer_id=short.id)
    assert {one.kind for one in judge(short, [said])[0]} == {PhraseKind.WORDING}


def test_boxes_of_one_answer_are_one_signal_of_the_day() -> None:
    assert over([reason(name) for name in BOXES] * 5) == frozenset()


def test_an_answer_hidden_for_what_it_is_is_one_voice_and_tidying_up_is_none() -> None:
    for why, counts in (("spam", True), ("off-topic", True), ("outdated", False), ("resolved", False)):
        (event,) = hidden_events(OURS, [], why, NOW)
        assert event.actor == SOMEBODY and event.reason == why and heard(event) is counts
        assert masses(event) == (masses(thumb(Reaction.MINUS_ONE)) if counts else {})


def test_hiding_is_seen_once_and_showing_again_or_another_reason_takes_it_back() -> None:
    (event,) = hidden_events(OURS, [], "spam", NOW)
    assert hidden_events(OURS, [event], "spam", NOW + timedelta(hours=1)) == []
    (shown,) = hidden_events(OURS, [event], "", NOW + timedelta(hours=1))
    assert shown.retracts == event.id and not judge(OURS, [event, shown])[1]
    other = hidden_events(OURS, [event], "outdated", NOW + timedelta(hours=1))
    assert [one.kind for one in other] == [FeedbackKind.RETRACTION, FeedbackKind.HIDDEN]
    (again,) = hidden_events(OURS, [event, shown], "spam", NOW + timedelta(hours=2))
    assert again.id != event.id


def test_our_acknowledgement_leaves_the_boxes_as_they_are() -> None:
    from bot.acknowledgement import Learned, with_learned
    from tests.unit.storage.things import phrase

    body = tick(BODY, "long")
    after = with_learned(body, [Learned(phrase=phrase(), login="anna")])
    assert ticked(after) == {"long"}
    standing = Post(id=1, kind=PostKind.COMMENT, author=US, body=body, created_at=NOW, url="", by_us=True)
    assert amended(standing, after, ()) == after
