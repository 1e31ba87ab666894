"""A fact stands in its thread alone, and an answer that says it is told from one that makes something up."""

from __future__ import annotations

import pytest

from learning.prompt import TEMPLATE, build
from learning.training.facts import HELD_OUT, Fact, says, told
from learning.training.facts_made import MOST, made_up, prompted
from learning.training.rows import Source, Split


def test_what_is_wanted_stands_in_the_thread_and_not_in_the_question() -> None:
    assert len({one.question for one in HELD_OUT}) == len({one.wanted for one in HELD_OUT}) == len(HELD_OUT)
    for one in HELD_OUT:
        assert says(one.thread, one.wanted) and not says(one.question, one.wanted), one.question


@pytest.mark.parametrize(
    ("wanted", "text", "is_told"),
    [
        ("45", "The default timeout is 45 seconds.", True),
        ("45", "The default timeout is 1450 seconds.", False),
        ("conf/tool.yaml", "They are in `CONF/tool.yaml`.", True),
        ("conf/tool.yaml", "They are in conf/tools.yaml.", False),
        ("--no-cache", "Pass --no-cache.", True),
        ("--no-cache", "Pass --no-cached.", False),
        ("X-Signed-By", "", False),
    ],
)
def test_whole_words_tell_in_any_case(wanted: str, text: str, is_told: bool) -> None:
    assert told(Fact(question="?", thread="", wanted=wanted), text) is is_told


@pytest.mark.parametrize("one", HELD_OUT, ids=lambda one: one.wanted)
def test_a_post_may_be_quoted_and_a_thread_of_several_is_not_all_said_again(one: Fact) -> None:
    posts = one.thread.split("\n\n")
    quoted = next(post for post in posts if says(post, one.wanted)).partition(" wrote:\n")[2]
    assert told(one, quoted) and told(one, f"Yes: {quoted} Thanks to all.")
    assert told(one, one.thread) is (len(posts) == 1)


def test_made_up_facts_are_said_by_their_threads_alone_and_none_of_them_judges() -> None:
    facts = made_up(3000, seed=0)
    assert facts == made_up(3000, seed=0) != made_up(3000, seed=1)
    assert made_up(20, seed=0) == facts[:20]
    assert len({one.question for one in facts}) == 3000
    judging = {one.question for one in HELD_OUT}
    for one in facts:
        assert says(one.thread, one.wanted) and not says(one.question, one.wanted)
        assert one.question not in judging
        assert not any(says(one.thread, judge.wanted) for judge in HELD_OUT)


def test_more_facts_than_there_are_kinds_for_are_refused_and_not_looked_for_without_an_end() -> None:
    with pytest.raises(ValueError, match="10001 facts are more than the 10000"):
        made_up(MOST + 1, seed=0)


def test_a_made_up_fact_is_from_nobody_and_trains() -> None:
    (one,) = made_up(1, seed=0)
    messages, origin = prompted(one)
    assert messages == build(one.question, one.thread)
    assert (origin.source, origin.split, origin.repository_id) == (Source.AI, Split.TRAIN, 0)
    assert (origin.licence, origin.people, origin.template) == ("Apache-2.0", (), TEMPLATE)
