"""A source is claimed only where a name shows it."""

from bot.sources import sources
from learning.prompt import Example
from tests.unit.bot.threads import US, post, question, thread

ASKED = question("Where do the settings live?")


def found(text, *posts, examples=()):
    return [label for label, _ in sources(text, ASKED.text, thread("Where?", *posts), ASKED, examples)]


def test_a_name_from_a_post_is_its_source():
    assert found("In `conf/tool.yaml`.", post(11, "conf/tool.yaml it is")) == ["anna in this thread"]


def test_plain_words_and_our_own_comments_are_none():
    assert found("It lives in the settings folder.", post(11, "the settings folder")) == []
    assert found("In `conf/tool.yaml`.", post(11, "conf/tool.yaml", US)) == []


def test_an_earlier_answer_is_named():
    example = Example(question="q", text="See `conf/tool.yaml`.", url="https://github.com/o/r/issues/1")
    assert found("In `conf/tool.yaml`.", examples=[example]) == ["an earlier answer here"]
