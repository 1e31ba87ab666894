"""What boxes say about proposals, by webhook or from the history, and whose tick counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.acknowledgement import Learned, with_learned
from bot.effects import effects
from bot.github_shapes import History, Revision
from bot.outgoing import amended
from bot.proposals import MOST, events, propose, rulings, rulings_in, shown, taught, with_proposals
from bot.replies import Suggestion
from bot.reply import END, Marker, Why, answer_text, parse_marker, render_body, with_boxes
from learning.memory.phrases import judge
from storage.records import (
    Actor,
    Agreed,
    FeedbackKind,
    Permission,
    PhraseKind,
    Post,
    PostKind,
    Proposal,
)
from tests.unit.storage.things import NOW, phrase, posted

TEXT = "Run `npm test` in the root folder.\n\nIt takes a minute."
OURS = posted(text=TEXT, comment_id=99, phrase_ids=(), repairs=())
BODY = str(render_body(TEXT, Why(marker=Marker(answer_id=OURS.id), boxes=True)))
START = NOW.replace(microsecond=0)
ANNA, BO = Actor(id=7, login="anna"), Actor(id=8, login="bo")
US = Actor(id=1, login="thumbprint", is_bot=True)
WRITE = {7: Permission.WRITE, 8: Permission.WRITE}


def proposed(right: str = "make check", wrong: str = "npm test") -> Proposal:
    url = "https://github.com/o/r/issues/3#issuecomment-5"
    return propose(OURS, Suggestion(right=right, wrong=wrong), ANNA, url, START)


ONE = proposed()
SHOWN = with_proposals(BODY, OURS, TEXT, [ONE])


def tick(body: str, word: str = "Learn") -> str:
    assert f"- [ ] {word}" in body
    return body.replace(f"- [ ] {word}", f"- [x] {word}")


def test_a_proposal_stands_in_the_fold_is_inert_and_no_text_of_the_answer() -> None:
    assert "- [ ] Learn: write `make check`, not `npm test`, says [`@anna`](" in SHOWN
    assert answer_text(SHOWN) == TEXT and parse_marker(SHOWN) == parse_marker(BODY)
    assert effects(SHOWN, ours=True) == effects(BODY, ours=True)
    standing = Post(id=1, kind=PostKind.COMMENT, author=US, body=BODY, created_at=NOW, url="", by_us=True)
    assert amended(standing, SHOWN, ("github.com",)) == SHOWN
    assert with_proposals(SHOWN, OURS, TEXT, [ONE]) == SHOWN, "written twice is written once"
    assert with_proposals(SHOWN, OURS, TEXT, []) == BODY


@pytest.mark.parametrize("wording", ["@team", "fixes #1", "` <img src=x>", "-->", "](https://evil.example)"])
def test_whatever_a_reply_names_does_nothing_in_our_comment(wording: str) -> None:
    body = with_proposals(BODY, OURS, TEXT, [proposed(right=wording)])
    assert "Learn" in body and effects(body, ours=True) == effects(BODY, ours=True)
    assert answer_text(body) == TEXT


def test_writing_our_parts_anew_leaves_a_box_as_somebody_just_left_it() -> None:
    ticked = tick(SHOWN)
    assert "- [x] Learn" in with_proposals(ticked, OURS, TEXT, [ONE, proposed("uv", "pip")])
    confirmed = replace(ONE, decision=Agreed.CONFIRMED, decided_at=START)
    assert "- [ ] Learn" in with_proposals(SHOWN, OURS, TEXT, [confirmed]), "cleared, and not heard of yet"
    assert "- [x] Learn" in with_proposals(BODY, OURS, TEXT, [confirmed])


def test_ticking_confirms_dropping_refuses_and_clearing_takes_back() -> None:
    (yes,) = rulings([ONE], SHOWN, tick(SHOWN), BO, START)
    assert (yes.decision, yes.actor) == (Agreed.CONFIRMED, BO)
    (no,) = rulings([ONE], SHOWN, tick(SHOWN, "Drop"), BO, START)
    assert no.decision is Agreed.REFUSED
    confirmed = replace(ONE, decision=Agreed.CONFIRMED, decided_at=START)
    assert rulings([confirmed], SHOWN, tick(SHOWN), BO, START) == []
    (back,) = rulings([confirmed], tick(SHOWN), SHOWN, ANNA, START)
    assert back.decision is Agreed.REFUSED
    assert rulings([confirmed], tick(SHOWN), BODY, ANNA, START) == [], "a box that is gone was not cleared"
    (late,) = rulings([ONE], "", tick(SHOWN), BO, START)
    assert late == yes, "the former body may be missing"
    refused = replace(ONE, decision=Agreed.REFUSED, decided_at=START)
    assert rulings([refused], SHOWN, tick(SHOWN), BO, START) == []


def test_a_browsers_ends_of_lines_change_nothing() -> None:
    ticked, crlf = tick(SHOWN), tick(SHOWN).replace("\n", "\r\n")
    assert rulings([ONE], SHOWN.replace("\n", "\r\n"), crlf, BO, START) == rulings(
        [ONE], SHOWN, ticked, BO, START
    )
    confirmed = replace(ONE, decision=Agreed.CONFIRMED, decided_at=START)
    (back,) = rulings([confirmed], crlf, SHOWN.replace("\n", "\r\n"), BO, START)
    assert back.decision is Agreed.REFUSED
    assert with_proposals(crlf, OURS, TEXT, [ONE]) == ticked == with_boxes(crlf).replace("\r\n", "\n")


def test_a_tick_teaches_in_the_name_of_whoever_made_it_if_their_edit_would() -> None:
    made = rulings([ONE], SHOWN, tick(SHOWN), BO, START)
    for permission in Permission:
        (found, counted) = events(OURS, [], made, {8: permission})
        assert bool(found) is bool(counted) is permission.writes
    (found, _) = events(OURS, [], made, WRITE)
    assert (found[0].kind, found[0].actor, found[0].url) == (FeedbackKind.REPLY, BO, ONE.url)
    phrases, evidence = judge(OURS, found)
    assert [(p.kind, p.text, p.right) for p in phrases] == [(PhraseKind.CORRECTION, "npm test", "make check")]
    assert sum(row.mass for row in evidence) == pytest.approx(1.0), "as much as one edit"
    back = rulings(
        [replace(ONE, decision=Agreed.CONFIRMED, decided_at=START)], tick(SHOWN), SHOWN, ANNA, START
    )
    (taken, _) = events(OURS, found, back, WRITE)
    assert [one.retracts for one in taken] == [found[0].id] and judge(OURS, [*found, *taken])[1] == []
    machine = rulings([ONE], SHOWN, tick(SHOWN), replace(BO, is_bot=True), START)
    assert events(OURS, [], machine, WRITE) == ([], [])


def test_ticks_that_no_webhook_told_of_are_found_in_the_history_in_their_order() -> None:
    ticked = tick(SHOWN)
    made = [(US, BODY), (US, SHOWN), (ANNA, ticked), (US, ticked + "\n"), (BO, SHOWN)]
    revisions = tuple(
        Revision(editor=who, ours=who is US, at=START + timedelta(minutes=n), deleted_at=None, text=text)
        for n, (who, text) in enumerate(made)
    )
    found = rulings_in([ONE], History(body=SHOWN, revisions=revisions, whole=True))
    assert [(one.decision, one.actor.login) for one in found] == [
        (Agreed.CONFIRMED, "anna"),
        (Agreed.REFUSED, "bo"),
    ]
    (said, counted) = events(OURS, [], found, WRITE)
    assert [one.kind for one in said] == [FeedbackKind.REPLY, FeedbackKind.RETRACTION] and len(counted) == 2
    done = replace(ONE, decision=Agreed.REFUSED, decided_at=START + timedelta(minutes=4))
    assert rulings_in([done], History(body=SHOWN, revisions=revisions, whole=True)) == []
    confirmed = replace(ONE, decision=Agreed.CONFIRMED, decided_at=START + timedelta(minutes=2))
    (only,) = rulings_in([confirmed], History(body=SHOWN, revisions=revisions, whole=True))
    assert only.decision is Agreed.REFUSED


def test_where_diff_is_no_whole_text_nobody_is_made_the_one_who_confirmed() -> None:
    """BO changed a word after ANNA's tick; what the history tells are patches."""
    body = tick(SHOWN).replace("a minute", "an hour")
    made = [(US, SHOWN), (ANNA, "@@ -9 +9 @@\n-- [ ]\n+- [x]"), (BO, "@@ -3 +3 @@\n-a minute\n+an hour")]
    revisions = tuple(
        Revision(editor=who, ours=who is US, at=START + timedelta(minutes=n), deleted_at=None, text=text)
        for n, (who, text) in enumerate(made)
    )
    assert rulings_in([ONE], History(body=body, revisions=revisions, whole=True)) == []


