"""The prompt is the same to the byte without memory, and nothing in a thread can leave its fence."""

from hypothesis import given
from hypothesis import strategies as st

from bot.memory import Example
from bot.prompt import build, fence


def test_without_lessons_the_prompt_is_that_of_a_bot_without_memory():
    assert build("Why?", "thread", rules=(), examples=(), again=()) == build("Why?", "thread")


def test_the_question_comes_last_and_lessons_before_it():
    *_, last = build("Why?", "thread", rules=["Write `a`, not `b`."], again=["Mention: c"])
    assert last.role == "user"
    places = [
        last.content.index(part) for part in ("thread", "- Write `a`, not `b`.", "- Mention: c", "Why?")
    ]
    assert places == sorted(places)


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
def test_a_lesson_takes_one_line_whatever_is_in_it(rule):
    *_, last = build("Why?", "", rules=[rule])
    listed = last.content.partition("Rules of this project:\n")[2].partition("\n\n")[0]
    assert listed.startswith("- ") and "\n" not in listed
