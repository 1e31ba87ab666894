"""The prompt is the same to the byte without memory, and nothing in a thread can leave its fence."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bot.memory import Example
from bot.prompt import build, fence, rule
from storage.records import Phrase, PhraseKind, PhraseWeight
from tests.unit.bot.threads import NOW


def test_without_lessons_the_prompt_is_that_of_a_bot_without_memory():
    assert build("Why?", "thread", rules=(), examples=(), again=()) == build("Why?", "thread")


def test_the_question_follows_the_thread_and_lessons_follow_the_question():
    *_, last = build("Why?", "thread", rules=["Use `a`."], again=["Write `c`, not `d`."])
    assert last.role == "user"
    places = [last.content.index(part) for part in ("thread", "- Write `c`, not `d`.", "Why?", "Use `a`.")]
    assert places == sorted(places)


def test_a_correction_is_first_said_without_its_wrong_form():
    phrase = Phrase(id="p", repository_id=1, kind=PhraseKind.CORRECTION, text="b", right="a", context="code")
    lesson = PhraseWeight(phrase=phrase, ups=1, downs=0, weight=1, active=True, people=1, as_of=NOW)
    assert rule(lesson) == "Use `a`."
    assert rule(replace(lesson, phrase=replace(phrase, kind=PhraseKind.MENTION))) == "Mention: a"


def test_examples_are_turns_of_their_own():
    messages = build("Why?", "", examples=[Example(question="How?", text="So.")])
    assert [message.role for message in messages] == ["system", "user", "assistant", "user"]
    assert messages[2].content == "So."


@given(st.text(alphabet="~`a\n ", max_size=200) | st.text(max_size=100))
def test_nothing_closes_the_fence(text):
    lines = fence(text).split("\n")
    assert lines[0] == lines[-1] and set(lines[0]) == {"~"} and 3 <= len(lines[0]) <= 8
    assert not any(line.strip().startswith(lines[0]) for line in lines[1:-1])


@given(st.text(max_size=80))
def test_a_lesson_takes_one_line_whatever_is_in_it(said):
    *_, last = build("Why?", "", rules=[said], again=[said])
    assert len(last.content.split("\n")) == 5
