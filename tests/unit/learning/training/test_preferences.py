"""What people did to answers becomes rows, and what nobody did, or nobody is heard about, becomes none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.memory.hearing import over
from learning.prompt import TEMPLATE, build
from learning.training.columns import KINDS, line, record
from learning.training.preferences import Item, items
from learning.training.rows import Demonstration, Judged, PreferencePair, Source, Split, Triplet
from learning.training.splitting import split_of, thread_group
from storage.records import (
    Actor,
    Answer,
    AnswerStatus,
    Attempt,
    Candidate,
    Decision,
    Draft,
    Feedback,
    FeedbackKind,
    Generation,
    Permission,
    Prompt,
    Reaction,
    Story,
)
from tests.unit.learning.memory.people import (
    BOT,
    NOW,
    SECOND,
    WRITER,
    answer,
    edit,
    event,
    react,
    reader,
    retract,
)

TEXT = "Run `npm test` in the root folder of the project."
RIGHT = "Run `make check` in the root folder of the project."
DOWN, UP = Reaction.MINUS_ONE, Reaction.PLUS_ONE


def story(
    told: Answer, *events: Feedback, prompt: str | None = None, draft: Draft | None = None, **changes: Any
) -> Story:
    """An answer with the prompt that made it, a candidate that nobody saw, and events."""
    named = f"p-{told.id}"
    asked = Prompt(
        id=named,
        answer_id=told.id,
        attempt=0,
        template=TEMPLATE,
        messages=build(prompt or f"{told.question.text} {told.question.number}", ""),
        phrase_ids=(),
        tokens=9,
    )
    made = Generation(
        id="g", prompt_id=named, model="base", seed=1, temperature=0.7, top_p=0.9, max_tokens=99, n=2
    )
    wrote = tuple(
        Candidate(
            id=f"{told.id}-{n}",
            generation_id="g",
            index=n,
            text=text,
            tokens=9,
            logprob=-1.0,
            finish_reason="stop",
        )
        for n, text in enumerate((told.text, "Nobody ever saw this text."))
    )
    posted = replace(told, candidate_id=f"{told.id}-0", **changes)
    attempt = Attempt(prompt=asked, generation=made, candidates=wrote)
    return Story(answer=posted, attempts=(attempt,), feedback=events, draft=draft)


def of(kind: type[Any], found: Sequence[Item]) -> list[Any]:
    return [item.row for item in found if type(item.row) is kind]


def rows(*stories: Story, private: bool = False, **more: Any) -> list[Item]:
    return items(stories, private=private, **more)


TOLD = answer(TEXT)


def test_an_edit_is_the_corrected_text_over_the_posted_one_under_its_own_prompt() -> None:
    whole = story(TOLD, edit(TOLD, RIGHT))
    found = rows(whole)
    [pair] = of(PreferencePair, found)
    assert (pair.chosen, pair.rejected) == (RIGHT, TEXT)
    assert pair.prompt == whole.attempts[0].prompt.messages
    assert 0 < pair.margin <= 1
    assert pair.origin.source is Source.EDIT
    [triplet] = of(Triplet, found)
    assert (triplet.question, triplet.better, triplet.worse) == (TOLD.question.text, RIGHT, TEXT)
    [kept] = of(Demonstration, found)
    assert (kept.prompt, kept.completion, kept.origin.source) == (pair.prompt, RIGHT, Source.EDIT)
    assert not of(Judged, found)


def test_a_row_says_where_it_is_from() -> None:
    made = edit(TOLD, RIGHT, minute=5)
    whole = story(replace(TOLD, comment_url="https://github.com/o/n/issues/1#c"), made)
    [pair] = of(PreferencePair, rows(whole, private=True))
    origin = pair.origin
    group = thread_group(1, 1)
    assert (origin.group, origin.split) == (group, split_of(group))
    assert (origin.repository_id, origin.private) == (1, True)
    assert (origin.people, origin.trust) == ((WRITER.id,), "write")
    assert (origin.asked_at, origin.judged_at) == (NOW, made.at)
    assert (origin.adapter, origin.template) == ("base", TEMPLATE)
    assert (origin.is_generated, origin.is_paraphrased) == (True, False)
    assert origin.url == "https://github.com/o/n/issues/1#c"


def test_silence_is_no_signal() -> None:
    assert rows(story(TOLD), story(answer("Another one.", number=2))) == []
    seen = event(TOLD, FeedbackKind.REACTION, reaction=Reaction.EYES)
    assert rows(story(TOLD, seen)) == []


@pytest.mark.parametrize(
    "after",
    [
        TEXT + "  \n",
        TEXT.replace("folder", "folders"),
        TEXT.replace("Run", "run"),
        TEXT.rstrip("."),
        TEXT.replace("project", "porject"),
    ],
)
def test_a_cosmetic_edit_teaches_nothing(after: str) -> None:
    assert rows(story(TOLD, edit(TOLD, after))) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"status": AnswerStatus.DELETED},
        {"status": AnswerStatus.CANCELLED},
        {"status": AnswerStatus.FAILED},
        {"notice": "refused"},
        {"abstained": "no model"},
        {"question": replace(TOLD.question, text="")},
    ],
)
def test_what_is_no_standing_answer_or_was_emptied_is_gone(changes: dict[str, Any]) -> None:
    assert rows(story(TOLD, edit(TOLD, RIGHT), react(TOLD), **changes)) == []


def test_an_emptied_prompt_is_gone() -> None:
    whole = story(TOLD, edit(TOLD, RIGHT))
    [attempt] = whole.attempts
    bare = replace(attempt, prompt=replace(attempt.prompt, messages=()))
    assert rows(replace(whole, attempts=(bare,))) == []


def test_what_was_taken_back_is_gone() -> None:
    for made in (edit(TOLD, RIGHT), react(TOLD), react(TOLD, DOWN)):
        assert rows(story(TOLD, made))
        assert rows(story(TOLD, made, retract(made))) == []


def test_what_was_forgotten_or_withdrawn_is_gone() -> None:
    made, liked = edit(TOLD, RIGHT), react(TOLD, by=SECOND, minute=9)
    assert of(PreferencePair, rows(story(TOLD, made, liked), gone={liked.id}))
    assert rows(story(TOLD, made, liked), gone={made.id, liked.id}) == []


def test_a_text_that_a_redacted_edit_went_into_is_gone_until_ours_stands_again() -> None:
    """The second person built on words that the first had to take back."""
    first = edit(TOLD, RIGHT + " The key is here.", by=SECOND, minute=1)
    second = edit(TOLD, RIGHT + " The key is here, too.", minute=2, before=first.after)
    redacted = retract(first, minute=3)
    assert rows(story(TOLD, first, second, redacted)) == []
    back = edit(TOLD, TEXT, minute=4, before=second.after)
    again = edit(TOLD, RIGHT, minute=5)
    found = rows(story(TOLD, first, second, redacted, back, again))
    assert [pair.chosen for pair in of(PreferencePair, found)] == [RIGHT]
    assert not any("key" in line(record(kind, row)) for kind in KINDS for row in of(kind.row, found))


def test_an_edit_that_was_reverted_teaches_nothing() -> None:
    made = edit(TOLD, RIGHT, minute=1)
    assert rows(story(TOLD, made, edit(TOLD, TEXT, by=SECOND, minute=2, before=RIGHT))) == []


@pytest.mark.parametrize("permission", [Permission.NONE, Permission.PUBLIC, Permission.READ])
def test_whoever_the_table_of_rights_leaves_out_makes_no_row(permission: Permission) -> None:
    by = Actor(id=50, login="stranger")
    found = rows(story(TOLD, edit(TOLD, RIGHT, by=by, permission=permission)))
    assert found == []
    thumbs = [
        react(TOLD, DOWN, by=Actor(id=100 + n, login=f"s{n}"), permission=Permission.PUBLIC)
        for n in range(50)
    ]
    assert rows(story(TOLD, *thumbs)) == []


def test_bots_and_nobody_make_no_row() -> None:
    for by in (BOT, Actor(id=0, login="ghost")):
        assert rows(story(TOLD, react(TOLD, by=by), edit(TOLD, RIGHT, by=by, minute=3))) == []


def test_events_over_the_cap_of_the_day_make_no_row() -> None:
    told = [answer(TEXT, number=n) for n in range(1, 251)]
    edits = [edit(one, RIGHT + f" Number {n}.", minute=n) for n, one in enumerate(told)]
    late = over(edits)
    found = rows(*(story(one, made) for one, made in zip(told, edits, strict=True)), late=late)
    assert len(of(PreferencePair, found)) == 20


@pytest.mark.parametrize(("readers", "judged"), [(1, 0), (2, 0), (3, 1)])
def test_readers_are_believed_from_three_on(readers: int, judged: int) -> None:
    thumbs = [react(TOLD, DOWN, by=reader(n), permission=Permission.READ) for n in range(readers)]
    found = of(Judged, rows(story(TOLD, *thumbs)))
    assert [row.label for row in found] == [False] * judged
    assert all(row.origin.trust == "read" and len(row.origin.people) == readers for row in found)


def test_a_thumb_is_a_judged_answer_and_a_liked_one_a_demonstration() -> None:
    found = rows(story(TOLD, react(TOLD)))
    [judged] = of(Judged, found)
    assert (judged.completion, judged.label, judged.origin.source) == (TEXT, True, Source.THUMB)
    [kept] = of(Demonstration, found)
    assert (kept.completion, kept.origin.source) == (TEXT, Source.EXAMPLE)
    assert not of(PreferencePair, found)
    disliked = rows(story(TOLD, react(TOLD, DOWN)))
    assert [type(item.row) for item in disliked] == [Judged]


def test_who_contradict_each_other_say_nothing() -> None:
    assert rows(story(TOLD, react(TOLD), react(TOLD, DOWN, by=SECOND))) == []


def test_thumbs_make_a_pair_only_under_the_very_same_prompt() -> None:
    numbers = [n for n in range(1, 99) if split_of(thread_group(1, n)) is Split.TRAIN][:2]
    good, bad = answer(RIGHT, number=numbers[0]), answer(TEXT, number=numbers[1])
    liked, disliked = react(good), react(bad, DOWN, by=SECOND)
    apart = rows(story(good, liked), story(bad, disliked))
    assert not of(PreferencePair, apart) and len(of(Judged, apart)) == 2
    same = rows(story(good, liked, prompt="How?"), story(bad, disliked, prompt="How?"))
    [pair] = of(PreferencePair, same)
    assert (pair.chosen, pair.rejected, pair.margin) == (RIGHT, TEXT, 1.0)
    assert pair.origin.source is Source.THUMB
    assert pair.origin.people == (WRITER.id, SECOND.id)
    assert len(of(Judged, same)) == 2


def test_thumbs_in_two_parts_of_the_data_make_no_pair() -> None:
    parts = {split_of(thread_group(1, n)): n for n in range(1, 99)}
    good, bad = answer(RIGHT, number=parts[Split.TRAIN]), answer(TEXT, number=parts[Split.TEST])
    found = rows(
        story(good, react(good), prompt="How?"), story(bad, react(bad, DOWN, by=SECOND), prompt="How?")
    )
    assert not of(PreferencePair, found) and len(of(Judged, found)) == 2


def test_a_candidate_that_nobody_saw_is_in_no_row() -> None:
    found = rows(story(TOLD, edit(TOLD, RIGHT), react(TOLD, DOWN, by=SECOND)))
    assert found
    assert not any("Nobody ever saw" in repr(item) for item in found)


def test_a_confirmed_reply_teaches_as_an_edit() -> None:
    reply = event(TOLD, FeedbackKind.REPLY, minute=3, before=TEXT, after=RIGHT)
    [pair] = of(PreferencePair, rows(story(TOLD, reply)))
    assert (pair.chosen, pair.rejected, pair.origin.people) == (RIGHT, TEXT, (WRITER.id,))


def reason(why: str) -> Feedback:
    return replace(event(TOLD, FeedbackKind.REASON, minute=2), id=f"r-{why}", reason=why)


def test_a_ticked_reason_is_a_thumb_but_the_one_that_is_about_the_question() -> None:
    assert [row.label for row in of(Judged, rows(story(TOLD, reason("wrong"))))] == [False]
    assert rows(story(TOLD, reason("unasked"))) == []


def test_a_hidden_answer_is_no_demonstration() -> None:
    hidden = replace(
        event(TOLD, FeedbackKind.HIDDEN, Actor(id=0, login="ghost"), Permission.READ), reason="spam"
    )
    assert of(Demonstration, rows(story(TOLD, react(TOLD), hidden))) == []


def test_the_askers_own_thumb_makes_no_demonstration() -> None:
    asker = TOLD.question.asker
    found = rows(story(TOLD, react(TOLD, by=asker)))
    assert len(of(Judged, found)) == 1 and not of(Demonstration, found)


def draft(**changes: Any) -> Draft:
    made = Draft(
        answer_id=TOLD.id,
        repository_id=1,
        made_at=NOW,
        expires_at=NOW + timedelta(days=7),
        decision=Decision.APPROVED,
        decided_at=NOW,
    )
    return replace(made, **changes)


def test_an_approved_draft_is_a_demonstration_and_a_changed_one_nothing() -> None:
    [kept] = rows(story(TOLD, draft=draft()))
    assert isinstance(kept.row, Demonstration)
    assert (kept.row.origin.people, kept.row.origin.judged_at) == ((), NOW)
    assert rows(story(TOLD, edit(TOLD, RIGHT), draft=draft(edited=True))) == []
    assert rows(story(TOLD, draft=draft(decision=Decision.DISCARDED))) == []
    assert of(Demonstration, rows(story(TOLD, react(TOLD, DOWN), draft=draft()))) == []


def test_a_corrected_text_that_people_dislike_is_no_demonstration() -> None:
    found = rows(story(TOLD, edit(TOLD, RIGHT), react(TOLD, DOWN, by=SECOND, minute=9)))
    assert of(PreferencePair, found) and not of(Demonstration, found)


def test_an_edit_that_blanks_an_answer_is_no_row() -> None:
    assert not of(PreferencePair, rows(story(TOLD, edit(TOLD, " \n"))))
    assert not of(Demonstration, rows(story(TOLD, react(TOLD, by=SECOND), edit(TOLD, " \n", minute=9))))


PEOPLE = (WRITER, SECOND, BOT, reader(1))
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["edit", "react", "reply", "retract"]),
        st.integers(0, 3),
        st.sampled_from([TEXT, RIGHT, RIGHT + " Then stop.", "Ask `make help`.", ""]),
        st.sampled_from(list(Reaction)),
        st.integers(0, 9),
    ),
    max_size=8,
)


@settings(max_examples=60)
@given(acts=EVENTS, order=st.randoms(use_true_random=False))
def test_rows_follow_from_what_happened_and_not_from_the_order_in_which_it_is_told(
    acts: list[tuple[str, int, str, Reaction, int]], order: Any
) -> None:
    events: list[Feedback] = []
    stands = TEXT
    for minute, (verb, who, text, reaction, back) in enumerate(acts):
        by = PEOPLE[who]
        permission = Permission.READ if who == 3 else Permission.WRITE
        if verb == "edit":
            events.append(edit(TOLD, text, by, permission, minute, before=stands))
            stands = text
        elif verb == "react":
            events.append(react(TOLD, reaction, by, permission, minute))
        elif verb == "reply":
            events.append(
                event(TOLD, FeedbackKind.REPLY, by, permission, minute, before=stands, after=text + " Or so.")
            )
        elif events:
            events.append(retract(events[back % len(events)], minute=minute))
    found = rows(story(TOLD, *events))
    shuffled = list(events)
    order.shuffle(shuffled)
    again = rows(story(TOLD, *shuffled, *events[:2]))

    def lines(some: Sequence[Item]) -> list[str]:
        return sorted(line(record(kind, row)) for kind in KINDS for row in of(kind.row, some))

    assert lines(again) == lines(found)
    assert all(BOT.id not in item.row.origin.people for item in found)
