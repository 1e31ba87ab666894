"""Folding: the same bits in any order, one by one or at once; who counts, and what an edit leaves behind."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.memory.phrases import EDIT_MASS, REACTIONS, fold, judge, weigh
from storage.records import (
    Answer,
    Evidence,
    Feedback,
    FeedbackKind,
    Permission,
    Phrase,
    PhraseKind,
    PhraseWeight,
    Reaction,
    Repair,
)
from tests.unit.learning.memory.people import (
    BOT,
    NOW,
    SECOND,
    WRITER,
    answer,
    edit,
    event,
    of_kind,
    react,
    reader,
    retract,
)

TEXTS = (
    "Call `load_all(x)` first. Then frobnicate the widget.",
    "Call `load_some(x)` first. Then frobnicate the widget.",
    "Call `load_some(x)` first. See `docs/load.md` for more.",
    "As an AI language model, I cannot do that. Run `pip install thing`.",
    "Run `uv add thing`.",
    "—",
)
ANSWERS = tuple(answer(TEXTS[n % 4], f"How do I load widget {n}?", n) for n in range(4))


@st.composite
def histories(draw: st.DrawFn) -> list[Feedback]:
    """Events about the answers: reactions, edits, deletions, and retractions of any of them."""
    events: list[Feedback] = []
    for minute in range(draw(st.integers(1, 14))):
        to = draw(st.sampled_from(ANSWERS))
        who = draw(st.sampled_from([WRITER, SECOND, BOT, *(reader(n) for n in range(4))]))
        permission = draw(st.sampled_from(list(Permission)))
        kind = draw(st.sampled_from(["react", "edit", "delete", "retract"]))
        if kind == "react":
            events.append(react(to, draw(st.sampled_from(list(Reaction))), who, permission, minute))
        elif kind == "edit":
            events.append(edit(to, draw(st.sampled_from(TEXTS)), who, permission, minute))
        elif kind == "delete":
            events.append(event(to, FeedbackKind.DELETION, who, permission, minute))
        elif events:
            events.append(retract(draw(st.sampled_from(events)), who, permission, minute))
    return events


def replayed(events: list[Feedback], hours: float = 24) -> dict[str, PhraseWeight]:
    of = [(a, [e for e in events if e.answer_id == a.id]) for a in ANSWERS]
    return fold(of, NOW + timedelta(hours=hours))


@given(histories(), st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_weights_are_the_same_bits_in_any_order_and_with_any_event_seen_twice(
    events: list[Feedback], random: object
) -> None:
    shuffled = events + events[: len(events) // 2]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert repr(replayed(shuffled)) == repr(replayed(events))


@given(histories(), st.floats(0, 10_000))
@settings(max_examples=100, deadline=None)
def test_folding_events_one_by_one_gives_the_same_bits_as_replaying_all(
    events: list[Feedback], hours: float
) -> None:
    now = NOW + timedelta(hours=hours)
    known: dict[str, list[Feedback]] = defaultdict(list)
    phrases: dict[str, Phrase] = {}
    rows: dict[str, list[Evidence]] = {}
    weights: dict[str, PhraseWeight] = {}
    by_id = {a.id: a for a in ANSWERS}
    for one in events:
        known[one.answer_id].append(one)
        found, evidence = judge(by_id[one.answer_id], known[one.answer_id])
        touched = {row.phrase_id for row in rows.get(one.answer_id, [])} | {row.phrase_id for row in evidence}
        rows[one.answer_id] = evidence
        phrases.update((phrase.id, phrase) for phrase in found)
        for name in touched:
            mine = [row for kept in rows.values() for row in kept if row.phrase_id == name]
            weights.pop(name, None)
            if mine:
                weights[name] = weigh(phrases[name], mine, now)
    assert repr(dict(sorted(weights.items()))) == repr(replayed(events, hours))


@given(histories())
@settings(max_examples=100, deadline=None)
def test_no_event_gives_more_mass_than_it_is_worth(events: list[Feedback]) -> None:
    worth = {e.id: abs(REACTIONS[e.reaction]) if e.reaction else EDIT_MASS for e in events}
    for a in ANSWERS:
        masses: dict[str, list[float]] = defaultdict(list)
        for row in judge(a, events)[1]:
            masses[row.event_id].append(abs(row.mass))
        for name, given_masses in masses.items():
            assert math.fsum(given_masses) <= worth[name] + 1e-9


@given(histories())
@settings(max_examples=60, deadline=None)
def test_retracting_everything_leaves_nothing(events: list[Feedback]) -> None:
    done = [e for e in events if e.kind is not FeedbackKind.RETRACTION]
    assert replayed([*done, *(retract(e) for e in done)]) == {}


def test_an_edit_shares_out_exactly_its_mass() -> None:
    a = answer("Call `load_all(x)`. As an AI language model, I cannot test it.")
    rows = judge(a, [edit(a, "Call `load_some(x)`.")])[1]
    assert math.fsum(abs(row.mass) for row in rows) == pytest.approx(EDIT_MASS)


def test_where_an_import_was_corrected_so_is_every_use_even_one_that_the_edit_left() -> None:
    before = "```python\nimport json\n\nsaid = json.JSONDecoder().decode(text)\n```"
    after = before.replace("import json", "import orjson")
    asked = answer(before, "How do I read json?")
    weights = {w.phrase.text: w for w in fold([(asked, [edit(asked, after)])], NOW).values()}
    assert weights["json."].weight > 0 and weights["json."].phrase.right == "orjson."
    back = edit(asked, before, before=after, minute=5)
    assert not fold([(asked, [edit(asked, after), back])], NOW), "and taken back, it is gone"
    kept = f"{after}\n\n```python\nimport json\n```"
    left = edit(asked, kept)
    assert "json." not in {w.phrase.text for w in fold([(asked, [left])], NOW).values()}


def test_a_revert_retracts() -> None:
    a = answer(TEXTS[0])
    changed = edit(a, TEXTS[1], minute=1)
    back = edit(a, TEXTS[0], by=SECOND, minute=2, before=TEXTS[1])
    assert judge(a, [changed])[1]
    assert judge(a, [changed, back]) == ([], [])


def test_an_edit_teaches_only_what_still_stands_and_whoever_brought_it_in() -> None:
    a = answer("Call `load_all(x)`. Keep it in setup.py for now.")
    first = edit(a, "Call `load_some(x)`. Keep it in setup.cfg for now.", minute=1)
    second = edit(
        a, "Call `load_some(x)`. Keep it in pyproject.toml for now.", SECOND, minute=2, before=first.after
    )
    phrases, rows = judge(a, [first, second])
    by = {p.right: row.actor_id for p in phrases for row in rows if row.phrase_id == p.id}
    assert by == {"load_some": WRITER.id, "pyproject.toml": SECOND.id}


def test_taking_back_an_edit_in_the_middle_takes_back_what_it_brought_in() -> None:
    a = answer("Call `load_all(x)`. Keep it in setup.py for now.")
    first = edit(a, "Call `load_some(x)`. Keep it in setup.py for now.", minute=1)
    second = edit(
        a, "Call `load_some(x)`. Keep it in pyproject.toml for now.", SECOND, minute=2, before=first.after
    )
    phrases, _ = judge(a, [first, second, retract(first)])
    assert [p.right for p in phrases] == ["pyproject.toml"]


def test_a_retraction_can_be_taken_back() -> None:
    a = answer(TEXTS[0])
    changed = edit(a, TEXTS[1])
    undone = retract(changed, minute=1)
    assert judge(a, [changed, undone, retract(undone, minute=2)]) == judge(a, [changed])


@pytest.mark.parametrize(("permission", "holds"), [(Permission.READ, True), (Permission.WRITE, False)])
def test_only_its_author_or_a_writer_takes_back_an_event(permission: Permission, holds: bool) -> None:
    a = answer(TEXTS[0])
    changed = edit(a, TEXTS[1])
    assert bool(judge(a, [changed, retract(changed, reader(1), permission)])[1]) is holds


def test_withdrawing_the_latest_of_two_reactions_lets_the_former_count_again() -> None:
    a = answer(TEXTS[0])
    up, down = react(a, minute=1), react(a, Reaction.MINUS_ONE, minute=2)
    assert judge(a, [up, down]) == judge(a, [down])
    assert judge(a, [up, down, retract(down)]) == judge(a, [up])
    assert judge(a, [up, down, retract(up)]) == judge(a, [down])
    assert judge(a, [up, down, retract(up), retract(down)]) == ([], [])


def test_eyes_do_not_take_the_place_of_a_thumb() -> None:
    a = answer(TEXTS[0])
    thumb, eyes = react(a, minute=1), react(a, Reaction.EYES, minute=2)
    assert judge(a, [thumb, eyes]) == judge(a, [thumb])
    assert judge(a, [eyes]) == ([], [])


def test_every_reaction_has_a_value() -> None:
    assert set(REACTIONS) == set(Reaction)
    assert all(-1.0 <= value <= 1.0 for value in REACTIONS.values())


def test_a_reaction_judges_the_text_that_stood_then() -> None:
    a = answer("Frobnicate the widget.")
    changed = edit(a, "Defenestrate the gadget.", minute=5)

    def spoken_for(minute: float) -> set[str]:
        thumb = react(a, by=SECOND, minute=minute)
        phrases, rows = judge(a, [changed, thumb])
        text = {phrase.id: phrase.text for phrase in phrases}
        return {text[row.phrase_id] for row in rows if row.event_id == thumb.id}

    early, late = spoken_for(1), spoken_for(9)
    assert "frobnicate" in early and not any("gadget" in said for said in early)
    assert "gadget" in late and not any("frobnicate" in said for said in late)


def test_a_deletion_teaches_silence_and_speaks_against_the_text() -> None:
    a = answer("Frobnicate the widget.", "Can you do my homework about widgets?")
    weights = list(fold([(a, [event(a, FeedbackKind.DELETION)])], NOW).values())
    (silence,) = of_kind(weights, PhraseKind.SILENCE)
    assert silence.active
    assert silence.contexts == (a.question.text,)
    wordings = of_kind(weights, PhraseKind.WORDING)
    assert wordings and all(w.weight < 0 for w in wordings)


def test_an_answer_edited_down_to_nothing_teaches_silence() -> None:
    a = answer("Frobnicate the widget with the left hand.")
    weights = list(fold([(a, [edit(a, "—")])], NOW).values())
    assert [w.phrase.kind for w in weights] == [PhraseKind.SILENCE]


def test_a_mention_that_a_person_takes_out_of_an_answer_is_unlearned() -> None:
    teacher = answer("Use a list.", number=1)
    said = "See `docs/lists.md` for our rules."
    lesson = edit(teacher, f"Use a list.\n\n{said}", minute=1)
    (mention,) = of_kind(list(fold([(teacher, [lesson])], NOW).values()), PhraseKind.MENTION)
    assert mention.active
    later = replace(
        answer(f"Use a set.\n\n{said}", number=2),
        repairs=(Repair(phrase_id=mention.phrase.id, before="", after=said),),
    )
    removed = edit(later, "Use a set.", minute=60)
    weights = fold([(teacher, [lesson]), (later, [removed])], NOW + timedelta(hours=2))
    assert not weights[mention.phrase.id].active


def test_evidence_names_the_person_the_event_and_the_question() -> None:
    a: Answer = answer(TEXTS[0], "How do I load it?")
    changed = edit(a, TEXTS[1])
    (row,) = judge(a, [changed])[1]
    assert (row.event_id, row.actor_login, row.question) == (changed.id, "writer", "How do I load it?")


def test_what_we_say_where_we_do_not_answer_is_judged_by_nobody_but_an_edit_of_it_teaches() -> None:
    hint = replace(answer("Write the question behind the widget.", ""), abstained="the question is empty")
    assert not fold([(hint, [react(hint, Reaction.MINUS_ONE)])], NOW)
    assert not fold([(hint, [event(hint, FeedbackKind.DELETION)])], NOW)
    answered = [
        edit(hint, "Frobnicate the `widget.conf` with `make widget`."),
        react(hint, Reaction.HEART, SECOND),
    ]
    assert fold([(hint, answered)], NOW)
