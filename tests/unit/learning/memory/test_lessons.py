"""What one edit teaches."""

from __future__ import annotations

import pytest

from learning.memory.background import DEFAULT
from learning.memory.cuts import DOUBTFUL, is_doubtful
from learning.memory.lessons import Lesson, lessons
from storage.records import Edit, PhraseKind

LONG = " ".join(f"Sentence number {n} says one more thing." for n in range(12))


def teach(before: str, after: str, question: str = "How?") -> list[Lesson]:
    return lessons(1, before, after, question, DEFAULT)


def kinds(before: str, after: str) -> set[PhraseKind]:
    return {lesson.phrase.kind for lesson in teach(before, after)}


def limits(before: str, after: str) -> set[tuple[int, str]]:
    taught = (lesson.phrase for lesson in teach(before, after))
    return {(phrase.limit_words, phrase.context) for phrase in taught if phrase.kind is PhraseKind.LENGTH}


def test_a_sentence_that_was_only_added_is_to_be_mentioned() -> None:
    (only,) = teach("Use a list.", "Use a list.\n\nSee CONTRIBUTING.md first.")
    assert (only.phrase.kind, only.phrase.right) == (PhraseKind.MENTION, "See CONTRIBUTING.md first.")


def test_added_code_is_no_mention() -> None:
    assert PhraseKind.MENTION not in kinds("Use a list.", "Use a list.\n\n```\nx = load_all()\n```")


def test_an_answer_cut_at_its_end_teaches_length_and_punishes_no_wording() -> None:
    (only,) = teach(LONG, LONG[: LONG.index("Sentence number 4")].strip())
    assert only.phrase.kind is PhraseKind.LENGTH
    assert only.phrase.limit_words == 30


@pytest.mark.parametrize(
    ("kept", "limit"),
    [
        (4, 30),  # 28 words were left, 35 were too many
        (5, 40),  # between 35 and 41 people mean 40
        (6, 45),  # no round ten between 42 and 48
    ],
)
def test_a_limit_is_the_greatest_round_number_that_the_next_sentence_would_have_passed(
    kept: int, limit: int
) -> None:
    (only,) = teach(LONG, LONG[: LONG.index(f"Sentence number {kept}")].strip())
    assert only.phrase.limit_words == limit


def test_a_long_block_that_was_cut_off_does_not_make_the_limit_as_wide_as_itself() -> None:
    said = "Call the function that is named below with the path of your own file."
    code = "\n".join(f"line_{n} = load_one_more({n}, {n})" for n in range(40))
    assert limits(f"{said}\n\n```\n{code}\n```", said) == {(40, DOUBTFUL)}


def test_a_cut_within_a_sentence_says_no_more_than_what_was_left() -> None:
    words = [f"word{n}" for n in range(60)]
    (only,) = teach(" ".join(words) + ".", " ".join(words[:33]))
    assert only.phrase.limit_words == 40


def test_a_short_answer_written_in_place_of_a_long_one_is_no_lesson_about_length() -> None:
    assert PhraseKind.LENGTH not in kinds(LONG, "Use Latin Modern.")
    assert PhraseKind.LENGTH not in kinds(LONG, "Run `make test`; nothing else is needed here.")


def test_a_sentence_taken_out_is_no_lesson_about_length() -> None:
    assert kinds("Use a list. I hope this helps you and yours a lot!", "Use a list.") == {PhraseKind.WORDING}
    assert PhraseKind.LENGTH not in kinds(f"As an AI I must say that I cannot help. {LONG}", LONG)


def test_sentences_taken_out_for_one_word_that_is_gone_with_them_are_no_lesson_about_length() -> None:
    stays = "Open the file first, and close it when you are done."
    rest = (
        "Python closes it for you if you ask it to. With Python 3 the same holds for folders and for pipes."
    )
    before = f"In Python this is quite simple to do. {stays} {rest}"
    taught = kinds(before, stays)
    assert PhraseKind.LENGTH not in taught
    assert PhraseKind.WORDING in taught
    told_apart = before.replace("Python closes", "The runtime closes").replace(
        "With Python 3", "In old releases"
    )
    assert kinds(told_apart, stays) == {PhraseKind.LENGTH}, "a cut in the middle that shares nothing is a cut"


def test_an_end_that_may_be_gone_for_a_word_or_for_its_code_teaches_both_and_the_limit_in_doubt() -> None:
    stays = "Open the file first, and close it when you are done, whatever became of what you read from it."
    ends = [
        " Python closes it for you if you ask it to. With Python 3 the same holds for folders and for pipes.",
        "\n\n```\nhandle = open_file(path)\nfor line in read_all(handle):\n    say(it)\nhandle.close()\n```",
    ]
    for end in ends:
        assert limits(stays + end, stays) == {(20, DOUBTFUL)}
        assert PhraseKind.WORDING in kinds(stays + end, stays)
    both = "".join(ends)
    assert limits(stays + both, stays) == {(20, "")}, "prose and code have nothing in common but the length"


