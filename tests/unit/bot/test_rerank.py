"""Candidates are tidied, guarded, scored and ranked by rules that can be read."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rerank import Abstain, Pick, Retry, Scored, grounded, guards, rank, repeated, score, tidy
from storage.records import Candidate

ASKED = "Where do the settings of the tool live?"


def scored(name, *, phrase_score=0.0, total=0.0, failed=(), violations=()):
    candidate = Candidate(
        id=name, generation_id="g", index=0, text=name, tokens=1, logprob=-1.0, finish_reason="stop",
        phrase_score=phrase_score, guards=tuple(failed), violations=tuple(violations), score=total,
    )  # fmt: skip
    spoken_of = bool(phrase_score or violations)
    return Scored(candidate=candidate, text=name, violations=tuple(violations), spoken_of=spoken_of)


def decide(*all_of_them, rounds_left=0, repairs=True, floor=-0.5, min_score=0.0):
    return rank(all_of_them, min_score=min_score, floor=floor, rounds_left=rounds_left, repairs=repairs)


@pytest.mark.parametrize(
    ("text", "failed"),
    [
        ("They live in `conf/tool.yaml`.", ()),
        ("conf/tool.yaml", ()),
        ("", ("empty",)),
        ("…!?", ("empty",)),
        ("[Insert your answer here]", ("empty",)),
        ("TODO", ("empty",)),
        (ASKED, ("echo",)),
        ("The answer to this question is:\n\nWhere do the settings of the tool live?", ("echo",)),
        ("As an AI language model, I cannot read files.", ("refusal",)),
        ("I'm sorry for the inconvenience, the file is conf/tool.yaml.", ("refusal",)),
        ("Run nice -s unit. " * 8, ("repetition",)),
        ("Read the guide first.\nUse a file.\nUse a file.\nUse a file.", ("repetition",)),
    ],
)
def test_each_guard_finds_its_case_and_no_other(text, failed):
    assert guards(text, ASKED) == failed


def test_an_answer_that_repeats_our_own_sentence_is_an_echo():
    assert guards("Use the text to answer. It is in conf.", ASKED, ("Use the text to answer.",)) == ("echo",)


@pytest.mark.parametrize(
    ("text", "finish", "tidied"),
    [
        ("Answer: Use nox.", "stop", "Use nox."),
        ("Use nox.\n\nQuestion: How do I install it?\nAnswer: …", "stop", "Use nox."),
        ("Use nox. It is quick. Then you can al", "length", "Use nox. It is quick."),
        ("half a sentence without an end", "length", ""),
        (
            "Do this:\n\n```py\na = 1\nb = 2\nc = 3\nd = ",
            "length",
            "Do this:\n\n```py\na = 1\nb = 2\nc = 3\n```",
        ),
        (
            "```nox -s docs``` builds them.\nThen look.\nInto site.\nAnd th",
            "length",
            "```nox -s docs``` builds them.\nThen look.\nInto site.",
        ),
        ("Use nox.\n1. First.\n2.", "length", "Use nox.\n1. First."),
        ("Do it.\n\n```\nx\n```", "length", "Do it.\n\n```\nx\n```"),
        ("A half sentence that stopped by itself", "stop", "A half sentence that stopped by itself"),
    ],
)
def test_tidying_takes_invented_turns_and_half_sentences(text, finish, tidied):
    assert tidy(text, finish) == tidied


@given(st.text(max_size=200) | st.text(alphabet="ab.\n`~ ", max_size=60), st.sampled_from(["stop", "length"]))
def test_tidying_takes_away_and_adds_nothing_but_the_end_of_a_fence(text, finish):
    *lines, last = tidy(text, finish).split("\n")
    assert all(line in text for line in lines)
    assert last in text or (finish == "length" and set(last) in ({"`"}, {"~"}))


def test_what_the_thread_bears_out_ranks_higher():
    read = "Settings are read from `conf/tool.yaml`, variables win over the file."
    right, invented = "Settings are read from conf/tool.yaml.", "They are in the folder etc/app of Windows."
    assert grounded(right, read, ASKED) > grounded(invented, read, ASKED)
    assert 0.0 <= grounded(right, read, ASKED) <= 1.0 and grounded("", read, ASKED) == 0.0


def test_what_only_says_the_issue_again_is_seen():
    issue = "Install docs\nThe install docs are missing."
    assert repeated("The install docs are missing.", issue) == 1.0 and repeated("Use pip.", issue) == 0.0


def test_a_good_answer_that_can_be_mended_stands_above_one_that_says_nothing():
    mendable = score(-0.7, 0.7, (), 1, 0.3, repairs=True)
    assert mendable > score(0.0, 0.4, (), 0, 0.1, repairs=True)
    assert mendable < score(0.0, 0.7, (), 0, 0.3, repairs=True)
    assert score(-0.7, 0.7, (), 1, 0.3) < 0


def test_an_echo_gains_nothing_from_its_similarity():
    assert score(0.0, 1.0, ()) == score(0.0, 0.7, ()) and score(0.0, -1.0, ()) == 0.0


def test_the_best_of_all_rounds_is_picked():
    decision = decide(scored("first", total=0.4), scored("second", total=0.1))
    assert isinstance(decision, Pick) and decision.best.text == "first"


def test_a_broken_lesson_asks_again_by_name_while_rounds_are_left():
    decision = decide(scored("a", total=-0.5, phrase_score=-0.3, violations=["p_1"]), rounds_left=1)
    assert decision == Retry(reason="a lesson is broken", violations=("p_1",))


def test_a_low_score_asks_again():
    assert isinstance(decide(scored("a", phrase_score=-0.1), rounds_left=1), Retry)
    assert isinstance(decide(scored("a", phrase_score=0.0), rounds_left=1), Pick)


def test_unusable_candidates_ask_again_and_then_abstain():
    echo = scored("a", total=0.9, failed=["echo"])
    assert isinstance(decide(echo, rounds_left=1), Retry)
    assert isinstance(decide(echo), Abstain)
    assert isinstance(decide(echo, scored("b", total=-0.4)), Pick)


def test_under_the_floor_it_abstains_unless_a_repair_may_help():
    low = scored("a", phrase_score=-0.9, violations=["p_1"])
    assert isinstance(decide(low, repairs=False), Abstain)
    assert isinstance(decide(low, repairs=True), Pick)
    nothing_to_repair = scored("a", phrase_score=-0.9)
    assert isinstance(decide(nothing_to_repair, repairs=True), Abstain)


def test_a_limit_asks_again_only_where_a_lesson_speaks_of_the_answer():
    silent, spoken_of = scored("a"), replace(scored("a"), spoken_of=True)
    assert isinstance(decide(silent, rounds_left=1, min_score=0.2), Pick)
    assert isinstance(decide(spoken_of, rounds_left=1, min_score=0.2), Retry)