def test_a_comment_shows_the_confirmed_and_the_oldest_open_ones() -> None:
    many = [proposed(f"make check{n}") for n in range(MOST + 2)]
    confirmed = replace(many[-1], decision=Agreed.CONFIRMED, decided_at=START)
    refused = replace(many[0], decision=Agreed.REFUSED, decided_at=START)
    assert shown([refused, *many[1:-1], confirmed]) == [*many[1 : MOST + 1], confirmed]


def test_a_suggestion_teaches_a_form_or_a_mention_and_nothing_else() -> None:
    kinds = {one.phrase.kind for one in taught(OURS, TEXT, Suggestion(right="make check", wrong="npm test"))}
    assert kinds == {PhraseKind.CORRECTION}
    kinds = {one.phrase.kind for one in taught(OURS, TEXT, Suggestion(right="make check"))}
    assert kinds == {PhraseKind.MENTION}
    assert taught(OURS, TEXT, Suggestion(right="root  folder", wrong="root folder")) == []


WORDS = st.text(st.sampled_from("ab \n`-[]x<>!/@#*_~:"), max_size=40)
OWN = st.sampled_from(["", BODY, SHOWN, tick(SHOWN), BODY.replace(END, ""), BODY.replace("</details>", "")])


@given(WORDS, OWN, st.lists(st.tuples(WORDS, WORDS), max_size=3), st.booleans())
def test_whatever_stands_there_and_whatever_is_proposed_the_answers_text_stays(
    text: str, own: str, named: list[tuple[str, str]], taught_too: bool
) -> None:
    body = f"{text}\n\n{own}"
    proposals = [proposed(right, wrong) for right, wrong in named]
    lessons = [Learned(phrase=phrase(), login="anna")] if taught_too else []

    def written(body: str) -> str:
        body = with_proposals(with_boxes(body), OURS, TEXT, proposals)
        return with_learned(body, lessons, proposed=[one.by.login for one in proposals])

    once = written(body)
    assert answer_text(once) == answer_text(body) and parse_marker(once) == parse_marker(body)
    assert written(once) == once
