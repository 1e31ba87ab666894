"""Choice: what concerns a question, under the cap, traceable; nothing for any other. Scores and biases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.memory.choice import CLAMP, EMPTY, assess, biases, choose, line
from learning.memory.index import ASKED, PhraseIndex
from learning.memory.phrases import fold
from storage.records import FeedbackKind, Permission, PhraseKind, PhraseWeight, Reaction
from tests.unit.learning.memory.people import NOW, answer, event, react, reader, taught, words

LESSONS = [
    ("How do I fetch a page from a server?", "Use `requests.get(url)`.", "Use `client.get(url)`."),
    ("How do I install a wheel offline?", "Run `pip install x`.", "Run `uv add x`."),
    ("How do I list files of an archive?", "Open the directory first.", "Open the folder first."),
    ("How do I polish a gadget quickly?", "You can simply polish it.", "You can polish it."),
    ("How do I sort invoices by month?", "Sort them.", "Sort them.\n\nSee `docs/sorting.md` for rules."),
    ("How do I parse a stanza of text?", "Parse it.", "Parse it with frobnicate."),
]
INDEX = PhraseIndex.build(taught(*LESSONS))
EACH = "fetch a server, install a wheel, files of an archive, polish a gadget, sort invoices, parse a stanza"
"""A question with two words of each that taught, so that an encoder is asked about all of them."""


def chosen(question: str, cap: int = 200) -> set[str]:
    return {w.phrase.right or w.phrase.text for w in choose(INDEX, question, cap, words).weights}


def test_a_question_that_no_lesson_concerns_gets_nothing_at_all() -> None:
    assert choose(INDEX, "Why does my tkinter window freeze at midnight?", 200, words) is EMPTY
    assert not EMPTY


def test_a_question_with_the_wrong_form_gets_its_correction_first() -> None:
    choice = choose(INDEX, "Should I polish gadgets quickly with pip install?", 200, words)
    assert choice.corrections[0].phrase.right == "uv add"
    assert choice.weights[0] is choice.corrections[0]


def test_a_question_near_the_one_that_taught_gets_its_lesson() -> None:
    assert "client.get" in chosen("fetch page of some server")
    assert "simply" in chosen("polish a gadget")
    assert "See `docs/sorting.md` for rules." in chosen("sorting my invoices")


def test_meaning_finds_what_words_do_not() -> None:
    def similarity(texts: list[str]) -> list[float]:
        assert len(texts) <= ASKED
        return [0.9 if "invoices" in text else 0.1 for text in texts]

    choice = choose(INDEX, "ordering bills", 200, words, similarity)
    assert [w.phrase.kind for w in choice.weights] == [PhraseKind.MENTION]


@given(st.lists(st.floats(0.65, 1.0), min_size=6, max_size=6), st.floats(0, 300))
@settings(max_examples=60, deadline=None)
def test_corrections_come_first_and_each_kind_by_weight_times_relevance(
    near: list[float], days: float
) -> None:
    """`near`: how near a question is to each that taught a lesson; `days`: how long ago that was."""
    asked = {question: cosine for (question, _, _), cosine in zip(LESSONS, near, strict=True)}
    index = PhraseIndex.build(taught(*LESSONS), NOW + timedelta(days=days))
    choice = choose(index, EACH, 500, words, lambda texts: [asked[text] for text in texts])
    assert len(choice.corrections) == 4 and choice.mentions and choice.positives and choice.negatives
    assert choice.weights[:4] == choice.corrections
    for group in (choice.corrections, choice.mentions, choice.negatives, choice.positives):
        worth = [abs(weight.weight) * asked[weight.contexts[0]] for weight in group]
        assert worth == sorted(worth, reverse=True)


@given(st.integers(0, 120), st.text(alphabet="abc fetch page pip install sort invoices", max_size=120))
@settings(max_examples=150, deadline=None)
def test_a_choice_is_never_over_the_cap(cap: int, question: str) -> None:
    choice = choose(INDEX, question, cap, len)
    assert len("\n".join(choice.lines)) == choice.tokens <= cap
    assert choose(INDEX, question, cap, words).tokens <= cap


def test_a_line_that_does_not_fit_is_passed_over_and_not_the_rest() -> None:
    both = choose(INDEX, "pip install: sort invoices by month", 200, words)
    assert len(both.weights) == 2
    least = words(line(both.corrections[0]))
    assert [
        w.phrase.right for w in choose(INDEX, "pip install: sort invoices by month", least, words).weights
    ] == ["uv add"]


def test_everything_chosen_is_active_and_can_be_traced_to_events() -> None:
    for question, _, _ in LESSONS:
        weights = choose(INDEX, question, 200, words).weights
        assert weights
        for weight in weights:
            assert weight.active
            assert weight.event_ids


def test_inactive_lessons_are_not_even_in_the_index() -> None:
    judged = answer("Frobnicate the widget.", "How do I polish it?")
    thumb = react(judged, Reaction.MINUS_ONE, by=reader(1), permission=Permission.READ)
    weights = fold([(judged, [thumb])], NOW).values()
    assert weights and not any(weight.active for weight in weights)
    assert PhraseIndex.build(weights).lessons == ()
    assert PhraseIndex.build([replace(weight, active=True) for weight in weights]).lessons


def test_a_deleted_answer_means_silence_to_such_questions() -> None:
    folded = []
    for number, question in enumerate(
        ["Do my homework on stanzas", "homework about gadgets due", "My homework is late"]
    ):
        given_answer = answer("Here it is.", question, number)
        folded.append((given_answer, [event(given_answer, FeedbackKind.DELETION)]))
    index = PhraseIndex.build(fold(folded, NOW).values())
    assert choose(index, "homework please", 200, words).silence
    assert choose(index, "how do I sort invoices", 200, words).silence is None


def test_the_index_finds_a_wrong_form_that_only_the_text_shows() -> None:
    judged = assess(INDEX, "Then `requests.get(other)` and simply go on.")
    assert {w.phrase.text for w in judged.violations} >= {"requests.get", "simply"}
    assert judged.score < 0
    assert assess(INDEX, "Then `client.get(other)`.").violations == ()


def test_a_mention_is_missed_only_where_it_was_chosen() -> None:
    choice = choose(INDEX, "sort invoices by month", 200, words)
    assert [w.phrase.kind for w in assess(INDEX, "Sort them.", choice).violations] == [PhraseKind.MENTION]
    assert assess(INDEX, "Sort them.").violations == ()
    assert assess(INDEX, "Sort them as docs/sorting.md says.", choice).violations == ()


def test_a_text_over_the_taught_length_is_a_violation() -> None:
    long = " ".join(f"Sentence number {n} says one more thing." for n in range(12))
    index = PhraseIndex.build(taught(("How?", long, long[: long.index("Sentence number 4")].strip())))
    assert [w.phrase.kind for w in assess(index, long).violations] == [PhraseKind.LENGTH]
    assert assess(index, "Short.").violations == ()


def test_a_limit_in_doubt_holds_once_a_second_cut_was_made() -> None:
    stays = "Open the file first, and close it when you are done, whatever became of what you read from it."
    code = (
        "\n\n```\nhandle = open_file(path)\nfor line in read_all(handle):\n    say(line)\nhandle.close()\n```"
    )
    python = (
        " Python closes it for you if you ask it to. With Python 3 the same holds for folders and for pipes."
    )
    plain = (
        " The rest is up to you. Nobody will stop it. See what others made of this before you begin your own."
    )
    lone = PhraseIndex.build(taught(("How?", stays + code, stays)))
    assert [w for w in assess(lone, stays + plain).violations if w.phrase.limit_words] == []
    for second in (code.replace("say", "tell"), python, plain):
        index = PhraseIndex.build(taught(("How?", stays + code, stays), ("Why?", stays + second, stays)))
        assert [w.phrase.limit_words for w in assess(index, stays + plain).violations] == [20]


@given(st.lists(st.sampled_from([b for _, b, _ in LESSONS] + [a for _, _, a in LESSONS]), max_size=6))
@settings(max_examples=80, deadline=None)
def test_a_score_is_within_bounds_and_repetition_does_not_move_it(texts: list[str]) -> None:
    text = " ".join(texts)
    assert -1.0 <= assess(INDEX, text).score <= 1.0
    assert assess(INDEX, f"{text} {text}").score == assess(INDEX, text).score


def test_biases_speak_for_the_right_form_and_against_the_wrong_one() -> None:
    found = {b.text: b.value for b in biases(choose(INDEX, "pip install", 200, words))}
    assert found["uv add"] > 0 > found["pip install"]
    again = {b.text: b.value for b in biases(EMPTY, assess(INDEX, "simply do").violations)}
    assert again["simply"] < 0
    assert all(abs(value) <= CLAMP for value in (*found.values(), *again.values()))


def test_a_right_form_that_holds_the_wrong_one_is_not_biased_against() -> None:
    index = PhraseIndex.build(taught(("q", "Run `pip install x`.", "Run `uv pip install x`.")))
    assert {b.text for b in biases(choose(index, "pip install", 200, words))} == {"uv pip install"}


def test_a_weak_wording_acts_only_near_the_question_that_taught_it() -> None:
    given_answer = answer("Frobnicate the widget.", "How do I polish a gadget quickly?")
    weights = fold(
        [(given_answer, [react(given_answer, Reaction.MINUS_ONE)])], NOW + timedelta(hours=1)
    ).values()
    index = PhraseIndex.build(weights)
    near = choose(index, "polish a gadget", 200, words)
    assert near.negatives
    assert assess(index, "Frobnicate it.", near).hits
    assert not assess(index, "Frobnicate it.").hits


@pytest.mark.parametrize(("cosine", "silent"), [(0.9, True), (0.6, False)])
def test_a_question_that_is_only_a_little_like_a_deleted_one_is_answered(cosine: float, silent: bool) -> None:
    given_answer = answer("Here it is.", "Do my homework on stanzas")
    weights = fold([(given_answer, [event(given_answer, FeedbackKind.DELETION)])], NOW).values()
    choice = choose(
        PhraseIndex.build(weights), "Solve the exercise", 200, words, lambda texts: [cosine] * len(texts)
    )
    assert (choice.silence is not None) is silent


def test_of_two_taught_limits_the_tighter_holds_and_of_three_the_middle_one() -> None:
    def cut(*kept: int) -> int:
        texts = [" ".join(f"Part {k} number {n} says one more thing." for n in range(12)) for k in kept]
        stories = [
            ("How?", t, t[: t.index(f"number {k}")].rpartition("Part")[0].strip())
            for t, k in zip(texts, kept, strict=True)
        ]
        index = PhraseIndex.build(taught(*stories))
        (broken,) = assess(index, texts[0]).violations
        return broken.phrase.limit_words

    assert cut(6) > cut(4)
    assert cut(6, 4) == cut(4)
    assert cut(2, 6, 4) == cut(4)


@pytest.mark.parametrize("weight", INDEX.lessons)
def test_every_lesson_is_one_line(weight: PhraseWeight) -> None:
    assert "\n" not in line(weight)
    assert weight.phrase.right in line(weight)