def test_a_cut_that_took_no_span_out_is_not_about_a_block_of_code() -> None:
    edit = Edit(removed=(), added=(), replaced=(), distance=0.5, words_before=40, words_after=20)
    assert not is_doubtful(edit, f"```\nx = 1\n```\n{LONG}", LONG)


@pytest.mark.parametrize("after", ["", "—", "-", "…"])
def test_an_answer_emptied_is_silence(after: str) -> None:
    assert kinds("Use a list of some things here.", after) == {PhraseKind.SILENCE}


def test_a_removed_word_is_unwanted_as_it_stands() -> None:
    (only,) = teach("You can simply use a list.", "You can use a list.")
    assert (only.phrase.text, only.share < 0) == ("simply", True)


def test_two_removals_that_open_alike_condemn_the_opening() -> None:
    texts = [
        ("Do it.\n\nHere's an example of how to frobnicate a widget:\n\n`x`", "Do it.\n\n`x`"),
        ("Go on.\n\nHere's an example of the gadget being polished:\n\n`y`", "Go on.\n\n`y`"),
    ]
    phrases = [{lesson.phrase.text for lesson in teach(*pair) if lesson.share < 0} for pair in texts]
    assert "here's an example" in phrases[0] & phrases[1]


def test_a_name_of_a_module_is_corrected_where_it_is_imported_too() -> None:
    found = {
        (x.phrase.text, x.phrase.right)
        for x in teach("Use `json.loads(x)`; a json file.", "Use `orjson.loads(x)`; a json file.")
    }
    assert {("json.loads", "orjson.loads"), ("json", "orjson")} & found
    phrases = {
        x.phrase.text: x.phrase
        for x in teach("Call `json.loads(x)` of `json`.", "Call `orjson.loads(x)` of `json`.")
    }
    assert {"json.loads", "json.", "import json"} <= set(phrases)
    assert "`json`" not in phrases


def test_ids_follow_from_what_is_said_and_not_from_where() -> None:
    one = teach("Call load_all now.", "Call load_some now.", "first?")
    two = teach("Then load_all(x).", "Then load_some(x).", "second?")
    assert {x.phrase for x in one} == {x.phrase for x in two}


@pytest.mark.parametrize(("wrong", "right"), [("three", "tree"), ("form", "from"), ("cause", "pause")])
def test_a_slip_between_two_common_words_is_no_correction(wrong: str, right: str) -> None:
    assert not kinds(f"Walk the {wrong} twice.", f"Walk the {right} twice.")


@pytest.mark.parametrize(("wrong", "right"), [("behaviour", "behavior"), ("dictionary", "mapping")])
def test_a_spelling_and_another_term_are_corrections(wrong: str, right: str) -> None:
    assert kinds(f"Its {wrong} is odd.", f"Its {right} is odd.") == {PhraseKind.CORRECTION}


def test_a_misspelt_word_is_a_correction() -> None:
    assert kinds("Its existance is odd.", "Its existence is odd.") == {PhraseKind.CORRECTION}


@pytest.mark.parametrize("added", ["[1]: https://example.org/a/page", "The following page says more:"])
def test_what_says_nothing_without_the_rest_is_no_mention(added: str) -> None:
    assert PhraseKind.MENTION not in kinds("Use a list.", f"Use a list.\n\n{added}")


def test_a_contraction_taken_out_condemns_no_wording() -> None:
    for short, long in (("they've", "they have"), ("didn't", "did not"), ("we're", "we are")):
        assert not kinds(f"Say that {short} changed it.", f"Say that {long} changed it.")


def test_a_local_name_of_one_letter_is_renamed_here_and_nowhere_else() -> None:
    assert not kinds("Call `max(x, limit)` on it.", "Call `max(f, limit)` on it.")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Set TOKEN=abc and run make test.", "Set TOKEN=[secret] and run make test."),
        ("Run `make test`.", "Run `GH_TOKEN=[secret] make test`."),
        ("Run the tests.", "Run the tests.\n\nThe password is [secret], use it to log in to the server."),
        ("```\nexport A=b\n```", "```\nexport A=[secret]\n```"),
        ("The key is [secret].", "The key is abc."),
    ],
)
def test_what_was_cut_out_as_a_secret_teaches_no_wording(before: str, after: str) -> None:
    assert teach(before, after) == []


def test_an_edit_beside_a_secret_teaches_what_it_says() -> None:
    (only,) = teach("Set TOKEN=[secret] and run make test.", "Set TOKEN=[secret] and run make check.")
    assert (only.phrase.text, only.phrase.right) == ("make test", "make check")
    assert teach("Keep the key secret.", "Keep the password hidden."), "a word that is a word stays one"
