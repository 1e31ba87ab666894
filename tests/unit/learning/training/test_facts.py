"""A fact stands in its thread alone, and an answer that says it is told from one that makes something up."""

from __future__ import annotations

import pytest

from learning.training.facts import HELD_OUT, Fact, told
from learning.training.facts_made import made_up


def test_what_is_wanted_stands_in_the_thread_and_not_in_the_question() -> None:
    assert len({one.question for one in HELD_OUT}) == len({one.wanted for one in HELD_OUT}) == len(HELD_OUT)
    for one in HELD_OUT:
        assert told(one, one.thread) and not told(one, one.question), one.question


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


def test_made_up_facts_are_told_by_their_threads_alone_and_none_of_them_judges() -> None:
    facts = made_up(3000, seed=0)
    assert facts == made_up(3000, seed=0) != made_up(3000, seed=1)
    assert len({one.question for one in facts}) == 3000
    judging = {one.question for one in HELD_OUT}
    for one in facts:
        assert told(one, one.thread) and not told(one, one.question) and one.question not in judging
        assert not any(told(judge, one.thread) and judge.wanted == one.wanted for judge in HELD_OUT)
    alone = [one for one in facts if sum(told(other, one.thread) for other in facts[:200]) > 1]
    assert len(alone) < 300, "a thread says one thing"
