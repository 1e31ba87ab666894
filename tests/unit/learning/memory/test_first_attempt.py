"""One test for each fault of the first attempt at phrase weights (shared/docs/learning.md, section 1).

Those that show only in a whole answer (the score never read, no restart, the cache, placeholders) stand in
tests/unit/bot/test_first_attempt.py.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from learning.memory.choice import CLAMP, assess, biases, choose
from learning.memory.extract import PHRASES
from learning.memory.index import PhraseIndex
from learning.memory.phrases import fold, judge
from learning.memory.text import STOP
from storage.records import Permission, PhraseKind, Reaction
from tests.unit.learning.memory.people import (
    BOT,
    NOW,
    answer,
    edit,
    of_kind,
    react,
    reader,
    retract,
    taught,
    words,
)

LONG = " ".join(f"Parse stanza{n} carefully before frobnicating widget{n} tables." for n in range(40))
SHORT = "Parse stanza0 carefully before frobnicating widget0 tables."


def test_weights_carry_their_repository() -> None:
    one, two = answer("Use frobnicate."), answer("Use frobnicate.", repository=2)
    ids = [{phrase.id for phrase in judge(a, [react(a)])[0]} for a in (one, two)]
    assert ids[0]
    assert not ids[0] & ids[1]
    assert {p.repository_id for p in judge(two, [react(two)])[0]} == {2}


def test_reactions_on_the_bots_own_answers_are_what_counts() -> None:
    given = answer("Use the frobnicate helper.")
    assert fold([(given, [react(given)])], NOW)


def test_an_edit_is_a_correction_and_no_praise() -> None:
    weights = taught(("How?", "Call `load_all(x)` first.", "Call `load_some(x)` first."))
    (correction,) = of_kind(weights, PhraseKind.CORRECTION)
    assert (correction.phrase.text, correction.phrase.right) == ("load_all", "load_some")
    assert not [w for w in weights if w.weight > 0 and "load_all" in w.phrase.text and w is not correction]


def test_unchanged_text_is_silent() -> None:
    given = answer("Parse the stanza carefully. Then call `load_all(x)`.")
    phrases, _ = judge(given, [edit(given, "Parse the stanza carefully. Then call `load_some(x)`.")])
    assert not [p for p in phrases if "stanza" in p.text or "carefully" in p.text]


def test_one_vote_counts_once_however_often_it_is_seen() -> None:
    given = answer(SHORT)
    once, twice = react(given, minute=1), react(given, Reaction.HEART, minute=2)
    assert fold([(given, [once, once, once])], NOW) == fold([(given, [once])], NOW)
    assert fold([(given, [once, twice])], NOW) == fold([(given, [twice])], NOW)


def test_nobody_votes_for_their_own_words() -> None:
    given = answer("Call it.")
    changed = edit(given, SHORT, by=reader(1), permission=Permission.WRITE)
    with_vote = [changed, react(given, by=reader(1), minute=5)]
    assert fold([(given, with_vote)], NOW) == fold([(given, [changed])], NOW)


def test_bots_never_count() -> None:
    given = answer(SHORT)
    events = [react(given, by=BOT), edit(given, "Use frobnicate.", by=BOT), retract(react(given), by=BOT)]
    assert judge(given, events) == ([], [])


def test_phrases_are_words_and_never_stop_words_alone() -> None:
    given = answer(
        "It is the one that you would use if you are in the same place as the others: frobnicate it."
    )
    phrases, _ = judge(given, [react(given)])
    assert phrases
    for phrase in phrases:
        assert not all(word in STOP for word in phrase.text.split())
        assert all(len(word) > 1 for word in phrase.text.split())


def test_a_long_answer_teaches_no_more_than_a_short_one() -> None:
    long, short = answer(LONG), answer(SHORT, number=2)
    mass = [sum(row.mass for row in judge(a, [react(a)])[1]) for a in (long, short)]
    assert mass[0] == pytest.approx(1.0)
    assert mass[0] <= 1.0 + 1e-9
    assert mass[1] <= 1.0 + 1e-9
    assert len(judge(long, [react(long)])[0]) <= PHRASES


def test_the_score_of_a_text_does_not_grow_with_its_length() -> None:
    asked = "How do I polish a gadget quickly?"
    index = PhraseIndex.build(
        taught(
            (asked, "You can simply do it.", "You can do it."), (asked, "Do it.", "Do it with frobnicate.")
        )
    )
    near = choose(index, asked, 200, words)
    once = assess(index, "Do it with frobnicate.", near)
    again = assess(index, " ".join(["Do it with frobnicate."] * 50), near)
    assert once.score == again.score > 0.0
    assert assess(index, "Simply do.").score == assess(index, "Simply do. " * 50).score < 0.0


def test_common_wordings_are_discounted_by_the_background() -> None:
    given = answer("For example you can use a list or the frobnicator in your code.")
    phrases, _ = judge(given, [react(given)])
    texts = {phrase.text for phrase in phrases}
    assert "frobnicator" in texts
    assert not texts & {"list", "for example", "use", "code"}


def test_weights_stay_within_minus_one_and_one_and_are_shrunk() -> None:
    given = [answer(SHORT, number=n) for n in range(60)]
    weights = fold([(a, [react(a, by=reader(n))]) for n, a in enumerate(given)], NOW).values()
    assert weights and all(-1.0 < w.weight < 1.0 for w in weights)
    one = fold([(given[0], [react(given[0])])], NOW).values()
    assert max(w.weight for w in one) < 0.5


def test_old_praise_fades_and_then_no_longer_acts() -> None:
    given = answer(SHORT)
    now, later, much_later = (NOW, NOW + timedelta(days=90), NOW + timedelta(days=500))
    weights = [next(iter(fold([(given, [react(given)])], t).values())) for t in (now, later)]
    assert weights[1].ups == pytest.approx(weights[0].ups / 2)
    stored = fold([(given, [react(given)])], NOW).values()
    assert PhraseIndex.build(stored, now).lessons
    assert not PhraseIndex.build(stored, much_later).lessons


def test_one_person_is_capped_over_all_answers() -> None:
    given = [answer("Do it. Use frobnicate now.", number=n) for n in range(30)]
    events = [(a, [edit(a, "Do it.", minute=n)]) for n, a in enumerate(given)]
    weights = fold(events, NOW + timedelta(hours=1)).values()
    assert weights
    for weight in weights:
        assert weight.downs <= 1.0 + 1e-9
        assert weight.people == 1


def test_only_the_best_few_enter_a_prompt() -> None:
    lessons = [
        ("How do I parse stanza files?", f"Call `old_{n}(x)` now.", f"Call `new_{n}(x)` now.")
        for n in range(80)
    ]
    choice = choose(PhraseIndex.build(taught(*lessons)), "How do I parse stanza files?", 60, words)
    assert choice.corrections
    assert choice.tokens <= 60
    assert len(choice.corrections) < 80


def test_an_up_vote_never_pushes_a_down_voted_phrase_further_down() -> None:
    given = answer(SHORT)
    downs = [react(given, Reaction.MINUS_ONE, by=reader(n), minute=n) for n in range(4)]
    before = fold([(given, downs)], NOW)
    after = fold([(given, [*downs, react(given, by=reader(9), minute=9)])], NOW)
    assert before and all(after[name].weight > weight.weight for name, weight in before.items())


def test_a_bias_is_clamped() -> None:
    weights = taught(("q", "Call `load_all(x)` first.", "Call `load_some(x)` first."))
    choice = choose(PhraseIndex.build(weights), "Where is load_all?", 200, words)
    assert {bias.text for bias in biases(choice)} == {"load_all", "load_some"}
    assert all(abs(bias.value) <= CLAMP for bias in biases(choice))


def test_a_placeholder_edited_by_the_bot_is_no_answer() -> None:
    given = answer("Call `load_all(x)` first.")
    own = edit(given, given.text, by=BOT, before="Thinking …", minute=1)
    person = edit(given, "Call `load_some(x)` first.", minute=2)
    (lesson,) = of_kind(list(fold([(given, [own, person])], NOW).values()), PhraseKind.CORRECTION)
    assert lesson.phrase.right == "load_some"


def test_a_bot_takes_nothing_back_whatever_it_may_write() -> None:
    given = answer("Call `load_all(x)` first.")
    change = edit(given, "Call `load_some(x)` first.")
    undone = retract(change, by=BOT, permission=Permission.ADMIN)
    assert fold([(given, [change, undone])], NOW) == fold([(given, [change])], NOW)
    assert not fold([(given, [change, retract(change, by=reader(1), permission=Permission.WRITE)])], NOW)
